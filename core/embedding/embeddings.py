"""Embeddings: a frozen backbone's pooled output for every image of an import, computed once, then read from disk."""

import logging
import os
import time
from pathlib import Path

import numpy as np

from core.embedding.engines import Images, Progress, choose_engine
from core.embedding.prepared import FORMAT
from core.methods.backbone import Backbone
from core.schemas import Frozen
from core.settings import get_settings
from core.store import cache
from core.store.files import atomic_file, need_disk


class EmbeddingInfo(Frozen):
    """How embeddings were computed: the engine and why it was chosen (empty if read from the cache), and seconds."""

    cached: bool
    engine: str = ""
    reason: str = ""
    n: int
    seconds: float

    @property
    def note(self) -> str:
        """Which engine ran and why, as a sentence; empty if the embeddings were cached."""
        return "" if self.cached else f"The backbone ran in {self.engine}: {self.reason}."


def limit_threads() -> None:
    """Limit the numerical libraries to `settings.threads` threads; they read the limit when they are imported."""
    threads = str(get_settings().threads)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = threads
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def embed(
    images: Images, backbone: Backbone, size: int, cut: str | None = None, progress: Progress | None = None
) -> np.ndarray:
    """Run the pretrained backbone over all images.

    Args:
        images: `n` images that can be read at any size, such as an import's store.
        backbone: the pretrained network.
        size: height and width, in pixels, at which the network sees the images.
        cut: a block's name (`core.models.networks.block_names`) for that block's activations.
        progress: called with (images done, images in all).

    Returns:
        float32, `(n, features)`: the pooled embeddings; with `cut` the activations, `(n, height, width, channels)`.

    Raises:
        WeightsError: the weights are missing or damaged.
        InputError: the network has no such block.
    """
    engine = choose_engine(backbone, size, cut)
    out = np.empty((len(images), *engine.shape), np.float32)
    engine.embed_into(images, size, out, progress)
    return out


def cached_embedding(
    images: Images,
    content_hash: str,
    backbone: Backbone,
    size: int,
    cut: str | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, EmbeddingInfo]:
    """`embed`, computed once for each import, backbone, size and cut, and memory-mapped from the workspace's cache.

    `content_hash` names the import, whose files never change. A cache file that is damaged or has another number of
    rows is computed again; when the cache has grown beyond `settings.cache_gb`, what was used longest ago goes.
    `DiskError` when the result would not fit on the disk.
    """
    start = time.perf_counter()
    path = _cache_path(content_hash, backbone, size, cut)
    found = _read(path, len(images))
    if found is not None:
        cache.mark_used(path)
        return found, EmbeddingInfo(cached=True, n=len(images), seconds=time.perf_counter() - start)
    engine = choose_engine(backbone, size, cut)
    shape = (len(images), *engine.shape)
    need_disk(4 * int(np.prod(shape)))
    with atomic_file(path) as temporary:
        out = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
        engine.embed_into(images, size, out, progress)
        out.flush()
        del out
    made = np.load(path, mmap_mode="r")
    cache.trim_cache(_folder())
    seconds = time.perf_counter() - start
    return made, EmbeddingInfo(cached=False, engine=engine.name, reason=engine.reason, n=len(made), seconds=seconds)


def _folder() -> Path:
    return get_settings().cache / "embeddings"


def _cache_path(content_hash: str, backbone: Backbone, size: int, cut: str | None) -> Path:
    network = f"{backbone.key}-{FORMAT}"
    return _folder() / network / f"{size}-{cut or 'pooled'}-float32" / f"{content_hash}.npy"


def _read(path: Path, rows: int) -> np.ndarray | None:
    """The cached array, or `None` when there is none that can be used."""
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        return None
    # NumPy checks the header against the file's length, so a file that was cut short does not pass.
    except (ValueError, EOFError, OSError) as error:
        logging.getLogger(__name__).warning("The cached embedding %s is damaged and made again: %s", path, error)
        return None
    return array if len(array) == rows and array.dtype == np.float32 else None
