"""A Keras file that was written without Keras is the network that Keras itself would have made."""

import subprocess
import sys

import numpy as np
import pytest

from core.embedding.classifier_file import write_classifier
from core.embedding.prepared import prepared_network
from core.methods.backbone import Backbone
from core.methods.pretrained import BACKBONES
from core.settings import ROOT
from core.transfer.fitting.linear import LayersHead, SoftmaxHead, load_head
from tests.support import tiny_backbone

pytestmark = pytest.mark.training


def head(features: int, classes: int, kept: np.ndarray | None = None) -> SoftmaxHead:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(features, classes)).astype("float32")
    return SoftmaxHead(kernel, random.normal(size=classes).astype("float32"), kept)


@pytest.mark.parametrize(
    ("name", "size", "classes", "selects"),
    [
        ("efficientnet_lite0", 224, 7, False),
        ("efficientnet_lite0", 96, 2, True),
        (tiny_backbone.NAME, tiny_backbone.SIZE, 3, True),
    ],
)
def test_keras_loads_what_it_would_have_saved(workspace, tmp_path, name, size, classes, selects):
    import keras

    from core.models.networks import build_backbone

    backbone: Backbone = tiny_backbone.place() if name == tiny_backbone.NAME else BACKBONES[name]
    kept = np.arange(backbone.features) % 3 > 0 if selects else None
    learnt = head(backbone.features, classes, kept)
    path = tmp_path / "model.keras"
    write_classifier(path, backbone, size, learnt.kernel, learnt.bias, kept)
    loaded = keras.saving.load_model(path, compile=False)
    made = learnt.classifier(build_backbone(backbone, size))
    images = np.random.default_rng(1).integers(0, 256, (4, size, size, 3)).astype("float32")
    np.testing.assert_allclose(loaded.predict_on_batch(images), made.predict_on_batch(images), atol=1e-5)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in made.layers]
    assert loaded.input_shape == made.input_shape and loaded.output_shape == made.output_shape


@pytest.mark.parametrize("size", [64, 96])
def test_a_head_on_all_layers_is_saved_as_it_predicts_and_read_again(workspace, tmp_path, size):
    import keras

    from core.embedding.prepared import LAYERS
    from core.models.keras_engine import frozen_model

    backbone = BACKBONES["efficientnet_lite0"]
    images = np.random.default_rng(1).integers(0, 256, (4, size, size, 3)).astype("float32")
    averages = frozen_model(backbone, size, LAYERS).predict_on_batch(images)
    features = averages.shape[1]
    random = np.random.default_rng(2)
    scale, offset = random.uniform(0.1, 1, (2, features)).astype("float32")
    learnt = LayersHead(head(features, 5).kernel / 50, head(features, 5).bias, scale, offset)
    path = tmp_path / "model.keras"
    learnt.write(path, backbone, size)
    loaded = keras.saving.load_model(path, compile=False)
    np.testing.assert_allclose(loaded.predict_on_batch(images), learnt.predict_proba(averages), atol=1e-4)
    again = load_head(path)
    assert isinstance(again, LayersHead)
    np.testing.assert_allclose(again.predict_proba(averages), learnt.predict_proba(averages), atol=1e-6)


@pytest.mark.parametrize("selects", [False, True])
def test_a_head_is_read_as_it_was_written(workspace, tmp_path, selects):
    backbone = tiny_backbone.place()
    learnt = head(backbone.features, 3, np.arange(backbone.features) % 3 > 0 if selects else None)
    learnt.write(tmp_path / "a.keras", backbone, tiny_backbone.SIZE)
    x = np.random.default_rng(3).normal(size=(9, backbone.features))
    np.testing.assert_array_equal(load_head(tmp_path / "a.keras").predict_proba(x), learnt.predict_proba(x))


def test_writing_from_a_prepared_backbone_imports_no_learning_library(workspace, tmp_path):
    backbone = BACKBONES["efficientnet_lite0"]
    prepared_network(backbone, 128)
    script = (
        "import sys, numpy as np\nfrom core.embedding.classifier_file import write_classifier\n"
        "from core.methods.pretrained import BACKBONES\n"
        f"write_classifier({str(tmp_path / 'a.keras')!r}, BACKBONES['efficientnet_lite0'], 96,"
        " np.zeros((1280, 3)), np.zeros(3))\nprint({'keras', 'tensorflow', 'openvino'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
