"""Networks prepared once, with Keras, so that they run without it afterwards.

A prepared network is a folder in the workspace's cache: OpenVINO's `model.xml` and `model.bin` and, where a head can
be solved on what it computes, `classifier.keras`, a Keras file with a head to be filled in
(`core.embedding.classifier_file`). Preparing takes about a second, plus importing TensorFlow.
"""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from pkgutil import resolve_name

from core.methods.backbone import Backbone, weights_state
from core.methods.pretrained import BACKBONES
from core.settings import get_settings
from core.store.files import atomic_folder, write_json
from core.store.locks import lock

# Part of the name of every cached file: increase it when the networks or their preprocessing change.
FORMAT = 1

LAYERS = "layers"  # the cut that gives the averages of all layers
# Resolved only when it is called, so that a prepared network is found without importing Keras.
PREPARE = "core.models.keras_engine:prepare"
CLASSIFIER = "classifier.keras"


def prepared_network(backbone: Backbone, size: int, cut: str | None = None) -> Path:
    """The folder of the network from images to embeddings or, with `cut`, to that block's activations.

    With `LAYERS` it gives the averages of all layers, `(n, d)`.

    A network that takes images of any size is prepared at its own input size; whoever runs it sets another.
    """
    folder = _folder(backbone, size, cut)
    if is_prepared(backbone, size, cut):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.parent.with_suffix(".lock").open("w") as shared:
        lock(shared)  # another process may be preparing the same network; waiting is faster than doing it twice
        if not is_prepared(backbone, size, cut):
            shutil.rmtree(folder, ignore_errors=True)
            with atomic_folder(folder) as temporary:
                resolve_name(PREPARE)(backbone, _size(backbone, size), cut, temporary)
                hashes = {name: _sha256(temporary / name) for name in _names(cut)}
                write_json(temporary / "sha256.json", hashes)
    return folder


def prepare_shipped() -> None:
    """Prepare the backbones whose weights come with Graft's requirements, unless they are prepared already."""
    for backbone, cut in shipped_networks():
        prepared_network(backbone, backbone.input_size, cut)


def shipped_networks() -> list[tuple[Backbone, str | None]]:
    """The backbones with their cuts on which heads are solved: embeddings first, then all layers."""
    here = [b for b in BACKBONES.values() if b.package and weights_state(b) == "present"]
    return [(backbone, cut) for cut in (None, LAYERS) for backbone in here]


def is_prepared(backbone: Backbone, size: int, cut: str | None = None) -> bool:
    """Whether the folder exists and all its files are intact."""
    folder = _folder(backbone, size, cut)
    try:
        hashes = json.loads((folder / "sha256.json").read_text())
        return all(_sha256(folder / name) == hashes[name] for name in _names(cut))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError) as error:
        logging.getLogger(__name__).warning("The prepared network %s is damaged and made again: %s", folder, error)
        return False


def _folder(backbone: Backbone, size: int, cut: str | None) -> Path:
    name = f"{backbone.key}-{_size(backbone, size)}-{cut or 'pooled'}-{FORMAT}"
    return get_settings().cache / "engines" / name


def _size(backbone: Backbone, size: int) -> int:
    return backbone.input_size if backbone.any_size else size


def _names(cut: str | None) -> tuple[str, ...]:
    return ("model.xml", "model.bin", *([CLASSIFIER] if cut in (None, LAYERS) else []))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
