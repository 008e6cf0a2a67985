"""L2-SP: fine-tuning that is pulled back to the pretrained weights."""

import keras

from core.transfer.fitting.optimizer import TransferAdam
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.parameters.tail import Facts, Tail, after_head, tune_tail

# Strength of the pull in the published experiments (Li et al. 2018, section 4: α from 0.01 to 1, 0.1 the usual best).
PULL = 0.1


def l2_sp(problem: Problem) -> Fitted:
    """Two stages, the second with a Gaussian prior centred on the source weights (Li, Grandvalet and Davoine 2018).

    The penalty (α / 2)‖w − w₀‖² on pretrained weights says that the source is a good guess; the new head has its own
    prior around zero.
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
            "stage 2 of 2: last blocks, held to their source",
            optimizer=lambda rate: TransferAdam(rate, anchors=anchors, pull=PULL),
        )

    return after_head(problem, tuning)
