"""Adam for transfer: a learning rate per layer, and a penalty on the distance from the source weights."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops


class TransferAdam(keras.optimizers.Adam):
    """Adam with a factor on the learning rate and an anchor per variable.

    Args:
        learning_rate: as for Adam.
        rates: variable path → factor on its learning rate (Howard and Ruder 2018, arXiv:1801.06146). Others get 1.
        anchors: variable path → its source weights w₀. The gradient of (pull / 2)‖w − w₀‖² is added for it
            (Li, Grandvalet and Davoine 2018, arXiv:1802.01483).
        pull: the penalty's strength.
    """

    def __init__(
        self,
        learning_rate: Any,
        *,
        rates: Mapping[str, float] | None = None,
        anchors: Mapping[str, np.ndarray] | None = None,
        pull: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self._rates = dict(rates or {})
        self._source = dict(anchors or {})
        self._pull = pull

    def build(self, variables: Any) -> None:
        self._paths = [variable.path for variable in variables]
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # This is the backend's variable, which has no Keras path.
        path = self._paths[self._get_variable_index(variable)]
        source = self._source.get(path)
        if source is not None and self._pull:
            gradient = gradient + self._pull * (ops.convert_to_tensor(variable) - ops.cast(source, variable.dtype))
        super().update_step(gradient, variable, learning_rate * self._rates.get(path, 1.0))
