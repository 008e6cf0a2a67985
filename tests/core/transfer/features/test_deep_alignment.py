"""Deep alignment: the losses are the papers', the gradient is turned round, and the target gains where it should."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from core.errors import DataError
from core.training.sources.embedding_problem import fit_linear_head
from core.transfer.features.deep_alignment import deep_alignment
from core.transfer.features.domain_losses import WEIGHTS, Alignment, coral_loss, mmd_loss, reverse_gradient
from core.transfer.fitting.vectors import VectorProblem, source_only
from tests.core.transfer.conftest import Recorder
from tests.core.transfer.vector_problems import problem, score

pytestmark = pytest.mark.training

SPEC = {
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "dropout": 0.2,
    "optimizer": "adam",
    "schedule": "cosine",
    "loss": "cross_entropy",
    "label_smoothing": 0.0,
    "averaging": "none",
    "target_labels": "ignored",
    "seed": 0,
}


def sample_domain(n: int, seed: int, misled: float, moved: float) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that features 0 to 3 tell apart; 4 to 11 follow the class by `misled` and all lie `moved` away."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 12))
    sign = 2.0 * y - 1
    x[:, :4] += 0.9 * sign[:, None]
    x[:, 4:] += misled * sign[:, None] + moved
    return 0.5 * x, y


def given(folder: Path, method: str, *, moved: float, misled: float, **spec: object) -> VectorProblem:
    """A target in which what misleads in the source follows no class."""
    target, source = sample_domain(800, 1, 0.0, moved), sample_domain(800, 2, misled, 0.0)
    found = problem(target, source, **(SPEC | {"method": method} | spec))
    found.recorder = Recorder(folder)
    return found


@pytest.mark.parametrize("method", WEIGHTS)
def test_it_helps_where_the_domains_differ_in_what_misleads(tmp_path: Path, method: str) -> None:
    asked = given(tmp_path, method, misled=0.6, moved=0.5)
    alone = score(asked, fit_linear_head(source_only(asked)))
    fitted = deep_alignment(asked, fit_linear_head)
    assert score(asked, fitted) >= alone + 0.10
    if method == "mmd":  # the other two need not be told by a straight border between the domains
        assert fitted.facts["domain_auc_after"] < fitted.facts["domain_auc"]
    assert "separates source and target" in asked.recorder.notes[-1]


@pytest.mark.parametrize("method", ["mmd", "dann"])
def test_it_costs_little_where_they_do_not_differ(tmp_path: Path, method: str) -> None:
    asked = given(tmp_path, method, misled=0.0, moved=0.0)
    assert (
        score(asked, deep_alignment(asked, fit_linear_head))
        >= score(asked, fit_linear_head(source_only(asked))) - 0.03
    )


def test_labels_of_the_target_are_learnt_from_unless_they_are_ignored(tmp_path: Path) -> None:
    def reached(labels: str) -> float:
        (tmp_path / labels).mkdir()
        asked = given(tmp_path / labels, "mmd", misled=1.5, moved=1.0, target_labels=labels)
        return score(asked, deep_alignment(asked, fit_linear_head))

    assert reached("used") > reached("ignored")


def test_wrong_labels_of_the_target_change_nothing_where_they_are_ignored(tmp_path: Path) -> None:
    def probabilities(folder: str, turn: bool) -> np.ndarray:
        (tmp_path / folder).mkdir()
        asked = given(tmp_path / folder, "deep_coral", misled=0.6, moved=0.5, epochs=3)
        if turn:
            asked.labels = 1 - asked.labels
        return deep_alignment(asked, fit_linear_head).probabilities

    np.testing.assert_array_equal(probabilities("right", False), probabilities("wrong", True))


@pytest.mark.parametrize("method", ["mmd", "dann"])
def test_a_resumed_fit_ends_with_the_weights_of_one_that_was_not_interrupted(tmp_path: Path, method: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = deep_alignment(given(tmp_path / "a", method, misled=0.6, moved=0.5, epochs=4), fit_linear_head).model
    broken = given(tmp_path / "b", method, misled=0.6, moved=0.5, epochs=4)
    broken.recorder.die_after = 2
    with pytest.raises(KeyboardInterrupt):
        deep_alignment(broken, fit_linear_head)
    broken.recorder = Recorder(tmp_path / "b")
    resumed = deep_alignment(broken, fit_linear_head).model
    assert broken.recorder.resumed_at == [2]
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_target_of_three_samples_is_told(tmp_path: Path) -> None:
    asked = given(tmp_path, "mmd", misled=0.6, moved=0.5)
    asked.train = asked.train[:3]
    with pytest.raises(DataError, match="3"):
        deep_alignment(asked, fit_linear_head)


def test_the_gradient_of_the_critic_goes_back_with_its_sign_changed() -> None:
    """Features learn against a loss and the layer behind them for it: one step of descent shows both."""
    inputs = keras.Input((1,))
    before = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    behind = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    features = before(inputs)
    through = keras.layers.Lambda(lambda x: reverse_gradient(x, 0.5))(features)
    model = keras.Model(inputs, behind(through))
    model.compile(keras.optimizers.SGD(0.1), loss=lambda _, y: ops.sum(y, axis=-1))
    x = np.array([[2.0]], "float32")
    assert model.predict(x, verbose=0)[0, 0] == pytest.approx(2.0)
    model.fit(x, x, verbose=0)
    # The loss is a·b·x: plainly, both a and b would fall by 0.1 · 2.
    assert behind.get_weights()[0][0, 0] == pytest.approx(1 - 0.1 * 2)
    assert before.get_weights()[0][0, 0] == pytest.approx(1 + 0.1 * 2 * 0.5)


def test_coral_is_the_formula_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 4)), rng.normal(size=(20, 4)) * [1, 2, 3, 4] + 7
    x = np.concatenate([a, b]).astype("float32")
    domain = np.repeat([0.0, 1.0], [30, 20]).astype("float32")
    expected = np.square(np.cov(a.T) - np.cov(b.T)).sum() / (4 * 4**2)
    assert float(coral_loss(ops.convert_to_tensor(x), ops.convert_to_tensor(domain))) == pytest.approx(expected, 1e-4)
    twice = ops.convert_to_tensor(np.concatenate([a, a + 5]).astype("float32"))
    alike = coral_loss(twice, ops.convert_to_tensor(np.repeat([0.0, 1.0], 30).astype("float32")))
    assert float(alike) == pytest.approx(0, abs=1e-6)


def test_mmd_is_the_mean_of_kernels_within_less_those_between() -> None:
    x = np.array([[0.0], [1.0], [3.0]], "float32")
    domain = np.array([0.0, 0.0, 1.0], "float32")
    squares = np.square(x - x.T)
    kernel = sum(np.exp(-squares / (w * squares.mean())) for w in (0.25, 0.5, 1.0, 2.0, 4.0)) / 5
    expected = kernel[:2, :2].mean() + kernel[2, 2] - 2 * kernel[:2, 2].mean()
    assert float(mmd_loss(ops.convert_to_tensor(x), ops.convert_to_tensor(domain))) == pytest.approx(expected, 1e-5)


def test_a_batch_without_one_of_the_domains_adds_nothing() -> None:
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(8, 3)).astype("float32"))
    for method in WEIGHTS:
        layer = Alignment(method, steps=10, seed=0)
        layer([x, ops.ones(8)], training=True)
        assert float(layer.losses[0]) == 0
        layer([x, ops.convert_to_tensor(np.arange(8) % 2.0)], training=True)
        assert float(layer.losses[0]) > 0
