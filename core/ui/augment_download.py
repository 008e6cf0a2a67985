"""The augmented set as a ZIP: made by a task, then taken away."""

from core.schemas import TrainingSpec, VersionRecord
from core.ui import take_away
from core.ui.words import plural

NAME = "augmented.zip"


def download(version: VersionRecord, spec: TrainingSpec) -> None:
    """Offer the set that this spec would learn from."""
    assert spec.augmentation
    mixes = bool(spec.augmentation.mixup or spec.augmentation.cutmix)
    alone = spec.augmentation.model_copy(update={"mixup": 0.0, "cutmix": 0.0})
    take_away.offer(
        "augmented_set",
        version,
        spec.model_copy(update={"augmentation": alone}).model_dump(mode="json", exclude_none=True, exclude={"data"}),
        NAME,
        said=f"Take the training images away with {plural(spec.views or 0, 'copy', 'copies')} of each, by class."
        + (" MixUp and CutMix stay off there: a mixed image belongs in no folder." if mixes else ""),
        doing="Making the augmented set",
        file_name=f"{version.dataset}-augmented.zip",
    )
