"""The task `learning_curve`: the expected gain from twice as many images, by probes on growing subsets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from core.advice.transferability.backbone_ranking import known_samples
from core.advice.transferability.record import ClassDoubling, LearningCurve, LearningCurvePoint
from core.data.findings.label_errors import fit_probe, normalize_embeddings, principal_components
from core.data.splitting import assign_folds
from core.embedding.embeddings import limit_threads
from core.errors import InputError
from core.evaluation.bootstrap import percentile_interval
from core.evaluation.intervals import fold_share, wilson
from core.methods.backbones import get_backbone
from core.methods.plan import default_image_size
from core.schemas import DataRef
from core.store.datasets import get_dataset, get_version
from core.training.images.check import BACKBONE, through_backbone
from core.training.version_images import VersionImages

FOLDS = 5
REPEATS = 4  # lots of each size
SHARES = tuple(2.0 ** (-step / 2) for step in range(8, -1, -1))  # a sixteenth of the images up to all of them
LEAST = 2  # images of the smallest class in the smallest subset
FEWEST = 4  # sizes that a law is fitted to
DRAWS = 400
EXPONENTS = np.linspace(0, 1.5, 61)  # 0 where nothing grows
LINE = 30  # points of the drawn law up to what there is, and again beyond
Progress = Callable[..., None]


class PowerLaw(NamedTuple):
    """Share of errors at n images, a · n⁻ᵇ; both numbers have one shape."""

    a: np.ndarray
    b: np.ndarray

    def accuracy(self, n: np.ndarray | float) -> np.ndarray:
        """At `n`, which broadcasts against the law's numbers."""
        return np.asarray(1 - (self.a * np.power(n, -self.b)).clip(0, 1))


def learning_curve_task(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """`learning_curve` in the background. `params`: `data`, DATASET[@VERSION]."""
    return learning_curve(DataRef.parse(params["data"]), progress).model_dump(mode="json")


def learning_curve(ref: DataRef, progress: Progress = lambda *_: None) -> LearningCurve:
    """Accuracy of a linear probe against the number of images, and where it would be with twice as many.

    In each of five folds of a version's training and validation images, probes are trained on subsets of the other
    folds of increasing size, with constant class proportions. A power law is fitted to the errors (Hestness et al.
    2017, “Deep learning scaling is predictable, empirically”); a floor as a third parameter biased the extrapolation.
    Its intervals come from bootstrapping images, copies together, and subsets.

    Raises:
        InputError: a table, data without labels, or too few images of a class.
        WeightsError: the backbone's weights are missing.
    """
    limit_threads()
    version, dataset = get_version(ref), get_dataset(ref.dataset)
    samples, of = known_samples(dataset, version)
    labels, classes = pd.factorize(samples["label"], sort=True)
    groups = np.unique(samples["group"].to_numpy(), return_inverse=True)[1]
    shares = subset_shares(labels, groups, list(classes))
    backbone = get_backbone(BACKBONE)
    size = default_image_size(backbone, samples)
    x = VersionImages(dataset, samples).outputs(backbone, size, progress=through_backbone(progress))
    with threadpool_limits(1):  # threads that wait for one another cost more than they give
        sizes, right = measure_probes(principal_components(normalize_embeddings(x)), labels, groups, shares, progress)
    n = len(labels)
    worth = n * fold_share(FOLDS)
    line = np.concatenate([np.geomspace(sizes[0], n, LINE), np.geomspace(n, 2 * n, LINE + 1)[1:]])
    now_and_doubled = [LINE - 1, -1]
    whole, by_class = extrapolate(sizes, right, labels, groups, line)
    low, high = np.quantile(whole[1:], [0.025, 0.975], axis=0)
    reached = right.mean(axis=(0, 2))
    return LearningCurve(
        data=f"{dataset.id}@{version.id}",
        n=n,
        of=of,
        backbone=backbone.name,
        image_size=size,
        points=tuple(
            LearningCurvePoint(n=int(m), accuracy=share, accuracy_ci=wilson(share * worth, worth))
            for m, share in zip(sizes.round(), reached.tolist(), strict=True)
        ),
        line=tuple(zip(*(row.tolist() for row in (line, whole[0], low, high)), strict=True)),
        classes=tuple(
            ClassDoubling(name=str(name), **_doubling(by_class[:, i, now_and_doubled]))
            for i, name in enumerate(classes)
        ),
        **_doubling(whole[:, now_and_doubled]),
    )


def _doubling(accuracy: np.ndarray) -> dict[str, Any]:
    """What a `Doubling` says, from the accuracy at n and 2n, `(1 + DRAWS, 2)`, as fitted and then by draws."""
    (now, doubled), draws = accuracy[0].tolist(), accuracy[1:]
    return {"now": now, "doubled": doubled, "gain_ci": percentile_interval(draws[:, 1] - draws[:, 0])}


def subset_shares(labels: np.ndarray, groups: np.ndarray, classes: list[str]) -> tuple[float, ...]:
    """The shares of the images at which every class has `LEAST` of them to learn from, in each fold.

    Raises:
        InputError: there are fewer than `FEWEST`.
    """
    distinct = pd.Series(groups).groupby(labels).nunique()
    least = distinct.min() * (1 - 1 / FOLDS)
    shares = tuple(share for share in SHARES if share * least >= LEAST)
    if len(shares) < FEWEST:
        name = classes[int(distinct.to_numpy().argmin())]
        raise InputError(
            f"Class “{name}” has {distinct.min()} distinct images beside the test images, too few for a curve.",
            "It takes about eight of each class; add some, or leave the class out.",
        )
    return shares


def measure_probes(
    x: np.ndarray, labels: np.ndarray, groups: np.ndarray, shares: tuple[float, ...], progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of the subsets, `(sizes,)`, and whether each image was classified correctly, `(repeats, sizes, n)`.

    Predictions are out of fold, copies included. Within a repeat, smaller subsets are part of larger ones.
    """
    fold = assign_folds(labels, groups, FOLDS)
    right = np.zeros((REPEATS, len(shares), len(labels)))
    sizes = np.zeros((FOLDS, len(shares)))
    for i in range(FOLDS):
        progress(i, FOLDS, "folds judged by probes on ever more images")
        judged, known = fold == i, np.flatnonzero(fold != i)
        for repeat in range(REPEATS):
            order = np.random.default_rng(FOLDS * repeat + i).permutation(known)
            place = pd.Series(order).groupby(labels[order]).cumcount().to_numpy()
            most = np.bincount(labels[order])[labels[order]]
            for at, share in enumerate(shares):
                if share == 1 and repeat:  # all there are, once more
                    right[repeat, at, judged] = right[0, at, judged]
                    continue
                lot = order[place < np.ceil(share * most - 1e-9)]
                sizes[i, at] = len(lot)
                found = fit_probe(x[lot], labels[lot])
                right[repeat, at, judged] = found.predict(x[judged]) == labels[judged]
    return sizes.mean(axis=0), right


def extrapolate(
    sizes: np.ndarray, right: np.ndarray, labels: np.ndarray, groups: np.ndarray, at: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy at numbers of images `at`, `(m,)`: as fitted, and then by `DRAWS` bootstrap draws.

    Args:
        sizes, right: as `measure_probes` gives them.
        labels, groups: `(n,)`, from 0 on.

    Returns:
        `(1 + DRAWS, m)` of all images, and `(1 + DRAWS, classes, m)`: each class' recall, by laws as steep as that of
        all images, as a class has too few to tell.
    """
    repeats, k = len(right), len(sizes)
    one_hot = np.eye(labels.max() + 1)[labels]
    n_groups, classes = groups.max() + 1, one_hot.shape[1]
    errors = np.zeros((repeats, n_groups, k, classes))
    support = np.zeros((n_groups, classes))
    np.add.at(support, groups, one_hot)
    for repeat in range(repeats):
        np.add.at(errors[repeat], groups, (1 - right[repeat]).T[:, :, None] * one_hot[:, None])
    rng = np.random.default_rng(seed)
    times = np.vstack([np.ones(n_groups), rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), DRAWS)])
    lots = np.vstack([np.ones(repeats), rng.multinomial(repeats, np.full(repeats, 1 / repeats), DRAWS)]) / repeats
    flat = errors.reshape(repeats, n_groups, k * classes)
    drawn = sum(lots[:, [r]] * (times @ flat[r]) for r in range(repeats))
    drawn = np.asarray(drawn).reshape(-1, k, classes)
    of_class = times @ support
    whole = drawn.sum(axis=2) / of_class.sum(axis=1)[:, None]
    law = fit_power_law(sizes, whole)
    shares = (drawn / np.maximum(of_class, 1)[:, None]).swapaxes(1, 2)
    theirs = fit_power_law(sizes, shares, law.b[:, None])
    return PowerLaw(*(part[:, None] for part in law)).accuracy(at), PowerLaw(
        *(part[..., None] for part in theirs)
    ).accuracy(at)


def fit_power_law(sizes: np.ndarray, errors: np.ndarray, steepness: np.ndarray | None = None) -> PowerLaw:
    """The power law nearest to shares of errors, `(…, sizes)`, by least squares, larger sizes weighing more.

    Its steepness b is at least 0, so that more images never do harm, and tried on a grid unless given.
    """
    if steepness is not None:
        a, _ = _scale(np.power(sizes, -steepness[..., None]), errors, sizes)
        return PowerLaw(a, np.broadcast_to(steepness, a.shape))
    tried = [_scale(np.power(sizes, -b), errors, sizes) for b in EXPONENTS]
    best = np.argmin([loss for _, loss in tried], axis=0)
    a = np.take_along_axis(np.array([a for a, _ in tried]), best[None], axis=0)[0]
    return PowerLaw(a, EXPONENTS[best])


def _scale(z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The a with the least weighted squares of a · z − y over the last axis, and those squares."""
    a = (weight * z * y).sum(axis=-1) / (weight * z * z).sum(axis=-1)
    return a, (weight * (a[..., None] * z - y) ** 2).sum(axis=-1)
