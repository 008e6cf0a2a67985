"""The result of a label-safety check of augmentations, kept in the version's folder as `label_safety.json`."""

from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from core.schemas import Frozen, VersionRecord, now
from core.store.datasets import version_folder
from core.store.files import write_text

FORMAT = 2  # raise it when a threshold or the list of transforms changes: earlier checks then no longer count

Verdict = Literal["keeps", "costs", "loses", "changes"]
VERDICTS: dict[Verdict, str] = {
    "keeps": "keeps the label",
    "costs": "costs a little",
    "loses": "loses the label: leave it off",
    "changes": "changes the label: leave it off",
}


class Flip(Frozen):
    """`moved` of `n` images of class `label`, confidently right before, become confidently `becomes`.

    `low` is the one-sided 95 % lower bound of that share; `way` how far the class has moved towards the other, 0 at
    its own images' mean, 1 at the other's.
    """

    label: str
    becomes: str
    moved: int
    n: int
    low: float
    way: float


class Drop(Frozen):
    """How far the log-odds of the true class fall on average over `n` images, with a 95 % interval."""

    n: int
    mean: float
    low: float
    high: float


class TransformSafety(Frozen):
    """One transform at one strength. `fields` are the fields of an `Augmentation` that it represents."""

    name: str
    title: str
    fields: tuple[str, ...]
    strength: float
    verdict: Verdict
    accuracy: float
    lost: Drop
    evidence: Drop
    classes: dict[str, Drop]
    flips: tuple[Flip, ...] = ()

    @property
    def leave_off(self) -> bool:
        return self.verdict in ("loses", "changes")

    @property
    def sentence(self) -> str:
        """The verdict in words, with the classes that flip."""
        if self.flips:
            pairs = " and ".join(f"{flip.label} into {flip.becomes}" for flip in self.flips[:3])
            return f"{self.title} turns {pairs}: leave it off."
        if self.verdict == "keeps":
            return f"{self.title} keeps the label."
        gone = f"{100 * self.lost.mean:.0f} of 100 images are no longer recognised"
        if self.verdict == "loses":
            return f"{self.title} loses the label, {gone}: leave it off."
        return f"{self.title} costs a little: {gone}."


class LabelSafety(Frozen):
    """A check of one version through one backbone. `accuracy` is that on the `n` images as they are."""

    format: int = FORMAT
    backbone: str
    image_size: int
    n: int
    accuracy: float
    transforms: tuple[TransformSafety, ...]
    created: datetime = Field(default_factory=now)

    def at(self, field: str, value: float) -> TransformSafety | None:
        """The result for a field of an `Augmentation` at a value: the weakest checked strength that covers it.

        `None` where nothing was checked, or only what is weaker.
        """
        known = sorted((t for t in self.transforms if field in t.fields), key=lambda t: t.strength)
        return next((t for t in known if t.strength >= value > 0), None)


def save_label_safety(version: VersionRecord, safety: LabelSafety) -> None:
    path = version_folder(version.dataset, version.id) / "label_safety.json"
    write_text(path, safety.model_dump_json(indent=1))


def load_label_safety(version: VersionRecord) -> LabelSafety | None:
    """The version's check; `None` when there is none, or one that an earlier release made."""
    path = version_folder(version.dataset, version.id) / "label_safety.json"
    try:
        safety = LabelSafety.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
    return safety if safety.format == FORMAT else None
