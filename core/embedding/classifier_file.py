"""A classifier as a Keras file, written without Keras.

A `.keras` file is a ZIP of the network's configuration as JSON and its weights in HDF5. A prepared backbone comes
with a file whose head has two units and no selection of features; here the head's own numbers are put in.
"""

import json
import math
import zipfile
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from core.embedding.prepared import CLASSIFIER, LAYERS, prepared_network
from core.methods.backbone import Backbone

PLACE, SELECTION, STANDARD = "probabilities", "selection", "standard"  # the names of layers


def write_classifier(
    path: Path,
    backbone: Backbone,
    size: int,
    kernel: np.ndarray,
    bias: np.ndarray,
    kept: np.ndarray | None = None,
    standard: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Write the network from images of `size` pixels to probabilities.

    Its head is as `core.models.heads.linear_head` makes it or, with `standard`, as `layers_head` does.

    Args:
        kernel: `(features, classes)`; bias: `(classes,)`.
        kept: the features that the head uses, `(features,)` boolean; None means all.
        standard: scale and offset of each average, `(features,)`, of a head on the averages of all layers.
    """
    cut = LAYERS if standard else None
    with zipfile.ZipFile(prepared_network(backbone, size, cut) / CLASSIFIER) as template:
        metadata = json.loads(template.read("metadata.json"))
        config = json.loads(template.read("config.json"))
        weights = BytesIO(template.read("model.weights.h5"))
    metadata["date_saved"] = f"{datetime.now():%Y-%m-%d@%H:%M:%S}"
    images, *_, head = config["config"]["layers"]
    images["config"]["batch_shape"] = [None, size, size, 3]
    layers = head["config"]["layers"]
    by_name = {layer["config"]["name"]: layer["config"] for layer in layers}
    by_name[PLACE]["units"] = len(bias)
    if kept is not None:
        _select(layers, kept)
    if standard:
        scale, offset = standard
        by_name[STANDARD] |= {"scale": scale.tolist(), "offset": offset.tolist()}
    with h5py.File(weights, "r+") as file:
        softmax = _softmax(file)
        for name, values in (("0", kernel), ("1", bias)):
            del softmax[name]
            softmax.create_dataset(name, data=values.astype("float32"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())


def read_head(path: Path) -> dict[str, Any]:
    """`kernel`, `bias` and `kept`, or `scale` and `offset`, of a file with such a head; see `write_classifier`."""
    with zipfile.ZipFile(path) as archive:
        *_, head = json.loads(archive.read("config.json"))["config"]["layers"]
        weights = BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        softmax = _softmax(file)
        found = {"kernel": softmax["0"][:], "bias": softmax["1"][:]}
    by_name = {layer["config"]["name"]: layer["config"] for layer in head["config"]["layers"]}
    if SELECTION in by_name:
        found["kept"] = np.array(by_name[SELECTION]["scale"]) > 0
    if STANDARD in by_name:
        found |= {name: np.array(by_name[STANDARD][name], np.float32) for name in ("scale", "offset")}
    return found


def _softmax(file: h5py.File) -> h5py.Group:
    """The group with the weights of the head's softmax layer, the last of this name."""
    found: list[h5py.Group] = []

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if item.attrs.get("name") == PLACE and "0" in item:
            found.append(item)

    file.visititems(look)
    return found[-1]


def _select(layers: list[dict[str, Any]], kept: np.ndarray) -> None:
    """Put a layer that selects the features that are kept before the head's first."""
    names = [layer["config"]["name"] for layer in layers]
    scale = layers[names.index("unit_scale")]
    selection = deepcopy(scale)
    selection["config"] |= {"name": SELECTION, "scale": kept.astype("float32").tolist()}
    scale["config"]["scale"] = math.sqrt(kept.sum())
    layers.insert(names.index("squash"), selection)
