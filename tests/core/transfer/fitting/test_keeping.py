"""Which epoch is kept where classes are rare, and what is said of networks that diverge or only guess."""

import numpy as np
import pytest

from core.errors import NotANumberError
from core.schemas import ResolvedSpec
from core.transfer.fitting.vectors import VectorProblem
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
SHIFTS = np.array([1.2, 1.2, 1.2, 0.0, 0.0])


def rare(tmp_path, n=900, of=10, shift=1.0, drawn=100, **spec) -> VectorProblem:
    """One sample in a hundred is of the rare class, which three of five columns tell; parts are 60/20/20 by class."""
    rng = np.random.default_rng(drawn)
    labels = (np.arange(n) < of).astype("int64")
    x = rng.normal(size=(n, 5)) + labels[:, None] * SHIFTS * shift
    part = np.concatenate([np.arange(np.sum(labels == c)) / np.sum(labels == c) for c in (1, 0)])
    settings = {"learning_rate": 3e-3, "epochs": 40, "batch_size": 64, "dropout": 0.2, "l2": 0.1}
    resolved = ResolvedSpec.model_validate(
        {"data": "d", "learner": "network", "class_weights": "balanced"} | settings | spec
    )
    return VectorProblem(
        resolved=resolved,
        classes=("no", "yes"),
        x=((x - x.mean(0)) / x.std(0)).astype("float32"),
        labels=labels,
        train=np.flatnonzero(part < 0.6),
        validation=np.flatnonzero((part >= 0.6) & (part < 0.8)),
        judged=np.flatnonzero(part >= 0.8),
        recorder=Recorder(tmp_path),
    )


def fitted(problem: VectorProblem) -> tuple[np.ndarray, list[str]]:
    """The predicted class of each judged sample, and the notes."""
    import keras

    from core.training.tables.network import network

    keras.utils.set_random_seed(problem.resolved.seed)
    return network(problem).probabilities.argmax(axis=1), problem.recorder.notes


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_network_finds_rare_rows_that_the_columns_tell(tmp_path, seed):
    problem = rare(tmp_path, of=15, shift=1.6, drawn=seed, seed=seed)
    found, _ = fitted(problem)
    recall = [(found[problem.labels[problem.judged] == c] == c).mean() for c in (0, 1)]
    assert np.mean(recall) > 0.8


def test_the_kept_epoch_has_the_least_loss_with_classes_weighted_as_in_training(tmp_path):
    from core.training.tables.network import network
    from core.transfer.fitting.weighing import loss_and_accuracy, validation_weights

    problem = rare(tmp_path, epochs=12)
    made = network(problem)
    losses = [values["val_loss"] for _, values in problem.recorder.epochs]
    rows = problem.validation
    judged = loss_and_accuracy(
        made.model.predict(problem.x[rows], verbose=0), problem.targets[rows], validation_weights(problem)
    )
    assert judged["loss"] == pytest.approx(min(losses), rel=1e-4)
    assert made.facts["validation_loss"] == pytest.approx(min(losses), rel=1e-4)


def test_the_epoch_with_the_highest_macro_f1_is_kept_where_that_was_asked_for(tmp_path):
    from sklearn.metrics import f1_score

    from core.training.tables.network import network

    problem = rare(tmp_path, of=60, epochs=12, monitor="macro_f1")
    made = network(problem)
    scores = [values["val_macro_f1"] for _, values in problem.recorder.epochs]
    assert len(set(scores)) > 1
    rows = problem.validation
    guess = made.model.predict(problem.x[rows], verbose=0).argmax(axis=1)
    assert f1_score(problem.labels[rows], guess, average="macro") == pytest.approx(max(scores), abs=1e-4)


@pytest.mark.parametrize("rate", [10.0, 100.0])
def test_a_loss_that_explodes_is_named_with_the_rate(tmp_path, rate):
    _, notes = fitted(rare(tmp_path, learning_rate=rate, epochs=10))
    told = " ".join(notes)
    assert f"the learning rate, {rate:g}, is too high" in told


def test_an_ordinary_fit_is_not_said_to_diverge(tmp_path):
    for number, how in enumerate(({}, {"optimizer": "sgd", "learning_rate": 0.03}, {"class_weights": "none"})):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, notes = fitted(rare(folder, epochs=8, **how))
        assert not any("too high" in note for note in notes)


def test_a_loss_that_becomes_nan_later_keeps_the_best_epoch(tmp_path, monkeypatch):
    from core.transfer.fitting import fit as fitting

    take = fitting.Batches.__getitem__

    def give(self, index):
        x, y, weights = take(self, index)
        return (np.full_like(x, np.nan) if self._epoch >= 3 else x), y, weights

    monkeypatch.setattr(fitting.Batches, "__getitem__", give)
    problem = rare(tmp_path, epochs=10)
    found, notes = fitted(problem)
    last = len(problem.recorder.epochs)
    assert 0 < last < 10
    assert any(f"became NaN or infinite after epoch {last}" in note for note in notes)
    assert set(np.unique(found)) <= {0, 1}
    again = rare(tmp_path, epochs=10)
    assert (fitted(again)[0] == found).all() and again.recorder.epochs == []


def test_a_loss_that_is_never_a_number_fails(tmp_path):
    problem = rare(tmp_path)
    problem.x[:] = np.inf
    with pytest.raises(NotANumberError):
        fitted(problem)


def test_guessing_is_told_against_even_guesses_and_the_shares_of_the_classes(tmp_path):
    problem = rare(tmp_path, learning_rate=100.0, epochs=4)
    _, notes = fitted(problem)
    told = next(note for note in notes if "guessing:" in note)
    shares = problem.targets[problem.validation].mean(axis=0)
    assert f"{-(shares * np.log(shares)).sum():.3f}, the entropy of the classes' shares" in told
    assert "0.693 with every class counted alike" in told
    assert f"naming the largest class each time, on {shares.max():.0%}" in told


@pytest.mark.parametrize("weights", ["balanced", "none"])
def test_guesses_by_the_shares_are_guesses_and_better_ones_are_not(weights):
    from core.transfer.fitting.weighing import describe_guessing, one_hot, sample_weights

    targets = one_hot(np.array([0] * 95 + [1] * 5), 2)
    each = sample_weights(ResolvedSpec(data="d", class_weights=weights), targets, np.arange(100))
    shares = np.average(targets, axis=0, weights=each)
    guess = np.tile(shares, (100, 1))
    assert describe_guessing(0.9 * guess + 0.1 * targets, targets, each) is None
    wrong = describe_guessing(0.9 * guess + 0.1 * targets[::-1], targets, each)
    assert wrong is not None and "95%" in wrong


def test_weights_that_differ_make_the_penalty_stronger(tmp_path):
    from core.transfer.fitting.weighing import penalty_weight

    even, uneven = rare(tmp_path, of=450), rare(tmp_path)
    plain = 0.1 / len(even.train)
    assert penalty_weight(even, len(even.train)) == pytest.approx(plain, rel=1e-3)
    assert penalty_weight(uneven, len(uneven.train)) > 10 * plain
    unweighted = rare(tmp_path, class_weights="none")
    assert penalty_weight(unweighted, len(unweighted.train)) == pytest.approx(0.1 / len(unweighted.train))
