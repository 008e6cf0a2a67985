"""The result of a learning-rate range test: the loss over the rates, and the suggested rate."""

from typing import Literal

import numpy as np

from core.schemas import Frozen

WINDOW = 3.0  # steps, the standard deviation of the Gaussian that smooths the losses
FALLS = 0.1  # share by which the loss must fall for its steepest point to be meaningful


class RateSearch(Frozen):
    """The loss of each batch, cross-entropy in nats, at a `rate` that grew from batch to batch.

    `rule` says whether `suggestion` is where the smoothed loss falls steepest or a decade below its minimum;
    `diverged`, whether the test stopped early because the loss diverged.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    suggestion: float
    rule: Literal["steepest", "decade"]
    diverged: bool


def suggest_rate(rates: list[float], losses: list[float], diverged: bool) -> RateSearch:
    """The rate at which the smoothed loss falls steepest (Smith 2017; the rule is fastai's).

    If the loss falls by less than a tenth, because the network is already trained, it is a decade below the minimum.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(losses, WINDOW, mode="nearest")
    lowest = int(smooth.argmin())
    highest = float(smooth[: lowest + 1].max())
    falls = highest - smooth[lowest] >= FALLS * highest
    steepest = int(np.gradient(smooth, np.log(rates))[: lowest + 1].argmin())
    suggestion = rates[steepest] if falls else rates[lowest] / 10
    return RateSearch(
        rates=tuple(rates),
        losses=tuple(losses),
        smooth=tuple(smooth.tolist()),
        suggestion=float(f"{suggestion:.1g}"),
        rule="steepest" if falls else "decade",
        diverged=diverged,
    )
