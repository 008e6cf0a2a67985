"""How often a run will be right on a target, from how sure it is there and was on samples that it had not seen."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.advice.domain.record import Expectation
from core.advice.domain.sides import Side
from core.data.cleaning.steps.step import sample_positions
from core.data.tables.matching import matched_columns, rename_to_target
from core.data.versions import load_cells
from core.errors import InputError
from core.evaluation.bootstrap import percentile_interval
from core.evaluation.calibration import MIN_SAMPLES, class_indices, probabilities
from core.evaluation.intervals import Interval, wilson
from core.evaluation.scaling import Floats, fit_temperature, scale_temperature
from core.evaluation.scores import judged_rows
from core.schemas import RunRecord
from core.store import runs
from core.training.version_images import VersionImages

DRAWS = 500
MOST = 2_000  # held-out samples that are looked at
OFF = 0.03  # standard deviation of what an estimate is off beside sampling (`benchmarks/shift.py`)
FARTHER = 0.15  # the same of what it is too high, for samples e = 2.7 times as far from those that the run knows
ROUNDS = 200
VANISHED = 1 / 20  # of its share: a class that seems to be as rare as that is more likely not recognised
Progress = Callable[..., None]


def estimated(
    held_out: Floats, truth: NDArray[np.intp], target: Floats, times_as_far: float | None = None
) -> tuple[float, Interval]:
    """The expected accuracy on the target with its 95 % interval: thresholded optimal transport (Lu et al. 2023).

    Samples are carried to classes, each as often as is assumed, at the least cost; what a sample costs is the
    probability that its class was not given. The threshold leaves as many held-out samples below it as are right, and
    the expected accuracy is the share of the target below it. So a run that is sure of one class for everything is
    not believed. All at the temperature that fits the held-out samples.

    It cannot be told without labels whether the classes occur as often there as here. So the accuracy is estimated
    twice, with the classes' shares among the held-out samples and with those that fit the target best
    (`fitted_shares`); the mean of both is expected, and the interval holds both: a bootstrap over the samples of both
    sides, widened by what the estimate itself is off, below the one and above the other. Where a class seems to have
    all but vanished, the first is taken alone: the run hardly names it any more, which says little of the classes.

    A run can be as sure as ever, or surer, on samples that are unlike any it knows, as under noise. So the interval
    reaches farther down where the target's samples lie farther from the known ones, and from no more than the
    accuracy on the held-out samples.

    Args:
        held_out: probabilities as the run gives them, `(m, classes)`, and the true classes, `truth` `(m,)`.
        target: probabilities `(n, classes)`.
        times_as_far: how many times as far from the samples that the run knows as new ones like those; None where
            that is not known, and nothing is added for it.
    """
    doubt = math.hypot(OFF, FARTHER * math.log(max(times_as_far or 1.0, 1.0)))
    temperature = fit_temperature(held_out, truth)
    scaled, seen = (scale_temperature(p, temperature) for p in (held_out, target))
    often = np.bincount(truth, minlength=held_out.shape[1]) / len(truth)
    known = transport_costs(scaled, often)
    right = held_out.argmax(axis=1) == truth
    m, n = len(scaled), len(seen)
    found, ends = [], []
    fitted = fitted_shares(seen, often)
    assumed = (often, fitted) if (fitted >= VANISHED * often).all() else (often,)
    for shares in assumed:
        there = transport_costs(seen, shares)

        def share(of_known: NDArray[np.intp], of_target: NDArray[np.intp], there: Floats = there) -> float:
            threshold = np.quantile(known[of_known], right[of_known].mean())
            return float((there[of_target] <= threshold).mean())

        rng = np.random.default_rng(0)
        draws = [share(rng.integers(0, m, m), rng.integers(0, n, n)) for _ in range(DRAWS)]
        value = share(np.arange(m), np.arange(n))
        low, high = percentile_interval(np.array(draws))
        below, above = math.hypot(value - low, 1.96 * doubt), math.hypot(value - high, 1.96 * OFF)
        found.append(value)
        ends.append((max(min(value, right.mean()) - below, 0.0), min(value + above, 1.0)))
    return float(np.mean(found)), (min(low for low, _ in ends), max(high for _, high in ends))


def fitted_shares(probability: Floats, often: Floats) -> Floats:
    """The classes' shares that make probabilities, `(n, classes)`, likeliest, made where classes occur `often`.

    By expectation maximisation (Saerens, Latinne and Decaestecker 2002), with one sample of each class beforehand.
    """
    prior = np.maximum(often, 1e-3) / np.maximum(often, 1e-3).sum()
    shares = prior
    for _ in range(ROUNDS):
        adapted = probability * (shares / prior)
        of_class = (adapted / adapted.sum(axis=1, keepdims=True)).sum(axis=0) + 1
        shares = of_class / of_class.sum()
    result: Floats = shares
    return result


def held_out(run: RunRecord) -> pd.DataFrame:
    """The predictions for the validation and test samples, at most `MOST` of them, drawn at random."""
    table = runs.read_predictions(run.id)
    known = pd.concat([judged_rows(table, part) for part in ("validation", "test") if (table["part"] == part).any()])
    return known.iloc[sample_positions(len(known), MOST)]


def transport_costs(probability: Floats, often: Floats) -> Floats:
    """What each sample costs, `(n,)`, from 0 to 1, when `(n, classes)` are carried to classes that occur `often`."""
    import ot

    cost = 1 - probability
    n = len(cost)
    result: Floats = n * (ot.emd(np.full(n, 1 / n), often, cost) * cost).sum(axis=1)
    return result


def expected_accuracy(
    run: RunRecord, source: Side, target: Side, progress: Progress = lambda *_: None
) -> Expectation:
    """What a finished run, trained on the source, is expected to reach on the target; with labels, what it reaches.

    Raises:
        InputError: the run is another data set's, has no model, too few held-out samples, other classes than the
            target, or the target lacks its columns.
    """
    from core.inference.predicting.model import ImageModel, load_model

    if run.dataset != source.dataset.id:
        raise InputError(
            f"“{run.name}” was not trained on “{source.dataset.name}”.",
            "Choose a run that was trained on the source.",
        )
    model = load_model(run.id)
    known = held_out(run)
    if len(known) < MIN_SAMPLES:
        raise InputError(
            f"“{run.name}” was judged on {len(known)} samples; expecting an accuracy takes {MIN_SAMPLES}.",
            "Train on a version with more samples.",
        )
    labels = target.samples["label"].astype(str).to_numpy() if target.labelled else None
    if labels is not None and not set(labels) & set(model.classes):
        raise InputError(
            f"“{target.name}” has none of the classes that “{run.name}” knows.", "Choose a run on the same classes."
        )
    if isinstance(model, ImageModel):
        images = VersionImages(target.dataset, target.samples)
        there, seen = model.judged(images, lambda done, n: progress(done, n, "predicting the target"))
        vectors = np.empty((0, 0)) if seen is None else seen
    else:
        cells = load_cells(target.version, target.samples).reset_index(drop=True)
        matched = matched_columns(model.trained_on, cells)
        lacking = [str(c) for c in model.trained_on if c not in matched]
        if lacking:
            raise InputError(
                f"“{target.name}” lacks the column “{lacking[0]}”, which “{run.name}” was trained on.",
                "Rename columns so that those of one meaning have one name.",
            )
        vectors = model.vectors(rename_to_target(cells, model.trained_on, matched))
        there = model.probabilities(vectors)
    farther = model.reference.times_as_far(vectors) if model.reference else None
    accuracy, ci = estimated(probabilities(known), class_indices(known), there, farther)
    own = known["predicted"].astype(str).eq(known["label"].astype(str))
    found = Expectation(
        run=run.id,
        name=run.name,
        n_held_out=len(known),
        on_held_out=float(own.mean()),
        n=len(there),
        accuracy=accuracy,
        accuracy_ci=ci,
    )
    if labels is None:
        return found
    right = np.array(model.classes, dtype=object)[there.argmax(axis=1)] == labels
    actual_ci = wilson(int(right.sum()), len(right))
    return found.model_copy(update={"actual": float(right.mean()), "actual_ci": actual_ci})
