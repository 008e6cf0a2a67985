"""Finders on images' pixels, sizes and files: visual defects, near duplicates and spurious correlations.

A limit alone would call every X-ray dark and every drawing poor in information. So an image is named when it is
beyond an absolute limit *and* unlike the rest of its dataset: more than three robust standard deviations (1.4826
times the median absolute deviation) from the median. The absolute limits are those of CleanVision
(https://github.com/cleanlab/cleanvision), put in this project's units.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.findings.evidence import Evidence, Finder, count
from core.schemas import Finding, Step

UNLIKE = 3.0


@dataclass(frozen=True)
class ImageDefect:
    """A visual defect of an image.

    `value` gives a number an image, larger for worse; `floor` is the smallest spread assumed, so that in a uniform
    dataset not every difference counts; `beyond` holds the absolute limit; `message` follows “N images”.
    """

    kind: str
    value: Callable[[pd.DataFrame], pd.Series]
    floor: float
    beyond: Callable[[pd.DataFrame], pd.Series]
    message: str
    severity: str = "warning"

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.dataset.kind != "image" or evidence.samples.empty:
            return
        seen = evidence.measured
        value = self.value(seen)
        named = self.beyond(seen).to_numpy() & (robust_z_scores(value, self.floor) > UNLIKE).to_numpy()
        named &= evidence.unconfirmed(self.kind).to_numpy()
        if not named.any():
            return
        order = np.flatnonzero(named)[np.argsort(-value.to_numpy()[named], kind="stable")]
        samples = evidence.samples.iloc[order]
        verb = "is" if len(samples) == 1 else "are"
        yield Finding.model_validate(
            {
                "kind": self.kind,
                "severity": self.severity,
                "message": f"{count(len(samples), 'image')} {verb} {self.message}.",
                "samples": tuple(samples["path"]),
                "scores": tuple(value.iloc[order].round(3)),
                "remedy": Step(kind=DROP_SAMPLES, params={"samples": samples["id"].tolist()}),
            }
        )


def robust_z_scores(values: pd.Series, floor: float) -> pd.Series:
    """How many robust standard deviations, each at least `floor`, the values lie above the median."""
    off = values - values.median()
    return off / max(1.4826 * float(off.abs().median()), floor)


def _aspect(seen: pd.DataFrame) -> pd.Series:
    return (seen["original_width"] / seen["original_height"]).map(np.log2)


def _side(seen: pd.DataFrame) -> pd.Series:
    return (seen["original_width"] * seen["original_height"]).map(np.log2) / 2


def _blur(seen: pd.DataFrame) -> pd.Series:
    # A low-contrast scene has weak edges without being blurred: sharpness is divided by the contrast.
    return ((seen["contrast"] ** 2 + 1) / (seen["sharpness"] + 0.01)).map(np.log10)


STRIKING = (
    ImageDefect(
        kind="dark",
        value=lambda seen: 255 - seen["lightest"],
        floor=8,
        beyond=lambda seen: seen["lightest"] < 0.32 * 255,
        message="dark: 99 of 100 pixels are under a third of full brightness",
    ),
    ImageDefect(
        kind="bright",
        value=lambda seen: seen["darkest"],
        floor=8,
        beyond=lambda seen: seen["darkest"] > 0.95 * 255,
        message="very bright: 95 of 100 pixels are nearly white",
    ),
    ImageDefect(
        kind="blurry",
        value=_blur,
        floor=0.25,
        beyond=lambda seen: seen["sharpness"] < 100,
        message="blurry: edges are far softer than in the other images",
    ),
    ImageDefect(
        kind="low_information",
        value=lambda seen: 8 - seen["entropy"],
        floor=0.5,
        beyond=lambda seen: seen["entropy"] < 2.4,
        message="nearly empty: they hold few different shades",
    ),
    ImageDefect(
        kind="odd_aspect_ratio",
        value=lambda seen: (_aspect(seen) - _aspect(seen).median()).abs(),
        floor=0.3,
        beyond=lambda seen: _aspect(seen).abs() > -np.log2(0.35),
        message="far longer or taller than the others, and will be squeezed when they are made square",
        severity="info",
    ),
    ImageDefect(
        kind="odd_size",
        value=lambda seen: (_side(seen) - _side(seen).median()).abs(),
        floor=0.5,
        beyond=lambda seen: (_side(seen) - _side(seen).median()).abs() > 2,
        message="more than four times as large or as small as the median image",
        severity="info",
    ),
    ImageDefect(
        kind="grey",
        value=lambda seen: -seen["colourfulness"],
        floor=2,
        beyond=lambda seen: (seen["colourfulness"] < 2) & bool(seen["colourfulness"].quantile(0.2) > 5),
        message="without colour, among images that have it",
        severity="info",
    ),
)


def near_duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Near copies that the split keeps together: samples of one group whose content differs."""
    if evidence.dataset.kind != "image":
        return
    samples = evidence.samples[evidence.unconfirmed("near_duplicate")]
    near = samples[samples.groupby("group")["content_hash"].transform("nunique") > 1]
    yield from near_duplicate_findings(near.sort_values("group", kind="stable"))


def near_duplicate_findings(near: pd.DataFrame) -> Iterator[Finding]:
    """Findings on groups of near copies: an error where classes differ, otherwise information.

    Args:
        near: samples, columns id, path, label and group; the copies of a group one after the other.
    """
    labels = near.groupby("group")["label"].transform("nunique") > 1
    torn, same = near[labels], near[~labels]
    if len(torn):
        n = torn["group"].nunique()
        yield Finding(
            kind="near_duplicate",
            severity="error",
            message=f"{count(n, 'group')} of near copies {'stand' if n > 1 else 'stands'} in more than one class"
            f" ({len(torn)} images in all).",
            samples=tuple(torn["path"]),
        )
    if len(same):
        n = same["group"].nunique()
        later = same[same.duplicated("group")]
        yield Finding(
            kind="near_duplicate",
            severity="info",
            message=f"{count(n, 'image')} {'have' if n > 1 else 'has'} near copies: re-encoded, resized, cropped or"
            f" mirrored ({len(same)} images in all).",
            samples=tuple(same["path"]),
            remedy=Step(kind=DROP_SAMPLES, params={"samples": later["id"].tolist()}),
        )


SPURIOUS_LIFT = 0.3
_BINS = 12
_FOLDS = 5


def spurious(evidence: Evidence) -> Iterator[Finding]:
    """Spurious correlations: something other than the subject that predicts the class, and that a model would learn.

    The class is guessed as the most frequent one among training images of the same bin, in five-fold
    cross-validation. A warning is given when that closes 30 % of the gap between always naming the largest class and
    being right each time, and by more than four standard errors: what subjects themselves bring about, such as blue
    behind ships, stays below it on CIFAR-10 (at most 0.12) and on the clip art.
    """
    if evidence.dataset.kind != "image" or not evidence.dataset.labelled or evidence.samples.empty:
        return
    labels = pd.factorize(evidence.samples["label"])[0]
    groups = evidence.samples["group"].to_numpy()
    if labels.max(initial=0) < 1 or (labels < 0).any():
        return
    majority = np.bincount(labels).max() / len(labels)
    for what, bins in _attributes(evidence.measured).items():
        accuracy = guess_accuracy(bins, labels, groups)
        gained = accuracy - majority
        error = np.sqrt(majority * (1 - majority) / len(labels))
        if gained > SPURIOUS_LIFT * (1 - majority) and gained > 4 * error:
            yield Finding(
                kind="spurious",
                severity="warning",
                message=f"The class can be guessed from {what} alone: right in {accuracy:.0%} of cases, where naming"
                f" the largest class is right in {majority:.0%}. A model may learn that instead of the subject.",
            )


def guess_accuracy(bins: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Cross-validated accuracy of predicting the most frequent class of each bin; all `(n,)`, classes from 0."""
    fold = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups] % _FOLDS
    counts = np.zeros((_FOLDS, int(bins.max()) + 1, int(labels.max()) + 1), dtype="int64")
    np.add.at(counts, (fold, bins, labels), 1)
    others = counts.sum(axis=0) - counts
    overall = others.sum(axis=1, keepdims=True) / others.sum(axis=(1, 2), keepdims=True)
    return float(((others + overall).argmax(axis=2)[fold, bins] == labels).mean())


def _attributes(seen: pd.DataFrame) -> dict[str, np.ndarray]:
    """Attribute → the bin of each image, `(n,)`, numbered from 0."""
    size = seen["original_width"].astype("str") + "×" + seen["original_height"].astype("str")
    few = size.nunique() <= _BINS  # so few sizes are named, others are binned
    border = seen[["border_red", "border_green", "border_blue"]].to_numpy() // 64
    return {
        "the image size": pd.factorize(size)[0] if few else _to_bins(_side(seen)),
        "the aspect ratio": _to_bins(_aspect(seen)),
        "the file format": pd.factorize(seen["format"] + " " + seen["mode"])[0],
        "the brightness": _to_bins(seen["brightness"]),
        "the background colour": pd.factorize(border @ np.array([16, 4, 1]))[0],
    }


def _to_bins(values: pd.Series) -> np.ndarray:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, values.to_numpy())


def _finder(striking: ImageDefect) -> Finder:
    def find(evidence: Evidence) -> Iterator[Finding]:
        return striking.find(evidence)

    find.__name__ = striking.kind
    return find


FINDERS: list[Finder] = [near_duplicate, *map(_finder, STRIKING), spurious]
