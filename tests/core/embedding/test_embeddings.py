import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.embedding import embeddings as embedding
from core.embedding import engines
from core.embedding.embeddings import cached_embedding, embed
from core.errors import DiskError, InputError
from core.methods.pretrained import BACKBONES

LITE0 = BACKBONES["efficientnet_lite0"]


class Pictures:
    """`n` random pictures."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def batch(self, rows: Sequence[int], size: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (self.n, size, size, 3), dtype=np.uint8)[list(rows)]


class Means:
    """An engine that needs no network: the mean of each colour. Counts how often it runs."""

    name, reason, shape = "means", "a test", (3,)

    def __init__(self) -> None:
        self.runs = 0

    def embed_into(
        self, images: Pictures, size: int, out: np.ndarray, progress: engines.Progress | None = None
    ) -> None:
        self.runs += 1
        out[:] = images.batch(range(len(images)), size).mean((1, 2))
        if progress:
            progress(len(images), len(images))


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> Means:
    engine = Means()
    monkeypatch.setattr(embedding, "choose_engine", lambda *_: engine)
    return engine


def test_a_second_look_reads_the_cache_and_runs_no_engine(workspace: Path, means: Means) -> None:
    first, made = cached_embedding(Pictures(5), "import", LITE0, 32)
    second, found = cached_embedding(Pictures(5), "import", LITE0, 32)
    np.testing.assert_array_equal(first, second)
    assert means.runs == 1
    assert (made.cached, found.cached) == (False, True)
    assert "means" in made.note
    assert not found.note
    assert isinstance(second, np.memmap)


def test_another_import_size_backbone_or_cut_is_another_embedding(workspace: Path, means: Means) -> None:
    cached_embedding(Pictures(5), "import", LITE0, 32)
    cached_embedding(Pictures(5), "other", LITE0, 32)
    cached_embedding(Pictures(5), "import", LITE0, 64)
    cached_embedding(Pictures(5), "import", BACKBONES["efficientnet_lite1"], 32)
    cached_embedding(Pictures(5), "import", LITE0, 32, "block_3")
    assert means.runs == 5


def test_a_full_cache_loses_what_was_used_longest_ago(workspace, means, monkeypatch):
    one = 128 + 4 * 3 * 50  # bytes of an array of 50 rows, its header included
    monkeypatch.setenv("GRAFT_CACHE_GB", str(2.5 * one / 2**30))
    for second, name in enumerate(["first", "second", "first", "third"]):
        cached_embedding(Pictures(50), name, LITE0, 32)
        for path in workspace.rglob(f"{name}.npy"):
            os.utime(path, (1000 + second, 1000 + second))
    assert {p.stem for p in workspace.rglob("*.npy")} == {"first", "third"}


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"nonsense that is no array"])
def test_a_damaged_cache_file_is_computed_again(workspace: Path, means: Means, damage: bytes) -> None:
    first, _ = cached_embedding(Pictures(5), "import", LITE0, 32)
    expected = np.array(first)
    (path,) = (workspace / "cache").rglob("*.npy")
    path.unlink()
    path.write_bytes(damage)
    again, info = cached_embedding(Pictures(5), "import", LITE0, 32)
    np.testing.assert_array_equal(again, expected)
    assert not info.cached


def test_a_cache_file_cut_short_or_of_other_rows_is_computed_again(workspace: Path, means: Means) -> None:
    cached_embedding(Pictures(5), "import", LITE0, 32)
    (path,) = (workspace / "cache").rglob("*.npy")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-4])
    again, _ = cached_embedding(Pictures(5), "import", LITE0, 32)
    assert again.shape == (5, 3)
    more, _ = cached_embedding(Pictures(6), "import", LITE0, 32)
    assert more.shape == (6, 3)
    assert means.runs == 3


def test_an_interrupted_computation_leaves_nothing_behind(workspace: Path, means: Means) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_embedding(Pictures(5), "import", LITE0, 32, progress=stop)
    assert not [path for path in (workspace / "cache").rglob("*") if path.is_file()]


def test_what_would_not_fit_is_refused(workspace: Path, means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(means, "shape", (10**15,))
    with pytest.raises(DiskError):
        cached_embedding(Pictures(5), "import", LITE0, 32)
    assert means.runs == 0


@pytest.mark.training
@pytest.mark.parametrize("cut", [None, "block_10"])
def test_openvino_and_keras_agree(cut: str | None) -> None:
    from core.models.keras_engine import KerasEngine

    images, seen = Pictures(11), []
    fast = embed(images, LITE0, 96, cut, lambda done, total: seen.append((done, total)))
    engine = KerasEngine(LITE0, 96, cut, "Keras", "a test")
    slow = np.empty((11, *engine.shape), np.float32)
    engine.embed_into(images, 96, slow)
    assert fast.shape == slow.shape
    assert fast.dtype == np.float32
    np.testing.assert_allclose(fast, slow, atol=1e-4)
    assert seen[-1] == (11, 11)
    assert fast.std(0).max() > 0


@pytest.mark.training
def test_a_damaged_converted_network_is_made_again(workspace: Path) -> None:
    images = Pictures(2)
    expected = embed(images, LITE0, 64)
    (weights,) = (workspace / "cache").rglob("model.bin")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 0xFF
    weights.write_bytes(content)
    np.testing.assert_array_equal(embed(images, LITE0, 64), expected)


@pytest.mark.training
def test_an_unknown_cut_is_refused_and_leaves_no_network_behind(workspace: Path) -> None:
    with pytest.raises(InputError, match="block_99"):
        embed(Pictures(1), LITE0, 64, "block_99")
    assert not list((workspace / "cache" / "engines").iterdir())


@pytest.mark.parametrize(
    ("gpu", "found", "expected"), [("H1", True, "H1"), ("", False, "Keras"), ("", True, "OpenVINO")]
)
def test_the_engine_says_which_it_is_and_why(
    monkeypatch: pytest.MonkeyPatch, gpu: str, found: bool, expected: str
) -> None:
    monkeypatch.setattr(engines, "_gpu_name", lambda: gpu)
    monkeypatch.setattr(
        engines, "resolve_name", lambda _: lambda *found: SimpleNamespace(name=found[3], reason=found[4])
    )
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: object() if found else None)
    if expected == "OpenVINO":
        monkeypatch.setattr(
            engines, "OpenVINOEngine", lambda *_: type("E", (), {"name": "OpenVINO", "reason": "it is"})
        )
    engine = engines.choose_engine(LITE0, 64)
    assert expected in engine.name
    assert engine.reason
