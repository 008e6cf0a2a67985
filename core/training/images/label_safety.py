"""Whether an augmentation keeps the label: how a classifier of the data predicts the transformed images.

A logistic regression on frozen embeddings is fitted on training images as they are. Up to 300 held-out validation
images are transformed at full strength, in both directions if there are two, and predicted again.

A drop in accuracy alone does not distinguish a changed label from an image that looks unusual to the backbone: digits
turned by 40°, say, are often predicted as a 1. So class a counts as turned into class b only when all of this holds:

* Images that were confidently right become confidently b, consistently: the one-sided 95 % lower bound of their share
  (Wilson 1927) exceeds `TOLERANCE`, and they are `FEWEST` or more. Confident is a probability halfway between a guess
  and certainty, or the class's own mean where the classifier is less sure of it.
* At least half of them are as near to training images of b as all but the oddest `ODD` of b's own held-out images.
* On average the class has gone more than half the `way` to b, from the mean log-odds of a against b on images of a to
  that on images of b. Beyond half an image is nearer to those of b.

That is the verdict “changes”. “Loses” is the other reason to leave a transform off: so many images are no longer
recognised that the lower end of the bootstrap interval of their share exceeds `LOSS`. “Costs” is the same beyond
`COST`. Shares are paired: right before less right after, on the same images.

The thresholds were chosen on handwritten digits (MNIST, at 28 and 8 pixels) and the second CIFAR batch. There digits
upside down gave bounds of 0.14 to 0.56 for 6 into 9 and back, 0.5 to 0.8 of the way; mirroring, turns by 15°, shifts
by 0.1, zoom, brightness and contrast turned no class into another. By 90° turns, 0.3 to 0.4 of the images were
lost, by 15° 0.16 at most. Class names enter nowhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.data.findings.label_errors import fit_probe, normalize_embeddings
from core.data.findings.label_safety import Drop, Flip, LabelSafety, TransformSafety, Verdict, save_label_safety
from core.data.versions import load_samples
from core.embedding.engines import choose_engine
from core.errors import InputError
from core.evaluation.bootstrap import percentile_interval
from core.methods.backbones import get_backbone
from core.methods.plan import default_image_size
from core.schemas import Augmentation, DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.training.images.check import BACKBONE, through_backbone
from core.training.version_images import VersionImages

MOST = 300
MOST_LEARNT = 3_000  # training images for the regression; more of them only take longer
TOLERANCE = 0.1
HALF = 0.5
FEWEST = 3
ODD = 0.05
LOSS = 0.2
COST = 0.02
REPEATS = 1000
_Z = 1.645
_SEVERITY: tuple[Verdict, ...] = ("keeps", "costs", "loses", "changes")

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Transform:
    """A transform at full strength; `changes` are its directions, uint8 `(n, size, size, 3)` to the same."""

    name: str
    title: str
    fields: tuple[str, ...]
    strength: float
    changes: tuple[Change, ...]


def transforms() -> tuple[Transform, ...]:
    """The transforms to check, with the layers of training, fixed at full strength."""
    from keras import layers

    from core.models.augmenting import Augmenter

    def drawn(method: str, strength: float) -> tuple[Change, ...]:
        """Two rounds of copies as drawn in training: random transforms have no direction."""
        augmenter = Augmenter(Augmentation.model_validate({method: strength}))
        return tuple(partial(augmenter.images, seed=(0, number)) for number in range(2))

    def turned(degrees: float) -> tuple[Change, ...]:
        return tuple(_fixed_change(layers.RandomRotation((d / 360,) * 2, "nearest")) for d in (degrees, -degrees))

    def shifted(share: float) -> tuple[Change, ...]:
        return tuple(_fixed_change(layers.RandomTranslation((s,) * 2, (s,) * 2, "nearest")) for s in (share, -share))

    def shaded(values: tuple[int, int, int]) -> Change:
        return lambda x: np.clip(x.astype("int16") + np.array(values, "int16"), 0, 255).astype("uint8")

    zoomed = tuple(_fixed_change(layers.RandomZoom((z,) * 2, fill_mode="nearest")) for z in (0.2, -0.2))
    lit = tuple(_fixed_change(layers.RandomBrightness((b,) * 2)) for b in (0.2, -0.2))
    sheared = _fixed_change(layers.RandomShear((0.2, 0.2), (0.2, 0.2), fill_mode="nearest"))
    shades = (shaded((20, -20, 20)), shaded((-20, 20, -20)))
    return (
        Transform("horizontal_flip", "Horizontal flip", ("horizontal_flip",), 1, (lambda x: x[:, :, ::-1],)),
        Transform("vertical_flip", "Vertical flip", ("vertical_flip",), 1, (lambda x: x[:, ::-1],)),
        *(Transform(f"rotation_{d}", f"Rotation by {d}°", ("rotation",), d, turned(d)) for d in (15, 40, 90)),
        *(
            Transform(f"shift_{s}", f"Shift by {s}", ("width_shift", "height_shift"), s, shifted(s))
            for s in (0.1, 0.2)
        ),
        Transform("zoom_0.2", "Zoom by 0.2", ("zoom",), 0.2, zoomed),
        Transform("shear_0.2", "Shear by 0.2", ("shear",), 0.2, (sheared,)),
        Transform("brightness_0.2", "Brightness by 0.2", ("brightness",), 0.2, lit),
        Transform(
            "contrast_0.2", "Contrast by 0.2", ("contrast",), 0.2, (_fixed_change(layers.RandomContrast((0.2, 0.2))),)
        ),
        Transform("channel_shift_20", "Channel shift by 20", ("channel_shift",), 20, shades),
        *(
            Transform(f"{name}_{s}", f"{title} {s}", (name,), s, drawn(name, s))
            for name, title, s in (
                ("rand_augment", "RandAugment at", 0.1),
                ("rand_augment", "RandAugment at", 0.3),
                ("aug_mix", "AugMix at", 0.3),
                ("aug_mix", "AugMix at", 0.6),
                ("erasing", "Random erasing with share", 1),
            )
        ),
    )


def _fixed_change(layer: Any) -> Change:
    """The layer as a fixed transform: both ends of its range are equal, so that every draw is the same."""

    def change(images: np.ndarray) -> np.ndarray:
        from keras import ops

        x = ops.cast(images, "float32")
        drawn = layer.get_random_transformation(x, training=True, seed=0)
        out = ops.convert_to_numpy(layer.transform_images(x, drawn, training=True))
        return np.asarray(np.clip(np.rint(out), 0, 255).astype("uint8"))

    return change


def label_safety_task(params: dict[str, Any], _folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Task `label_safety`: check every transform on the version named by `params["data"]` and save the result.

    Raises:
        InputError: there are no labels, or too few training or validation images.
    """
    ref = DataRef.parse(params["data"])
    version, dataset = get_version(ref), get_dataset(ref.dataset)
    found = judge_transforms(collect_data(dataset, version, progress), progress)
    save_label_safety(version, found)
    return {"leave_off": [t.name for t in found.transforms if t.leave_off]}


@dataclass(frozen=True)
class ProbeData:
    """Squashed embeddings and class indices to learn from, and held out; `originals` are the held-out images.

    `x` `(n, d)`, `labels` `(n,)`, `held` `(m, d)`, `truth` `(m,)`, `originals` uint8 `(m, size, size, 3)`.
    """

    x: np.ndarray
    labels: np.ndarray
    held: np.ndarray
    truth: np.ndarray
    originals: np.ndarray
    names: tuple[str, ...]


def collect_data(dataset: DatasetRecord, version: VersionRecord, progress: Callable[..., None]) -> ProbeData:
    """The training and held-out images of a version, with cached embeddings. Raises the same as the task."""
    if dataset.kind != "image" or not dataset.labelled:
        raise InputError(
            f"Dataset “{dataset.name}” has no labelled images.", "Label safety is about images and their classes."
        )
    samples = load_samples(DataRef(dataset=dataset.id, version=version.id))
    samples = samples[samples["part"].isin(["train", "validation"])].reset_index(drop=True)
    trained = (samples["part"] == "train").to_numpy()
    names = np.unique(samples["label"][trained].astype(str))
    labels = np.searchsorted(names, samples["label"].astype(str))
    held = _stratified(labels, np.flatnonzero(~trained & np.isin(samples["label"].astype(str), names)), MOST)
    if len(names) < 2 or not len(held):
        raise InputError(
            f"“{dataset.name}” has too few images to judge augmentations by.",
            "Training images of two classes and some validation images are needed: add images, or split anew.",
        )
    backbone = get_backbone(BACKBONE)
    size = default_image_size(backbone, samples)
    images = VersionImages(dataset, samples)
    x = normalize_embeddings(images.outputs(backbone, size, progress=through_backbone(progress)))
    learnt = _stratified(labels, np.flatnonzero(trained), MOST_LEARNT)
    return ProbeData(x[learnt], labels[learnt], x[held], labels[held], images.batch(held, size), tuple(names))


def judge_transforms(data: ProbeData, progress: Callable[..., None]) -> LabelSafety:
    """The verdict on every transform; the worse one of two directions."""
    backbone, size, model = get_backbone(BACKBONE), data.originals.shape[1], fit_probe(data.x, data.labels)
    before, own = model.predict_log_proba(data.held), _nearness(data.held, data)
    usual = np.array([_typical_nearness(own[data.truth == c, c]) for c in range(len(data.names))])
    found, listed = [], transforms()
    engine = choose_engine(backbone, size)
    out = np.empty((len(data.truth), *engine.shape), np.float32)
    steps, done = sum(len(t.changes) for t in listed), 0
    for transform in listed:
        seen = []
        for change in transform.changes:
            progress(done, steps, transform.title.lower())
            engine.embed_into(_SizedImages(change(data.originals)), size, out)
            x = normalize_embeddings(out)
            after, typical = model.predict_log_proba(x), _nearness(x, data) >= usual
            flips = find_flips(before, after, typical, data.truth, data.names)
            seen.append(_verdict(transform, before, after, flips, data))
            done += 1
        found.append(max(seen, key=lambda s: (_SEVERITY.index(s.verdict), s.lost.mean)))
    progress(steps, steps)
    accuracy = float((before.argmax(axis=1) == data.truth).mean())
    return LabelSafety(
        backbone=backbone.name, image_size=size, n=len(data.truth), accuracy=accuracy, transforms=tuple(found)
    )


def _verdict(
    transform: Transform, before: np.ndarray, after: np.ndarray, flips: tuple[Flip, ...], data: ProbeData
) -> TransformSafety:
    truth = data.truth
    was, now = (scores.argmax(axis=1) == truth for scores in (before, after))
    lost = _drop(was.astype(float) - now)
    evidence = _log_odds(before, truth) - _log_odds(after, truth)
    verdict: Verdict = "keeps"
    if flips:
        verdict = "changes"
    elif lost.low > COST:
        verdict = "loses" if lost.low > LOSS else "costs"
    return TransformSafety(
        name=transform.name,
        title=transform.title,
        fields=transform.fields,
        strength=transform.strength,
        verdict=verdict,
        accuracy=float(now.mean()),
        lost=lost,
        evidence=_drop(evidence),
        classes={data.names[c]: _drop(evidence[truth == c]) for c in np.unique(truth)},
        flips=flips,
    )


def find_flips(
    before: np.ndarray, after: np.ndarray, typical: np.ndarray, truth: np.ndarray, names: Sequence[str]
) -> tuple[Flip, ...]:
    """Pairs of classes of which the first is turned into the second, the most certain first.

    Args:
        before, after: log-probabilities of the images as they are and changed, `(n, classes)`.
        typical: whether a changed image is like those of a class, `(n, classes)`.
        truth: class indices `(n,)`.
        names: of the classes.
    """
    classes = np.unique(truth)
    sure = np.full(before.shape[1], (1 + 1 / before.shape[1]) / 2)
    own = np.exp(before[np.arange(len(truth)), truth])
    for c in classes:
        sure[c] = min(sure[c], own[truth == c].mean())
    right = (before.argmax(axis=1) == truth) & (own >= sure[truth])
    guessed = after.argmax(axis=1)
    sure_now = np.exp(after.max(axis=1)) >= sure[guessed]
    found = []
    for a in classes:
        mine, known = truth == a, right & (truth == a)
        for b in classes[classes != a]:
            landed = known & sure_now & (guessed == b)
            moved, low = int(landed.sum()), wilson_low(int(landed.sum()), int(known.sum()))
            if moved < FEWEST or low <= TOLERANCE or typical[landed, b].mean() < HALF:
                continue
            odds, odds_now = before[:, a] - before[:, b], after[:, a] - after[:, b]
            apart = odds[mine].mean() - odds[truth == b].mean()
            way = float((odds[mine] - odds_now[mine]).mean() / apart) if apart > 0 else 0.0
            if way > HALF:
                pair = {"label": str(names[a]), "becomes": str(names[b])}
                found.append(Flip(**pair, moved=moved, n=int(known.sum()), low=low, way=way))
    return tuple(sorted(found, key=lambda flip: -flip.low))


def _nearness(x: np.ndarray, data: ProbeData) -> np.ndarray:
    """Mean cosine to the three nearest training images of each class, `(n, classes)`."""
    out, cosines = np.empty((len(x), len(data.names))), x @ data.x.T
    for c in range(len(data.names)):
        out[:, c] = np.sort(cosines[:, data.labels == c], axis=1)[:, -3:].mean(axis=1)
    return out


def _typical_nearness(nearness: np.ndarray) -> float:
    """The nearness that all but the most unusual images of a class reach; infinite without held-out images."""
    return float(np.quantile(nearness, ODD)) if len(nearness) else np.inf


def wilson_low(k: int, n: int) -> float:
    """One-sided 95 % lower bound of a share, `k` of `n` (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if not n:
        return 0.0
    share, extra = k / n, _Z**2 / n
    return float((share + extra / 2 - _Z * np.sqrt((share * (1 - share) + extra / 4) / n)) / (1 + extra))


def _log_odds(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    own = np.exp(scores[np.arange(len(truth)), truth]).clip(1e-9, 1 - 1e-9)
    return np.asarray(np.log(own) - np.log1p(-own))


def _drop(differences: np.ndarray) -> Drop:
    """The mean of paired differences with its 95 % percentile bootstrap interval."""
    rng = np.random.default_rng(0)
    means = differences[rng.integers(0, len(differences), (REPEATS, len(differences)))].mean(axis=1)
    low, high = percentile_interval(means)
    return Drop(n=len(differences), mean=float(differences.mean()), low=low, high=high)


def _stratified(labels: np.ndarray, rows: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of `rows`, in order, evenly from every class."""
    rows = np.random.default_rng(0).permutation(rows)
    turn = np.zeros(len(rows), int)
    for c in np.unique(labels[rows]):
        here = np.flatnonzero(labels[rows] == c)
        turn[here] = np.arange(len(here))
    return np.sort(rows[np.argsort(turn, kind="stable")[:most]])


class _SizedImages:
    """Images in memory that already have their size."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        return np.ascontiguousarray(self._images[np.asarray(rows)])
