"""The task that imports a network hands on what it was told: the file, its name, its scaling, its architecture."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.training


@pytest.mark.parametrize("scaling", [None, "unit"])
def test_the_task_imports_the_file_under_the_name_that_it_was_given(
    workspace: Path, tmp_path: Path, scaling: str | None
) -> None:
    import keras
    from keras import layers

    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone
    from core.training.backbone_file import import_backbone, import_backbone_task

    inputs = keras.Input((40, 40, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))
    path = tmp_path / "own.keras"
    keras.Model(inputs, layers.Dense(3, activation="softmax")(x)).save(path)
    told = {"path": str(path), "called": "My net"} | ({"scaling": scaling} if scaling else {})
    assert import_backbone_task(told, tmp_path, lambda *_: None) == {"backbone": "own:my-net"}
    made = get_backbone("own:my-net")
    assert (made.title, made.source) == ("My net", "own.keras")
    by_hand = import_backbone(path, "By hand", work=tmp_path, **({"scaling": scaling} if scaling else {}))
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3)).astype("float32")
    one, other = (build_backbone(get_backbone(b.name)).predict_on_batch(images) for b in (made, by_hand))
    np.testing.assert_array_equal(one, other)
