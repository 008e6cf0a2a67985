"""Learning from a teacher: relations are kept whatever the embedding is, and only training rows learn from it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from core.errors import InputError
from core.schemas import ResolvedSpec
from core.transfer.fitting.problem import Teacher
from core.transfer.parameters.tail import Tail
from core.transfer.relations import distillation

pytestmark = pytest.mark.training

RNG = np.random.default_rng


def turned(x: np.ndarray) -> np.ndarray:
    """The same points turned, three times as large, elsewhere, and with two more coordinates."""
    q, _ = np.linalg.qr(RNG(1).normal(size=(x.shape[1], x.shape[1])))
    return np.pad(3 * x @ q + 2, ((0, 0), (0, 2))).astype("float32")


@pytest.mark.parametrize("loss", [distillation.distance_loss, distillation.angle_loss])
def test_a_teacher_that_sees_the_same_shape_costs_nothing_and_another_does(loss):
    x = RNG(0).normal(size=(12, 5)).astype("float32")
    assert float(loss(x, turned(x))) < 1e-5
    assert float(loss(x, RNG(2).normal(size=(12, 7)).astype("float32"))) > 0.01


def test_the_distance_loss_is_that_of_the_paper():
    x, y = (RNG(seed).normal(size=(9, d)).astype("float32") for seed, d in ((0, 4), (1, 6)))
    ours, theirs = (squareform(pdist(z)) for z in (x, y))
    gap = np.abs(ours / ours.mean() - theirs / theirs.mean())
    wanted = np.where(gap < 1, gap**2 / 2, gap - 0.5).mean()
    assert float(distillation.distance_loss(x, y)) == pytest.approx(wanted, abs=1e-4)


def tail() -> Tail:
    keras.utils.set_random_seed(0)
    inside = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.GlobalAveragePooling2D()])
    head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    x = RNG(0).normal(size=(6, 2, 2, 3)).astype("float32")
    fields = dict.fromkeys(Tail.__dataclass_fields__)
    return Tail(**fields | {"model": keras.Sequential([inside, head]), "head": head, "x": x})


def test_relations_add_to_the_loss_in_training_alone_and_change_no_prediction():
    plain = tail()
    related = distillation.with_relations(plain, RNG(3).normal(size=(6, 8)))
    assert np.allclose(related.model(related.x), plain.model(plain.x), atol=1e-6)
    assert not related.model.losses
    related.model(related.x, training=True)
    assert float(sum(related.model.losses)) > 0


def problem(teacher: Teacher | None, **settings: float) -> SimpleNamespace:
    """What `distillation` reads of a problem on six samples, the first four to learn from."""
    targets = np.eye(2, dtype="float32")[[0, 1, 0, 1, 0, 1]]
    resolved = ResolvedSpec.model_validate({"data": "d"} | settings)
    return SimpleNamespace(targets=targets, train=np.arange(4), teacher=teacher, resolved=resolved)


@pytest.mark.parametrize(
    ("weight", "temperature", "expected"), [(0.0, 1.0, 0.0), (1.0, 1.0, 0.1), (0.5, 1.0, 0.05), (1.0, 2.0, 0.25)]
)
def test_weight_and_temperature_of_the_teacher_are_those_of_the_spec(monkeypatch, weight, temperature, expected):
    seen = []
    monkeypatch.setattr(distillation, "after_head", lambda taught, _: seen.append(taught))
    monkeypatch.setattr(distillation, "replace", lambda p, targets: targets)
    teacher = Teacher(lambda: np.array([[0.9, 0.1], [0.1, 0.9]] * 3, "float32"), lambda: np.zeros((6, 3)))
    distillation.distillation(problem(teacher, teacher_weight=weight, teacher_temperature=temperature))
    assert seen[0][0, 1] == pytest.approx(expected, abs=1e-6)


def test_the_losses_on_relations_grow_with_their_weight():
    found = []
    for weight in (0.0, 1.0, 3.0):
        related = distillation.with_relations(tail(), RNG(3).normal(size=(6, 8)), weight)
        related.model(related.x, training=True)
        found.append(float(sum(related.model.losses)))
    assert found[0] == 0 and found[2] == pytest.approx(3 * found[1], rel=1e-4)


def test_only_training_samples_get_the_teachers_word(monkeypatch):
    seen = []
    monkeypatch.setattr(distillation, "after_head", lambda taught, _: seen.append(taught))
    monkeypatch.setattr(distillation, "replace", lambda p, targets: targets)
    given = problem(Teacher(lambda: np.full((6, 2), 0.5, "float32"), lambda: np.zeros((6, 3))))
    distillation.distillation(given)
    assert np.allclose(seen[0][:4], [[0.75, 0.25], [0.25, 0.75]] * 2)
    assert np.array_equal(seen[0][4:], given.targets[4:])


@pytest.mark.parametrize("way", [distillation.distillation, distillation.relational_distillation])
def test_without_a_teacher_it_is_said(way):
    with pytest.raises(InputError, match="needs a teacher"):
        way(problem(None))
