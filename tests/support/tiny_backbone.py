"""A real backbone that is a hundredth of EfficientNet-Lite0's size, for tests in which any network would do.

It stands in a workspace as one that somebody brought in, so that every process that uses the workspace finds it. Its
weights are random but always the same: enough to tell textures apart.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from core.methods import backbones as own
from core.methods.backbone import Backbone

NAME = "own:tiny"
SIZE = 32
FILTERS = (16, 16, 24, 24, 32)


def place() -> Backbone:
    """Put the network into the workspace; what to give to a `TrainingSpec` is its name, `NAME`."""
    backbone = Backbone(
        name=NAME,
        title="Tiny",
        family="own",
        input_size=SIZE,
        parameters=_parameters(),
        multiply_adds=1e6,
        features=FILTERS[-1],
        licence="public domain",
        weights_file=own.NETWORK,
        digest="",
    )
    if not own.network_path(NAME).exists():
        with TemporaryDirectory() as folder:
            network = Path(folder, own.NETWORK)
            network.write_bytes(_network()[0])
            own.save_backbone(backbone, network)
    return own.get_own(NAME)


def _parameters() -> int:
    return _network()[1]


@cache
def _network() -> tuple[bytes, int]:
    """The network's `.keras` file and how many numbers it holds: five blocks, each with a normalisation."""
    import keras
    from keras import layers

    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = layers.Rescaling(1 / 128, -127 / 128, name="scaling")(images)
    for number, filters in enumerate(FILTERS):
        name = f"block_{number}"
        kernel, stride = keras.initializers.HeNormal(seed=number), 1 + number % 2
        x = layers.Conv2D(
            filters, 3, stride, padding="same", use_bias=False, kernel_initializer=kernel, name=f"{name}_conv"
        )(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(6, name=name)(x)
    x = layers.GlobalAveragePooling2D(name="embedding")(x)
    model = keras.Model(images, x, name="tiny")
    with TemporaryDirectory() as folder:
        path = Path(folder, own.NETWORK)
        model.save(path)
        return path.read_bytes(), model.count_params()
