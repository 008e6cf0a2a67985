"""Backbones of every family: they scale pixels as Keras does, can be cut at their blocks, and read no code."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError, WeightsError
from core.methods.backbone import weights_path
from core.methods.pretrained import BACKBONES
from tests.support.networks import through

pytestmark = pytest.mark.training

SMALL = ("vgg16", "resnet50v2", "mobilenet", "mobilenetv2", "densenet121", "convnexttiny", "efficientnetv2b0")


def pixels(size: int, n: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype("float32")


@cache
def untrained(name: str) -> Any:
    from core.models.networks import build_backbone

    return build_backbone(BACKBONES[name], 64, weights=False)


@pytest.mark.parametrize("name", SMALL)
def test_a_network_cut_at_any_block_is_the_same_network(name: str) -> None:
    from core.models.networks import FEATURES, network_blocks, split_network

    backbone = BACKBONES[name]
    model = untrained(name)
    assert model.count_params() == backbone.parameters
    assert model.output.shape[1] == backbone.features
    whole = through(model, pixels(64))
    parts = network_blocks(model)
    assert len(parts) >= 4
    for cut in (parts[0].name, parts[-2].name, FEATURES):
        trunk, tail = split_network(model, cut)
        again = through(tail, through(trunk, pixels(64)))
        np.testing.assert_allclose(again, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
    held = [layer.name for part in parts for layer in part.layers]
    assert len(held) == len(set(held)), "a layer stands in two blocks"


@pytest.mark.parametrize("name", SMALL)
def test_blocks_bear_the_same_names_however_often_a_network_is_built(name: str) -> None:
    """The cache of activations goes by them, and Keras numbers layers through a process."""
    from core.models.networks import build_backbone, network_blocks

    first, second = (
        network_blocks(untrained(name)),
        network_blocks(build_backbone(BACKBONES[name], 64, weights=False)),
    )
    assert [b.name for b in first] == [b.name for b in second]
    assert [b.end.shape for b in first] == [b.end.shape for b in second]


@pytest.mark.parametrize(
    ("scaling", "module"), [("caffe", "vgg16"), ("tf", "mobilenet_v2"), ("torch", "densenet"), ("inside", "convnext")]
)
def test_pixels_are_scaled_as_keras_does_it(scaling: str, module: str) -> None:
    import keras

    from core.models.applications import scale_pixels

    images = keras.Input((8, 8, 3))
    ours = keras.Model(images, scale_pixels(images, scaling)) if scaling != "inside" else None
    wanted = getattr(keras.applications, module).preprocess_input(pixels(8).copy())
    got = through(ours, pixels(8)) if ours else pixels(8)
    np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_a_network_with_its_scaling_inside_survives_saving(tmp_path: Path) -> None:
    from core.models.networks import build_backbone
    from core.models.own_networks import read_network

    model = build_backbone(BACKBONES["vgg16"], 48, weights=False)
    model.save(tmp_path / "model.keras")
    again = read_network(tmp_path / "model.keras")
    np.testing.assert_array_equal(through(again, pixels(48)), through(model, pixels(48)))


def placed(workspace: Path, name: str, monkeypatch: pytest.MonkeyPatch, edit: Callable[[Path], None]) -> None:
    """Weights of our own making in the place of the published ones."""
    from core.methods import backbones as catalogue

    path = workspace / "weights" / BACKBONES[name].weights_file
    path.parent.mkdir()
    edit(path)
    own = BACKBONES[name].model_copy(update={"digest": ""})
    monkeypatch.setitem(catalogue.BACKBONES, name, own)


def legacy(model: object, path: Path) -> None:
    """Weights in the format of the published files."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def test_local_weights_are_those_of_the_network(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from core.models.networks import build_backbone

    source = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(64, 64, 3), pooling="avg")
    placed(workspace, "mobilenet", monkeypatch, lambda path: legacy(source, path))
    model = build_backbone(BACKBONES["mobilenet"], 64)
    scale_pixels = keras.applications.mobilenet.preprocess_input(pixels(64).copy())
    np.testing.assert_allclose(through(model, pixels(64)), through(source, scale_pixels), rtol=1e-4, atol=1e-6)


def test_a_file_of_another_network_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.models.networks import build_backbone

    placed(workspace, "mobilenet", monkeypatch, lambda path: path.write_bytes(b"no weights"))
    with pytest.raises(WeightsError, match="does not fit MobileNet"):
        build_backbone(BACKBONES["mobilenet"], 64)


def test_missing_weights_never_become_random_ones(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.models.networks import build_backbone

    monkeypatch.setenv("KERAS_HOME", str(workspace / "no-keras"))
    with pytest.raises(WeightsError, match="VGG16 are not installed") as error:
        build_backbone(BACKBONES["vgg16"], 64)
    assert BACKBONES["vgg16"].weights_file in error.value.hint


def test_images_smaller_than_a_network_takes_are_refused() -> None:
    from core.models.networks import build_backbone

    with pytest.raises(InputError, match="75 px and more, not of 64"):
        build_backbone(BACKBONES["inceptionv3"], 64, weights=False)


def classifier(folder: Path, size: int = 40) -> Path:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.Conv2D(12, 3, strides=2, activation="relu", name="last")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    keras.Model(inputs, layers.Dense(3, activation="softmax")(x)).save(folder / "own.keras")
    return folder / "own.keras"


@pytest.mark.parametrize("fixed", [True, False])
def test_a_network_that_takes_one_size_alone_says_so(workspace: Path, tmp_path: Path, fixed: bool) -> None:
    import keras
    from keras import layers

    from core.training.backbone_file import import_backbone

    inputs = keras.Input((40, 40, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.Reshape((19, 19, 8))(x) if fixed else x
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 3, activation="relu")(x))
    keras.Model(inputs, layers.Dense(3, activation="softmax")(x)).save(tmp_path / "own.keras")
    assert import_backbone(tmp_path / "own.keras", "Net", work=tmp_path).only_size == fixed


def test_a_network_of_your_own_becomes_a_backbone(workspace: Path, tmp_path: Path) -> None:
    import keras

    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone
    from core.training.backbone_file import import_backbone

    path = classifier(tmp_path)
    made = import_backbone(path, "My net", work=tmp_path, scaling="unit")
    assert get_backbone("own:my-net").model_dump(exclude={"weights_file"}) == made.model_dump(
        exclude={"weights_file"}
    )
    source = keras.models.load_model(path)
    features = keras.Model(source.input, source.get_layer("last").output)
    wanted = through(features, pixels(40) / 255).mean(axis=(1, 2))
    model = build_backbone(get_backbone("own:my-net"))
    np.testing.assert_allclose(through(model, pixels(40)), wanted, rtol=1e-4, atol=1e-6)
    other_size = build_backbone(get_backbone("own:my-net"), 64)
    assert through(other_size, pixels(64)).shape == (2, 12)
    assert import_backbone(classifier(tmp_path), "My net", work=tmp_path).name == "own:my-net-2"


def test_a_network_of_your_own_can_be_saved_and_built_again_in_other_processes(
    workspace: Path, tmp_path: Path
) -> None:
    import keras

    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone
    from core.training.backbone_file import import_backbone

    keras.backend.clear_session()  # Keras counts names anew, as in a process of its own
    import_backbone(classifier(tmp_path), "My net", work=tmp_path)
    for generation in range(2):
        keras.backend.clear_session()
        model = build_backbone(get_backbone("own:my-net"))
        model.save(tmp_path / f"{generation}.keras")
        keras.backend.clear_session()
        import_backbone(tmp_path / f"{generation}.keras", f"Net {generation}", work=tmp_path)
        keras.backend.clear_session()
        again = build_backbone(get_backbone(f"own:net-{generation}"))
        np.testing.assert_allclose(again.predict_on_batch(pixels(40)), model.predict_on_batch(pixels(40)), atol=1e-6)


def test_weights_alone_need_their_architecture(workspace: Path, tmp_path: Path) -> None:
    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone
    from core.training.backbone_file import import_backbone

    source = build_backbone(BACKBONES["mobilenetv3small"], weights=False)
    path = tmp_path / "mine.weights.h5"
    source.save_weights(path)
    with pytest.raises(InputError, match="holds weights alone"):
        import_backbone(path, "Mine", work=tmp_path)
    with pytest.raises(WeightsError, match="does not fit MobileNet"):
        import_backbone(path, "Mine", work=tmp_path, architecture="mobilenet")
    import_backbone(path, "Mine", work=tmp_path, architecture="mobilenetv3small")
    model = build_backbone(get_backbone("own:mine"))
    np.testing.assert_allclose(through(model, pixels(224, 1)), through(source, pixels(224, 1)), rtol=1e-4, atol=1e-6)


def tampered(path: Path, edit: Callable[[str], str]) -> Path:
    """The same file with another plan in it."""
    out = path.with_name("tampered.keras")
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(out, "w") as made:
        for name in given.namelist():
            content = given.read(name)
            made.writestr(name, edit(content.decode()).encode() if name == "config.json" else content)
    return out


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.replace('"class_name": "Dropout"', '"class_name": "Lambda"'),
        lambda plan: plan.replace(
            '"module": "keras.layers", "class_name": "Dropout"', '"module": "os", "class_name": "x"'
        ),
        lambda plan: plan.replace('"class_name": "Dropout"', '"class_name": "TFSMLayer"'),
    ],
)
def test_code_inside_a_file_is_refused_and_never_run(tmp_path: Path, edit: Callable[[str], str]) -> None:
    from core.models.own_networks import read_network

    path = classifier(tmp_path)
    changed = tampered(path, edit)
    assert zipfile.ZipFile(path).read("config.json") != zipfile.ZipFile(changed).read("config.json")
    with pytest.raises(WeightsError, match="code of its own"):
        read_network(changed)


def test_a_lambda_layer_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    from core.models.own_networks import read_network

    inputs = keras.Input((16, 16, 3))
    keras.Model(inputs, layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(WeightsError, match="never run"):
        read_network(tmp_path / "lambda.keras")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x89HDF\r\n\x1a\n"])
def test_a_file_that_is_no_network_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    from core.models.own_networks import read_network

    path = tmp_path / "broken.keras"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"“broken.keras” cannot be read"):
        read_network(path)


def test_a_network_that_takes_no_images_is_refused(workspace: Path, tmp_path: Path) -> None:
    import keras
    from keras import layers

    from core.training.backbone_file import import_backbone

    inputs = keras.Input((5,))
    keras.Model(inputs, layers.Dense(2)(inputs)).save(tmp_path / "table.keras")
    with pytest.raises(InputError, match="no colour images"):
        import_backbone(tmp_path / "table.keras", "Table", work=tmp_path)


def test_the_catalogue_names_the_files_that_keras_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    from keras.src.utils import file_utils

    asked: dict[str, str] = {}

    class AskedError(Exception):
        pass

    def get_file(fname: str, origin: str, *args: object, file_hash: str | None = None, **others: object) -> None:
        asked.update(url=origin, digest=file_hash or "")
        raise AskedError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    for name in ("vgg16", "mobilenetv3small", "efficientnetb0", "mobilenetv2", "resnet50"):
        backbone = BACKBONES[name]
        with pytest.raises(AskedError):
            getattr(keras.applications, backbone.function)(
                include_top=False, weights="imagenet", input_shape=(224, 224, 3)
            )
        assert asked == {"url": backbone.url, "digest": backbone.digest}
        assert json.dumps(backbone.model_dump())


def test_a_page_can_ask_for_own_backbones_without_a_framework(workspace: Path) -> None:
    code = (
        "import sys, core.methods.backbones as own, core.models.downloads; own.own_backbones();"
        "print([m for m in ('keras', 'tensorflow', 'torch', 'openvino') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert weights_path(BACKBONES["efficientnet_lite0"]).exists()
