"""Optimizer, learning-rate schedule, loss and weight averaging, by the names in a spec."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay

from core.schemas import ResolvedSpec

Schedule = Any  # a number, or one of Keras' learning-rate schedules
MakeOptimizer = Callable[[Schedule], keras.optimizers.Optimizer]
WARM_UP, ONE_CYCLE = 0.1, 0.3  # shares of all steps during which the rate rises


def make_schedule(name: str | None, rate: float, steps: int) -> Schedule:
    """The learning rate over `steps` gradient steps, `rate` being its highest value.

    - cosine: decays to a fiftieth along half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983).
    - warm_up: the same after a linear warm-up over the first tenth (Goyal et al. 2017, arXiv:1706.02677).
    - one_cycle: rises from a 25th over the first 30 %, then decays to a ten-thousandth (Smith and Topin 2018,
      arXiv:1708.07120; the shares are fastai's).
    - constant.
    """
    match name:
        case "constant":
            return rate
        case "warm_up":
            up = max(1, round(WARM_UP * steps))
            return CosineDecay(rate / up, max(1, steps - up), alpha=0.02, warmup_target=rate, warmup_steps=up)
        case "one_cycle":
            up = max(1, round(ONE_CYCLE * steps))
            return CosineDecay(rate / 25, max(1, steps - up), alpha=1e-4, warmup_target=rate, warmup_steps=up)
        case _:
            return CosineDecay(rate, steps, alpha=0.02)


def optimizer_factory(name: str | None) -> MakeOptimizer:
    """A function that makes the named optimizer from a learning-rate schedule.

    adam (Kingma and Ba 2015), adamw, with decoupled weight decay (Loshchilov and Hutter 2019), or sgd with Nesterov
    momentum.
    """
    match name:
        case "adamw":
            return lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.01)
        case "sgd":
            return lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
        case _:
            return lambda rate: keras.optimizers.Adam(rate)


def make_loss(resolved: ResolvedSpec) -> keras.losses.Loss:
    """Cross-entropy, or focal loss (Lin et al. 2017, arXiv:1708.02002), with the spec's label smoothing."""
    smoothing = resolved.label_smoothing
    if resolved.loss == "focal":
        # α is 1: class weights balance the classes, if requested.
        return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, label_smoothing=smoothing)
    return keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)


def use_moving_average(optimizer: keras.optimizers.Optimizer, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Let an optimizer that is not built yet keep a moving average of the weights (Polyak and Juditsky 1992).

    Its half-life is one epoch, so that in a fit of few steps the initial weights do not dominate the average.
    """
    optimizer.use_ema, optimizer.ema_momentum = True, 0.5 ** (1 / max(1, steps_per_epoch))
    return optimizer


def weights_to_keep(model: keras.Model) -> list[np.ndarray]:
    """The model's weights; the moving averages if its optimizer keeps them."""
    averages = {}
    if model.optimizer.use_ema:
        kept = model.optimizer._model_variables_moving_average
        averages = {id(v): a for v, a in zip(model.trainable_variables, kept, strict=True)}
    return [keras.ops.convert_to_numpy(averages.get(id(v), v)) for v in model.weights]
