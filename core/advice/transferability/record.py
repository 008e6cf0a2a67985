"""What the tasks of this room find, as pages read it."""

from core.evaluation.intervals import Interval
from core.schemas import Frozen


class RankedBackbone(Frozen):
    """One backbone: its scores (`core.advice.transferability.scores`), and what a linear probe on it reaches.

    `probe` is the share of samples that cross-validated probes are right on, `probe_ci` its 95 % interval. `leep` is
    None for a backbone whose weights come without the classes it was pretrained on. `seconds` are what it all took:
    little where the embeddings were in the cache. `cost` counts multiply-adds an image, in billions.
    """

    name: str
    title: str
    image_size: int
    cost: float
    logme: float
    leep: float | None = None
    hscore: float
    probe: float
    probe_ci: Interval
    seconds: float


class BackboneRanking(Frozen):
    """The result of the task `rank`, the best probe first.

    `data` names the version, of whose `of` training and validation samples `n` were looked at, and no test samples.
    `tau` is Kendall's rank correlation of each score, and of ImageNet's top-1 accuracy, with the validation accuracy
    of finished runs, None where a score says nothing about their order; `tau_runs` says of which runs. Both are empty
    where fewer than three of the backbones have runs of one strategy.
    """

    data: str
    n: int
    of: int
    folds: int
    backbones: tuple[RankedBackbone, ...]
    recommended: str
    tau: dict[str, float | None] | None = None
    tau_runs: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """What `python -m core rank` prints."""
        return self.model_dump(mode="json")


class LearningCurvePoint(Frozen):
    """What probes on lots of `n` images, on average, are right on, with a 95 % interval."""

    n: int
    accuracy: float
    accuracy_ci: Interval


class Doubling(Frozen):
    """A share now, and with twice as many images; what is gained with its 95 % interval."""

    now: float
    doubled: float
    gain_ci: Interval

    @property
    def gain(self) -> float:
        return self.doubled - self.now


class ClassDoubling(Doubling):
    """The recall of a class."""

    name: str


class LearningCurve(Doubling):
    """The result of the task `learning_curve`, from `n` of `of` training and validation images.

    `line` holds number of images, accuracy, and both ends of its 95 % interval along the fitted law, through `n` up
    to 2 `n`. `now` and `doubled` are the law's accuracy at `n` and 2 `n`.
    """

    data: str
    n: int
    of: int
    backbone: str
    image_size: int
    points: tuple[LearningCurvePoint, ...]
    line: tuple[tuple[float, float, float, float], ...]
    classes: tuple[ClassDoubling, ...]
