"""L2-SP: fine-tuning with a penalty on the distance from the pretrained weights."""

import keras

from core.transfer.fitting.optimizer import TransferAdam
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.parameters.tail import Facts, Tail, after_head, tune_tail


def l2_sp(problem: Problem) -> Fitted:
    """Two stages, the second with a Gaussian prior centred on the source weights (Li, Grandvalet and Davoine 2018).

    The penalty (α / 2)‖w − w₀‖² keeps pretrained weights near the source, the nearer the larger `resolved.pull`, α;
    the new head has a zero-mean prior.
    """

    def tuning(tail: Tail) -> Facts:
        anchors = {
            variable.path: keras.ops.convert_to_numpy(variable)
            for layer in tail.model.layers
            if layer is not tail.head
            for variable in layer.trainable_variables
        }
        return tune_tail(
            problem,
            tail,
            "stage 2 of 2: last blocks, penalised towards the source",
            optimizer=lambda rate: TransferAdam(rate, anchors=anchors, pull=problem.resolved.pull),
        )

    return after_head(problem, tuning)
