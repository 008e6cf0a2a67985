"""Distillation: a small network learns a teacher's probabilities, or the relations between its embeddings."""

from dataclasses import replace

import keras
import numpy as np
from keras import layers, ops

from core.errors import InputError
from core.evaluation.scaling import scale_temperature
from core.transfer.fitting.problem import Fitted, Problem, Teacher
from core.transfer.parameters.tail import Tail, after_head, tune_tail

DISTANCES, ANGLES = 25.0, 50.0  # weights of the two losses in the paper, times `resolved.relation_weight`
STAGE = "stage 2 of 2: last blocks, with a teacher"


def distillation(problem: Problem) -> Fitted:
    """Two stages on targets that mix labels and the teacher's probabilities (Hinton et al. 2015).

    The teacher's share is `resolved.teacher_weight`. A `resolved.teacher_temperature` above 1 softens its
    probabilities, p^(1/T) normalised, so that a teacher that is sure shows which classes it finds similar. Validation
    uses the labels alone.
    """
    teacher, share = _teacher(problem), problem.resolved.teacher_weight
    targets = problem.targets.copy()
    rows = problem.train
    softened = scale_temperature(teacher.probabilities()[rows], problem.resolved.teacher_temperature)
    targets[rows] = (1 - share) * targets[rows] + share * softened
    taught = replace(problem, targets=targets)
    return after_head(taught, lambda tail: tune_tail(taught, tail, STAGE))


def relational_distillation(problem: Problem) -> Fitted:
    """Two stages, the second with losses that keep the teacher's distances and angles between the images of a batch.

    Park, Kim, Lu and Cho 2019 (arXiv:1904.05068): the embeddings themselves may differ, even in length.
    """
    table = _teacher(problem).embeddings()
    # bfloat16 would round the keys, which are row numbers.
    resolved = problem.resolved.model_copy(update={"precision": "float32"})
    exact = replace(problem, resolved=resolved)

    def tuning(tail: Tail) -> dict[str, float]:
        return tune_tail(exact, with_relations(tail, table, problem.resolved.relation_weight), STAGE)

    return after_head(problem, tuning)


def with_relations(tail: Tail, table: np.ndarray, weight: float = 1.0) -> Tail:
    """The tail with the losses added; its activations have one more channel, the sample's row in `table`."""
    n, h, w, _ = tail.x.shape
    keys = np.broadcast_to(np.arange(n, dtype="float32")[:, None, None, None], (n, h, w, 1))
    inside = tail.model.layers[0]
    packed = keras.Input((h, w, tail.x.shape[-1] + 1))
    embedding = inside(packed[..., :-1])
    related = Relations(table, weight)([embedding, packed[:, 0, 0, -1]])
    return replace(tail, model=keras.Model(packed, tail.head(related)), x=np.concatenate([tail.x, keys], axis=-1))


class Relations(layers.Layer):
    """The identity on embeddings; during training it adds the distance and angle losses to the teacher's.

    Args:
        table: the teacher's embeddings of all samples, `(n, d)`; weight: of both losses, times the paper's.

    Called with embeddings `(batch, d')` and their samples' rows in the table, `(batch,)`.
    """

    def __init__(self, table: np.ndarray, weight: float = 1.0) -> None:
        super().__init__()
        self._table, self._weight = table.astype("float32"), weight

    def call(self, inputs: list[keras.KerasTensor], training: bool = False) -> keras.KerasTensor:
        embedding, keys = inputs
        if training:
            teacher = ops.take(ops.convert_to_tensor(self._table), ops.cast(keys, "int32"), axis=0)
            apart = DISTANCES * distance_loss(embedding, teacher) + ANGLES * angle_loss(embedding, teacher)
            self.add_loss(self._weight * apart)
        return embedding


def distance_loss(student: keras.KerasTensor, teacher: keras.KerasTensor) -> keras.KerasTensor:
    """Mean Huber loss between the distances of both, each divided by its mean."""
    return ops.mean(_huber(_distances(student) - _distances(teacher)))


def angle_loss(student: keras.KerasTensor, teacher: keras.KerasTensor) -> keras.KerasTensor:
    """Mean Huber loss between the cosines of the angles at every sample to each pair of others."""
    return ops.mean(_huber(_angles(student) - _angles(teacher)))


def _distances(x: keras.KerasTensor) -> keras.KerasTensor:
    squares = ops.sum(ops.square(x), axis=1)
    gaps = squares[:, None] + squares[None, :] - 2 * ops.matmul(x, ops.transpose(x))
    apart = ops.sqrt(ops.maximum(gaps, 1e-8))
    return apart / (ops.mean(apart) + 1e-8)


def _angles(x: keras.KerasTensor) -> keras.KerasTensor:
    ways = x[None, :, :] - x[:, None, :]
    ways = ways / ops.sqrt(ops.sum(ops.square(ways), axis=-1, keepdims=True) + 1e-8)
    return ops.matmul(ways, ops.transpose(ways, (0, 2, 1)))


def _huber(gap: keras.KerasTensor) -> keras.KerasTensor:
    size = ops.abs(gap)
    return ops.where(size < 1, 0.5 * ops.square(gap), size - 0.5)


def _teacher(problem: Problem) -> Teacher:
    if problem.teacher is None:
        raise InputError("Distillation needs a teacher.", "Choose a finished run on images as the teacher.")
    return problem.teacher
