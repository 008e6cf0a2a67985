"""Your own networks as Keras models: those of earlier runs, and imported files.

An imported file is read with Keras' `safe_mode`, after a check of its configuration: it may contain only Keras' own
layers, and none that carries code (lambda layers, wrapped modules of other frameworks). Only workers read such files.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras import layers

from core.errors import InputError, WeightsError
from core.methods.backbone import Backbone, Scaling, weights_path
from core.models.applications import scale_pixels

_CARRY_CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
# What Keras raises for an invalid file.
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, OSError, zipfile.BadZipFile)


def build(backbone: Backbone, size: int, weights: bool) -> keras.Model:
    """From RGB images of 0 to 255 to pooled embeddings; see `core.models.networks.build_backbone`."""
    model = without_head(read_network(weights_path(backbone)))
    name = "own_backbone" if weights else "own_backbone_untrained"
    images = keras.Input((size, size, 3), name="images")
    try:
        out = call_inline(model if weights else keras.models.clone_model(model), images)
    except ValueError as error:
        raise InputError(
            f"“{backbone.title}” accepts only images of {model.input_shape[1]} px, not of {size}.",
            f"Set the image size to {model.input_shape[1]}.",
        ) from error
    return keras.Model(images, out, name=name)


def call_inline(model: keras.Model, x: keras.KerasTensor) -> keras.KerasTensor:
    """The model's output for the symbolic `x`, with its layers directly in the graph instead of as one nested model.

    Only then can the network be cut. Calling the model itself would add an operation of the same name each time, so
    that a saved network could not be loaded and called again. `ValueError` if a layer does not accept its input.
    """
    return model._run_through_graph(x, operation_fn=lambda operation: operation)


def accepts_size(model: keras.Model, size: int) -> bool:
    """Whether the network also accepts images of `size` pixels."""
    try:
        call_inline(model, keras.Input((size, size, 3)))
    except ValueError:
        return False
    return True


def read_network(path: Path) -> keras.Model:
    """Load a `.keras` file without executing code from it. `WeightsError` if that is not possible."""
    try:
        with zipfile.ZipFile(path) as archive:
            plan = json.loads(archive.read("config.json"))
        for part in _parts(plan):
            _check(part, path.name)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _BROKEN as error:
        raise WeightsError(
            f"“{path.name}” cannot be read as a Keras network: {_first_line(error)}.",
            "Save the network again with Keras 3, as `model.save('name.keras')`.",
        ) from error
    return model


def _parts(plan: Any) -> Iterator[dict[str, Any]]:
    """Every object in the configuration."""
    if isinstance(plan, dict):
        if "class_name" in plan:
            yield plan
        for value in plan.values():
            yield from _parts(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _parts(value)


def _check(part: dict[str, Any], name: str) -> None:
    """`WeightsError` for an object that is not part of Keras or carries code."""
    module, kind = part.get("module"), part["class_name"]
    own = module is None or module == "keras" or str(module).startswith(("keras.", "builtins"))
    code = kind in _CARRY_CODE or (module == "builtins" and kind not in ("slice", "NoneType"))
    if own and not code and not str(part.get("registered_name") or "").startswith("Custom>"):
        return
    raise WeightsError(
        f"“{name}” contains code of its own ({kind}), which is never run.",
        "Save a network of Keras' own layers.",
    )


def without_head(model: keras.Model) -> keras.Model:
    """The network up to the embedding, `(n, features)`, the input of a classifier's last layers.

    Removes a nested model named `head`, or else everything from the last `Dense` layer on. A remaining feature map is
    averaged. `InputError` for a network that does not take images.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(model, keras.Model) or not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != 3:
        raise InputError(
            "The network takes no colour images.", "Import one whose input is height × width × 3 channels."
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs)
    chain = model.layers[1:]  # without the input
    last = len(chain)
    for place, layer in enumerate(chain):
        if layer.name == "head" and isinstance(layer, keras.Model):
            last = place
            break
        if isinstance(layer, layers.Dense):
            last = place
    kept = chain[:last]
    while kept and isinstance(kept[-1], layers.Dropout | layers.Flatten):
        kept.pop()
    if not kept:
        raise InputError("Nothing is left of the network without its last layers.", "Import a convolutional one.")
    out = kept[-1].output
    if len(out.shape) == 4:
        out = layers.GlobalAveragePooling2D(name="embedding")(out)
    if len(out.shape) != 2:
        raise InputError("The network does not output one vector per image.", "Import an image classifier.")
    return keras.Model(model.input, out)


def as_backbone(model: keras.Model, scaling: Scaling) -> keras.Model:
    """An imported network as a backbone: RGB images of 0 to 255 to embeddings, with the scaling of pixels inside.

    One that accepts images of any size gets 224 pixels.
    """
    inner = without_head(model)
    size = inner.input_shape[1] or 224
    if inner.input_shape[1] is not None and inner.input_shape[1] != inner.input_shape[2]:
        raise InputError(
            f"The network takes images of {inner.input_shape[2]} × {inner.input_shape[1]} px.",
            "Import one with square images.",
        )
    images = keras.Input((size, size, 3), name="images")
    return keras.Model(images, call_inline(inner, scale_pixels(images, scaling)))


def multiply_adds(model: keras.Model) -> float:
    """Multiply-adds of the convolutions and dense layers for one image."""
    total = 0.0
    for layer in model._flatten_layers():
        if isinstance(layer, layers.SeparableConv2D):
            kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
        elif isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
            kernels = [layer.kernel]
        else:
            continue
        places = 1
        for side in layer.output.shape[1:-1]:
            places *= side or 1
        for kernel in kernels:
            total += places * float(keras.ops.size(kernel))
    return total


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip(" .")[:160]
