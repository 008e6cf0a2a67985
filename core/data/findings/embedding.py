"""Finders on a backbone's embeddings: near duplicates that a hash misses, leaks, outliers and label errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.findings import label_errors
from core.data.findings.evidence import Evidence, count
from core.data.findings.image import near_duplicate_findings, robust_z_scores
from core.data.findings.label import label_error_findings
from core.data.findings.saved import Case
from core.data.grouping import manifest_column
from core.data.images.near_duplicates import (
    LIKENESS,
    Comparer,
    PixelReader,
    connected_components,
    embedding_pairs,
    hash_pairs,
)
from core.schemas import Finding, Step

CHECKED_KINDS = ("near_duplicate", "leak", "outlier", "label_error")
# Chosen on 5,000 CIFAR photos from another batch than the benchmark uses: copies correlate by 0.987 at least and lie
# at a cosine of 0.73 or more, 99 of 100 photos are less alike than 0.84 to any other.
HASH_DISTANCE = 10
COSINE = 0.72
SMALLEST = 24  # pixels; smaller images agree by chance
NEIGHBOURS = 5
OUTLIER = 4.0  # robust standard deviations of the distance to the nearest neighbours
FOREST_SHARE = 0.1  # of the samples, the most easily isolated ones, that can be outliers
SIGNIFICANT = 1.96  # standard errors, of a difference that is no chance with a probability of 95 %
Outcome = tuple[list[Finding], list[Case]]


@dataclass(frozen=True)
class Embedded:
    """A version's evidence with the embeddings of its images.

    `x`: embeddings squashed and scaled to length 1, `(n, d)`; `groups`: see `near_groups`; hashes are uint64, `(n,)`.
    """

    evidence: Evidence
    x: np.ndarray
    groups: np.ndarray

    @property
    def samples(self) -> pd.DataFrame:
        return self.evidence.samples

    @cached_property
    def labels(self) -> np.ndarray:
        """Class indices, `(n,)`, in the order of the sorted names."""
        return pd.factorize(self.samples["label"], sort=True)[0]

    @cached_property
    def components(self) -> np.ndarray:
        """The leading principal components of `x`, on which classes are predicted out of fold."""
        return label_errors.principal_components(self.x)


def near_groups(
    x: np.ndarray, hashes: np.ndarray, mirrored: np.ndarray, known: np.ndarray, look: PixelReader
) -> np.ndarray:
    """Groups, `(n,)`, of copies: those `known`, and pairs close by hash or embedding whose pixels then agree.

    A perceptual hash survives re-encoding and scaling, an embedding also cropping; either proposes pairs, which are
    then compared pixel by pixel, at several crops and mirrored. Images with a side under 24 pixels keep the group
    they have.
    """
    comparer = Comparer(look)
    proposed = np.concatenate([hash_pairs(hashes, mirrored, HASH_DISTANCE), embedding_pairs(x, COSINE, NEIGHBOURS)])
    pairs = [
        (int(i), int(j))
        for i, j in np.unique(proposed, axis=0)
        if known[i] != known[j]
        and min(look(i).shape[:2] + look(j).shape[:2]) >= SMALLEST
        and float(x[i] @ x[j]) >= COSINE
        and comparer.likeness(i, j) >= LIKENESS
    ]
    first = {number: place for place, number in reversed(list(enumerate(known.tolist())))}
    exact = [(first[number], i) for i, number in enumerate(known.tolist())]
    return connected_components(len(known), [*exact, *pairs])


def check_embeddings(images: Embedded) -> tuple[Outcome, float | None]:
    """All findings and cases, and the accuracy of the out-of-fold predictions (None where there are no labels)."""
    findings: list[Finding] = []
    cases: list[Case] = []
    accuracy = None
    parts: list[Callable[[Embedded], Outcome]] = [near_duplicates, outliers]
    if images.evidence.dataset.labelled:
        parts.append(leaks)
        held_out = predict_held_out(images, images.groups)
        accuracy = float((held_out.argmax(axis=1) == images.labels).mean())
        findings += divided_at_random(images, held_out)
        of_labels = wrong_labels(images, held_out)
        findings += of_labels[0]
        cases += of_labels[1]
    for part in parts:
        of_part = part(images)
        findings += of_part[0]
        cases += of_part[1]
    return (findings, cases), accuracy


def near_duplicates(images: Embedded) -> Outcome:
    """Near copies; exact ones are reported by `exact_duplicate`."""
    samples = images.samples.assign(group=images.groups)[images.evidence.unconfirmed("near_duplicate").to_numpy()]
    near = samples[samples.groupby("group")["content_hash"].transform("nunique") > 1]
    near = near.sort_values("group", kind="stable")
    cases = []
    for _, group in near.groupby("group", sort=False):
        ids = group["id"].tolist()
        cases += [Case(finding="near_duplicate", sample=name, score=1.0, beside=_rest(ids, name)) for name in ids[1:]]
    return list(near_duplicate_findings(near)), cases


def leaks(images: Embedded) -> Outcome:
    """Test images with copies in training or validation, and a linear probe's accuracy with and without them."""
    samples = images.samples.assign(group=images.groups)
    samples = samples[images.evidence.unconfirmed("leak").to_numpy()]
    test = samples["part"] == "test"
    both = set(samples.loc[test, "group"]) & set(samples.loc[~test, "group"])
    leaked = samples[test & samples["group"].isin(both)]
    if leaked.empty:
        return [], []
    twins = samples[~test & samples["group"].isin(both)]
    whole, without = _probe_scores(images, set(leaked["id"]))
    accuracies = f" A linear probe is right on {whole:.1%} of the test images with them"
    accuracies += f" and {without:.1%} without." if without is not None else "; without them no test image is left."
    finding = Finding(
        kind="leak",
        severity="error",
        message=f"{count(len(leaked), 'test image')} {'have' if len(leaked) > 1 else 'has'} near copies among the"
        f" training and validation images.{accuracies}",
        samples=tuple(leaked["path"]),
        remedy=Step(kind=DROP_SAMPLES, params={"samples": twins["id"].tolist()}),
    )
    beside = {group: tuple(ids) for group, ids in twins.groupby("group")["id"]}
    cases = [
        Case(finding="leak", sample=name, score=1.0, beside=beside[group])
        for name, group in zip(leaked["id"], leaked["group"], strict=True)
    ]
    return [finding], cases


def _probe_scores(images: Embedded, leaked: set[str]) -> tuple[float, float | None]:
    samples = images.samples
    labels = pd.factorize(samples["label"])[0]
    test = (samples["part"] == "test").to_numpy()
    x = label_errors.principal_components(images.x)
    right = label_errors.fit_probe(x[~test], labels[~test]).predict(x[test]) == labels[test]
    sound = ~samples.loc[test, "id"].isin(leaked).to_numpy()
    return float(right.mean()), float(right[sound].mean()) if sound.any() else None


def outliers(images: Embedded) -> Outcome:
    """Images far from all others: by the distance to their nearest neighbours, and easily isolated as well.

    The distance, 1 − cosine averaged over five neighbours outside the image's own group of copies, must be four
    robust standard deviations above the median; and the image must be among the tenth that an isolation forest (Liu,
    Ting and Zhou 2008) on 32 principal components isolates first.
    """
    n = len(images.samples)
    if n <= 2 * NEIGHBOURS:
        return [], []
    from sklearn.ensemble import IsolationForest

    distance, near = nearest_neighbours(images.x, images.groups)
    components = label_errors.principal_components(images.x, 32)
    isolated = -IsolationForest(n_estimators=200, random_state=0).fit(components).score_samples(components)
    far = robust_z_scores(pd.Series(distance), 0.02).to_numpy()
    named = (far > OUTLIER) & (isolated >= np.quantile(isolated, 1 - FOREST_SHARE))
    rows = np.flatnonzero(named & images.evidence.unconfirmed("outlier").to_numpy())
    if not len(rows):
        return [], []
    rows = rows[np.argsort(-distance[rows], kind="stable")]
    samples = images.samples.iloc[rows]
    finding = Finding(
        kind="outlier",
        severity="warning",
        message=f"{count(len(rows), 'image')} {'look' if len(rows) > 1 else 'looks'} unlike all other images.",
        samples=tuple(samples["path"]),
        scores=tuple(distance[rows].round(3).tolist()),
        remedy=Step(kind=DROP_SAMPLES, params={"samples": samples["id"].tolist()}),
    )
    ids = images.samples["id"].to_numpy()
    cases = [
        Case(finding="outlier", sample=str(ids[row]), score=float(distance[row]), beside=tuple(ids[near[row][:3]]))
        for row in rows
    ]
    return [finding], cases


def nearest_neighbours(x: np.ndarray, groups: np.ndarray, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Mean distance, 1 − cosine, to the `k` nearest images of other groups, `(n,)`, and their positions `(n, k)`."""
    k = min(k, len(x) - 1)
    distance, near = np.empty(len(x)), np.empty((len(x), k), "int64")
    for start in range(0, len(x), 1024):
        here = slice(start, start + 1024)
        cosine = x[here] @ x.T
        cosine[groups[here, None] == groups[None]] = -1
        nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(cosine, nearest, axis=1)
        order = np.argsort(-values, axis=1)
        near[here] = np.take_along_axis(nearest, order, axis=1)
        distance[here] = 1 - values.mean(axis=1)
    return distance, near


def predict_held_out(images: Embedded, groups: np.ndarray) -> np.ndarray:
    """Out-of-fold probabilities of the classes, `(n, k)`, with samples of one group in one fold."""
    return label_errors.predict_out_of_fold(images.components, images.labels, groups)


def divided_at_random(images: Embedded, held_out: np.ndarray) -> list[Finding]:
    """How much better a score would look if only copies, not all that belongs together, stayed in one fold."""
    evidence = images.evidence
    given = images.samples["id"].map(manifest_column(evidence.dataset, evidence.folder, "given_group"))
    if given.isna().all():
        return []
    copies = pd.factorize(images.samples["content_hash"])[0]
    together, apart = (p.argmax(axis=1) == images.labels for p in (held_out, predict_held_out(images, copies)))
    gain = apart.astype(float) - together
    both = f"{together.mean():.0%} of the images are recognised where those that belong together stay together, and"
    both += f" {apart.mean():.0%} where they are divided at random."
    if gain.mean() > SIGNIFICANT * gain.std() / np.sqrt(len(gain)):
        both += f" A score after a random division would be {100 * gain.mean():.0f} points too high."
    else:
        both += " The difference may be chance."
    return [Finding(kind="belong_together", severity="info", message=both)]


def wrong_labels(images: Embedded, held_out: np.ndarray) -> Outcome:
    """Likely label errors by confident learning, each with the class that fits better."""
    return label_error_findings(
        images.evidence,
        np.unique(images.samples["label"].to_numpy(dtype=object)),
        label_errors.confident_learning(held_out, images.labels),
        lambda rows: nearest_neighbours(images.x, images.groups)[1][rows],
    )


def _rest(ids: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(other for other in ids if other != name)
