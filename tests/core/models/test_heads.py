from pathlib import Path

import numpy as np
import pytest

from core.methods.pretrained import BACKBONES
from tests.support.networks import through

pytestmark = pytest.mark.training


def test_a_head_learns_what_a_line_can_separate() -> None:
    from core.models.heads import linear_head

    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5)).astype("float32")
    labels = (features[:, 0] > 0).astype(int)
    head = linear_head(5, 2, dropout=0.1, weight_decay=1e-4, seed=1)
    head.compile("rmsprop", "sparse_categorical_crossentropy")
    head.optimizer.learning_rate = 0.05
    head.fit(features, labels, epochs=20, verbose=0)
    probabilities = through(head, features)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (probabilities.argmax(1) == labels).mean() > 0.9


def test_the_same_seed_gives_the_same_head() -> None:
    from core.models.heads import linear_head

    first, second, other = (linear_head(5, 3, seed=seed).get_weights()[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_backbone_and_head_are_saved_as_one_model(tmp_path: Path) -> None:
    import keras

    from core.models.heads import linear_head, with_backbone
    from core.models.networks import build_backbone

    backbone = build_backbone(BACKBONES["efficientnet_lite0"], 64)
    head = linear_head(1280, 3)
    model = with_backbone(backbone, head)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    expected = through(head, through(backbone, images))
    np.testing.assert_allclose(through(model, images), expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(through(again, images), through(model, images))


def test_a_head_with_a_selection_does_not_see_the_other_features_and_keeps_that_when_saved(tmp_path: Path) -> None:
    import keras

    from core.models.heads import linear_head

    kept = np.arange(6) % 2 == 0
    head = linear_head(6, 3, kept=kept)
    x = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    other = np.where(kept, x, 100.0).astype("float32")
    head.save(tmp_path / "head.keras")
    again = keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(through(head, x), through(again, other))
    # Among what it sees it is the head that it would be on those features alone.
    alone = linear_head(3, 3)
    alone.set_weights([head.get_weights()[0][kept], head.get_weights()[1]])
    np.testing.assert_allclose(through(alone, x[:, kept]), through(head, x), atol=1e-6)
