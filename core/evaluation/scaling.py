"""Calibration of probabilities: a temperature, and a pull towards the frequencies of the classes."""

import math

import numpy as np
from numpy.typing import NDArray

from core.schemas import Frozen

FEW = 100  # samples; with fewer, confidence is never raised, and a calibration is a guess
COOLEST, HOTTEST = 1 / 20, 20.0
CAUTION = 0.25  # log-likelihood that is given up for more caution: 0.7 standard errors of the pull
_TINY = 1e-12
_STEPS = 40
Floats = NDArray[np.float64]


class Scaling(Frozen):
    """Probabilities p become (1 − `pull`) · softmax(log p / `temperature`) + `pull` · `shares`.

    `shares` are the frequencies of the classes among the `n` samples that it was fitted on.
    """

    temperature: float
    pull: float
    shares: tuple[float, ...]
    n: int

    @property
    def is_guess(self) -> bool:
        """Whether it rests on too few samples to be more than a guess."""
        return self.n < FEW

    def __call__(self, probability: Floats) -> Floats:
        """Calibrated probabilities, `(n, classes)`; rows add up to 1."""
        scaled = scale_temperature(probability, self.temperature)
        result: Floats = (1 - self.pull) * scaled + self.pull * np.array(self.shares)
        return result

    def describe(self) -> str:
        """`a temperature of 1.50 and a pull of 10 % towards the classes' frequencies`."""
        pulled = f" and a pull of {self.pull:.0%} towards the classes' frequencies" if self.pull >= 0.005 else ""
        return f"a temperature of {self.temperature:.2f}{pulled}"


def fit_scaling(probability: Floats, truth: NDArray[np.intp]) -> Scaling:
    """Fit temperature and pull together by maximum likelihood, then raise the pull a little for caution.

    The temperature is that of Guo et al. (2017, section 4.2); the pull, a mixture with the classes' frequencies as in
    Zhang, Kailkhura and Han (2020, “Mix-n-Match”), is what a temperature cannot do: it undoes confidence that has
    nothing to do with being right. On few samples the fit itself is uncertain, and too much confidence does more harm
    than too little: of all pulls whose likelihood is nearly as high, the largest is taken. With fewer than `FEW`
    samples the temperature is not below 1, so that no confidence is raised.

    Args:
        probability: `(n, classes)` of samples that were not trained on; truth: the true class of each, `(n,)`.
    """
    from scipy.optimize import minimize_scalar

    n, classes = probability.shape
    shares = (np.bincount(truth, minlength=classes) + 1) / (n + classes)
    logs = np.log(np.maximum(probability, _TINY))
    expected, rows = shares[truth], np.arange(n)

    def own(log_temperature: float) -> Floats:
        scaled = np.exp(logs / math.exp(log_temperature) - (logs / math.exp(log_temperature)).max(1, keepdims=True))
        result: Floats = scaled[rows, truth] / scaled.sum(axis=1)
        return result

    coolest = 0.0 if n < FEW else math.log(COOLEST)
    optimum = minimize_scalar(
        lambda t: -_mixed(own(t), expected)[1],
        bounds=(coolest, math.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    # The search never tries the bound itself.
    chosen = coolest if _mixed(own(coolest), expected)[1] >= -optimum.fun else float(optimum.x)
    kept = own(chosen)
    pull, most = _mixed(kept, expected)
    return Scaling(
        temperature=math.exp(chosen),
        pull=_cautious(kept, expected, pull, most - CAUTION),
        shares=tuple(shares.tolist()),
        n=n,
    )


def _likelihood(own: Floats, expected: Floats, pull: float) -> float:
    return float(np.log(np.maximum((1 - pull) * own + pull * expected, _TINY)).sum())


def _mixed(own: Floats, expected: Floats) -> tuple[float, float]:
    """The most likely pull and its log-likelihood, which is concave in the pull: by bisection of its slope."""
    gap = expected - own

    def slope(pull: float) -> float:
        return float((gap / np.maximum(own + pull * gap, _TINY)).sum())

    low, high = 0.0, 1.0
    if slope(low) <= 0:
        high = low
    elif slope(high) >= 0:
        low = high
    for _ in range(_STEPS if high > low else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return low, _likelihood(own, expected, low)


def _cautious(own: Floats, expected: Floats, pull: float, least: float) -> float:
    """The largest pull from `pull` on whose log-likelihood is not below `least`."""
    low, high = pull, 1.0
    if _likelihood(own, expected, high) >= least:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _likelihood(own, expected, middle) >= least else (low, middle)
    return low


def fit_temperature(probability: Floats, truth: NDArray[np.intp]) -> float:
    """The temperature T > 0 that maximises the likelihood of p^(1/T), normalised (Guo et al. 2017, section 4.2).

    The order of the classes stays as it is, so that no prediction changes. Above 1 it lowers the confidence. Searched
    between 1/20 and 20.

    Args:
        probability: `(n, classes)`; truth: the true class of each, `(n,)`.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(scale_temperature(probability, math.exp(log_temperature)), truth)

    bounds = (math.log(COOLEST), math.log(HOTTEST))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x)


def scale_temperature(probability: Floats, temperature: float) -> Floats:
    """Probabilities, `(n, classes)`, at another temperature; rows add up to 1."""
    scaled = np.log(np.maximum(probability, _TINY)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: Floats = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def log_loss(probability: Floats, truth: NDArray[np.intp]) -> float:
    """Mean negative logarithm of the true class's probability."""
    return float(-np.log(np.maximum(probability[np.arange(len(truth)), truth], _TINY)).mean())
