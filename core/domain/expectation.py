"""How often a run will be right on a target, from how sure it is there and was on its own validation samples."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.data.matching import as_target, matched_columns
from core.data.versions import load_cells
from core.domain.record import Expectation
from core.domain.sides import Side
from core.errors import InputError
from core.evaluation.bootstrap import percentile_interval
from core.evaluation.calibration import MIN_SAMPLES, Floats, at_temperature, fit_temperature, probabilities, truths
from core.evaluation.intervals import Interval, wilson
from core.evaluation.scores import judged
from core.schemas import RunRecord
from core.store import runs
from core.training.version_images import VersionImages

DRAWS = 500
Rights = NDArray[np.bool_]
Estimate = Callable[[Floats, Rights, Floats], float]
Progress = Callable[..., None]


def confidence_gap(validation: Floats, right: Rights, target: Floats) -> float:
    """Difference of confidences (Guillory et al. 2021): accuracy falls as far as the mean confidence does.

    Args:
        validation: probabilities `(m, classes)`; right: whether each prediction is right, `(m,)`.
        target: probabilities `(n, classes)`.
    """
    gap = validation.max(axis=1).mean() - target.max(axis=1).mean()
    return float(np.clip(right.mean() - gap, 0, 1))


def thresholded(validation: Floats, right: Rights, target: Floats) -> float:
    """Average thresholded confidence (Garg et al. 2022): the share of the target that is surer than a threshold.

    How sure one is, is the negative entropy; the threshold leaves as many validation samples above it as are right.
    Arguments as those of `confidence_gap`.
    """
    known, there = _sureness(validation), _sureness(target)
    threshold = np.quantile(known, 1 - right.mean())
    return float((there >= threshold).mean())


METHOD: Estimate = thresholded  # nearer than the gap on shifted photos of seeds that nothing is reported of


def estimated(
    validation: Floats, truth: NDArray[np.intp], target: Floats, estimate: Estimate = METHOD
) -> tuple[float, Interval]:
    """The expected accuracy on the target with its 95 % interval, at the temperature that fits the validation rows.

    The interval is a bootstrap over the samples of both, the temperature fitted anew in each draw.

    Args:
        validation: probabilities as the run gives them, `(m, classes)`, and the true classes, `truth` `(m,)`.
        target: probabilities `(n, classes)`.
    """

    def once(known: NDArray[np.intp], there: NDArray[np.intp]) -> float:
        p, t = validation[known], truth[known]
        temperature = fit_temperature(p, t)
        calm, there_calm = (at_temperature(rows, temperature) for rows in (p, target[there]))
        return estimate(calm, p.argmax(axis=1) == t, there_calm)

    m, n = len(validation), len(target)
    rng = np.random.default_rng(0)
    draws = [once(rng.integers(0, m, m), rng.integers(0, n, n)) for _ in range(DRAWS)]
    return once(np.arange(m), np.arange(n)), percentile_interval(np.array(draws))


def expectation(run: RunRecord, source: Side, target: Side, progress: Progress = lambda *_: None) -> Expectation:
    """What a finished run, trained on the source, is expected to reach on the target; with labels, what it reaches.

    Raises:
        InputError: the run is another data set's, has no model, too few validation samples, other classes than the
            target, or the target lacks its columns.
    """
    from core.predicting.model import ImageModel, load

    if run.dataset != source.dataset.id:
        raise InputError(
            f"“{run.name}” was not trained on “{source.dataset.name}”.",
            "Choose a run that was trained on the source.",
        )
    model = load(run.id)
    known = judged(runs.read_predictions(run.id), "validation")
    if len(known) < MIN_SAMPLES:
        raise InputError(
            f"“{run.name}” has {len(known)} validation samples; expecting an accuracy takes {MIN_SAMPLES}.",
            "Train on a version with more samples.",
        )
    labels = target.samples["label"].astype(str).to_numpy() if target.labelled else None
    if labels is not None and not set(labels) & set(model.classes):
        raise InputError(
            f"“{target.name}” has none of the classes that “{run.name}” knows.", "Choose a run on the same classes."
        )
    if isinstance(model, ImageModel):
        images = VersionImages(target.dataset, target.samples)
        there = model.probabilities(images, lambda done, n: progress(done, n, "predicting the target"))
    else:
        cells = load_cells(target.version, target.samples).reset_index(drop=True)
        matched = matched_columns(model.trained_on, cells)
        lacking = [str(c) for c in model.trained_on if c not in matched]
        if lacking:
            raise InputError(
                f"“{target.name}” lacks the column “{lacking[0]}”, which “{run.name}” was trained on.",
                "Rename columns so that those of one meaning have one name.",
            )
        there = model.probabilities(model.vectors(as_target(cells, model.trained_on, matched)))
    accuracy, ci = estimated(probabilities(known), truths(known), there)
    own = known["predicted"].astype(str).eq(known["label"].astype(str))
    found = Expectation(
        run=run.id,
        name=run.name,
        n_validation=len(known),
        on_validation=float(own.mean()),
        n=len(there),
        accuracy=accuracy,
        accuracy_ci=ci,
    )
    if labels is None:
        return found
    right = np.array(model.classes, dtype=object)[there.argmax(axis=1)] == labels
    actual_ci = wilson(int(right.sum()), len(right))
    return found.model_copy(update={"actual": float(right.mean()), "actual_ci": actual_ci})


def _sureness(probability: Floats) -> Floats:
    result: Floats = (probability * np.log(np.maximum(probability, 1e-12))).sum(axis=1)
    return result
