"""A classifier as a Keras file, written without Keras.

A `.keras` file is a ZIP of the network's configuration as JSON and its weights in HDF5. A prepared backbone comes
with a file whose head has two units and no selection of features; here the head's own numbers are put in.
"""

import json
import math
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from core.embedding.prepared import CLASSIFIER, prepared_network
from core.methods.backbone import Backbone

PLACE = "probabilities"  # the name of the softmax layer


def write_classifier(
    path: Path, backbone: Backbone, size: int, kernel: np.ndarray, bias: np.ndarray, kept: np.ndarray | None = None
) -> None:
    """Write the network from images of `size` pixels to probabilities, as `core.models.heads.linear_head` makes it.

    Args:
        kernel: `(features, classes)`; bias: `(classes,)`.
        kept: the features that the head uses, `(features,)` boolean; None means all.
    """
    with zipfile.ZipFile(prepared_network(backbone, size) / CLASSIFIER) as template:
        metadata = json.loads(template.read("metadata.json"))
        config = json.loads(template.read("config.json"))
        weights = BytesIO(template.read("model.weights.h5"))
    metadata["date_saved"] = f"{datetime.now():%Y-%m-%d@%H:%M:%S}"
    images, *_, head = config["config"]["layers"]
    images["config"]["batch_shape"] = [None, size, size, 3]
    _set_head(head["config"]["layers"], len(bias), kept)
    with h5py.File(weights, "r+") as file:
        softmax = _softmax(file)
        for name, values in (("0", kernel), ("1", bias)):
            del softmax[name]
            softmax.create_dataset(name, data=values.astype("float32"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())


def _softmax(file: h5py.File) -> h5py.Group:
    """The group with the weights of the head's softmax layer, the last of this name."""
    found: list[h5py.Group] = []

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if item.attrs.get("name") == PLACE and "0" in item:
            found.append(item)

    file.visititems(look)
    return found[-1]


def _set_head(layers: list[dict[str, Any]], classes: int, kept: np.ndarray | None) -> None:
    """Put the number of classes and the selection of features into the head's configuration."""
    by_name = {layer["config"]["name"]: layer for layer in layers}
    by_name[PLACE]["config"]["units"] = classes
    if kept is None:
        return
    scale = by_name["unit_scale"]
    selection = json.loads(json.dumps(scale))
    selection["config"] |= {"name": "selection", "scale": kept.astype("float32").tolist()}
    scale["config"]["scale"] = math.sqrt(kept.sum())
    layers.insert(layers.index(by_name["squash"]), selection)
