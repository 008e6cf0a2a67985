"""The project's records, as frozen pydantic models. Everything stored as JSON is one of these."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from core.errors import InputError

Kind = Literal["image", "table"]
Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Preset = Literal["quick", "balanced", "thorough"]
Optimizer = Literal["adam", "adamw", "sgd"]
Schedule = Literal["cosine", "warm_up", "one_cycle", "constant"]
Loss = Literal["cross_entropy", "focal"]
Averaging = Literal["none", "ema"]
Monitor = Literal["loss", "macro_f1"]
Device = Literal["cpu", "gpu"]
FailureKind = Literal[
    "bad_input", "not_found", "bad_data", "weights", "disk_full", "out_of_memory", "not_a_number", "cluster",
    "killed", "internal"
]  # fmt: skip
RunState = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "interrupted"]
ACTIVE: tuple[RunState, ...] = ("starting", "running")
FINISHED: tuple[RunState, ...] = ("succeeded", "failed", "cancelled", "interrupted")


def now() -> datetime:
    return datetime.now(UTC)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRef(Frozen):
    """`DATASET[@VERSION][:train|validation|test]`, the one way to name data everywhere.

    Dataset and version go by id or name.
    """

    dataset: str
    version: str | None = None
    part: Part | None = None

    @classmethod
    def parse(cls, text: str) -> "DataRef":
        """Read a reference; `InputError` when it does not have the form."""
        match = re.fullmatch(r"([^@:]+)(?:@([\w.-]+))?(?::(train|validation|test))?", text.strip())
        if not match:
            raise InputError(
                f"“{text}” does not name data.", "Write DATASET, DATASET@VERSION or DATASET@VERSION:test."
            )
        return cls(dataset=match[1], version=match[2], part=match[3])

    def __str__(self) -> str:
        return self.dataset + (f"@{self.version}" if self.version else "") + (f":{self.part}" if self.part else "")


class Split(Frozen):
    """How samples are divided. Shares of the whole; `test_ids`, when given, are the test part by name.

    With `given`, samples that came in `train/`, `validation/` or `test/` folders are in that part; the shares apply
    to the rest, and to a part that no folder gave. `follows` is the id of the version that this one was made from:
    samples of that version, or of those that it follows in turn, keep their part; the other fields divide new
    samples. `time` names a column of numbers or dates: the newest rows are the test part, those before them
    validation.
    """

    train: Annotated[float, Field(gt=0, lt=1)] = 0.6
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 0
    test_ids: tuple[str, ...] = ()
    given: bool = False
    follows: str = ""
    time: str = ""

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Split":
        if abs(self.train + self.validation + self.test - 1) > 1e-6:
            raise ValueError("train, validation and test must add up to 1")
        return self


class Step(Frozen):
    """One cleaning step: a name from the registry of steps and its settings."""

    kind: str
    params: dict[str, Any] = {}
    enabled: bool = True


class Recipe(Frozen):
    """An ordered list of cleaning steps; the raw data never change."""

    steps: tuple[Step, ...] = ()


class Skipped(Frozen):
    """A member of an import that was refused, and why; `unlabelled`: it can be read, and nothing tells its class."""

    path: str
    reason: str
    unlabelled: bool = False


class Finding(Frozen):
    """Something wrong with the data: a sentence, its evidence (names as imported), their scores, and a remedy."""

    kind: str
    severity: Literal["info", "warning", "error"]
    message: str
    samples: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    remedy: Step | None = None


class Original(Frozen):
    """The source of an import as it was: `originals/` holds it under its SHA-256, `digest`.

    `size` in bytes, `stored` as kept, `packed` with Zstandard or not; a `folder` is kept as one TAR.
    """

    digest: str
    name: str
    size: int
    stored: int
    packed: bool = False
    folder: bool = False


class ImportRecord(Frozen):
    """One import of a dataset: `datasets/ID/imports/NUMBER/import.json`. Its files never change.

    `n` samples of the `n_read` that the source holds; imports of earlier versions do not know these. `original` is
    None where it was not kept. `replaces` is the number of the import whose source this one reads anew.
    """

    number: int
    source: str
    created: datetime = Field(default_factory=now)
    n: int
    n_read: int | None = None
    content_hash: str
    skipped: tuple[Skipped, ...] = ()
    original: Original | None = None
    replaces: int | None = None


class DatasetRecord(Frozen):
    """`datasets/ID/dataset.json`: what a dataset is. `version` is the newest one's name."""

    id: str
    name: str
    kind: Kind
    labelled: bool = True
    target: str | None = None
    licence: str = ""
    created: datetime = Field(default_factory=now)
    imports: tuple[ImportRecord, ...] = ()
    version: str = ""
    n: int = 0
    classes: tuple[str, ...] = ()

    def current_imports(self) -> "DatasetRecord":
        """The dataset without the imports that a later one reads anew."""
        replaced = {record.replaces for record in self.imports}
        return self.model_copy(update={"imports": tuple(r for r in self.imports if r.number not in replaced)})


class VersionRecord(Frozen):
    """`datasets/ID/versions/VERSION/version.json`: imports + recipe + split, its id a hash of their content.

    `name` is for people, `v3` unless they chose another, unique within the dataset.
    `note` says what was read anew. `counts` maps a part to its samples per class; `test_hash` identifies the set of
    test samples and labels, so that two runs can be compared only when they were judged on the same ones.
    """

    dataset: str
    id: str
    name: str
    imports: tuple[int, ...]
    recipe: Recipe
    split: Split
    created: datetime = Field(default_factory=now)
    n: int
    dropped: int = 0
    note: str = ""
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    test_hash: str
    findings: tuple[Finding, ...] = ()


class Augmentation(Frozen):
    """How far training images are changed at random, each up to these values.

    `rotation` in degrees either way; shifts, zoom as shares of the side; `shear` as a share of the height;
    `brightness` and `contrast` as shares of the range; `channel_shift` in pixel values of 0 to 255. `fill` says what
    comes into view from outside. `rand_augment` (Cubuk et al. 2020) and `aug_mix` (Hendrycks et al. 2020) are
    strengths; `erasing` is the share of copies that lose a patch (Zhong et al. 2020). With `mixup` (Zhang et al.
    2018) or `cutmix` (Yun et al. 2019), α of a beta distribution, every copy is mixed with another, its label too.
    Further fields are those of layers that `core.methods.augmentation_layers` adds.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[float, Field(ge=0)]]

    name: str = "custom"
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    width_shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    height_shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    channel_shift: Annotated[float, Field(ge=0, le=128)] = 0.0
    rand_augment: Annotated[float, Field(ge=0, le=1)] = 0.0
    aug_mix: Annotated[float, Field(ge=0, le=1)] = 0.0
    erasing: Annotated[float, Field(ge=0, le=1)] = 0.0
    mixup: Annotated[float, Field(ge=0, le=1)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=1)] = 0.0
    fill: Literal["nearest", "reflect", "wrap", "constant"] = "nearest"

    def __str__(self) -> str:
        return self.name

    def amount(self, field: str) -> float:
        """The value of a layer's field, 0 where the layer is off."""
        return getattr(self, field, 0.0)


def _as_tuple(value: Any) -> Any:
    """A single name as a list: records from before a run could have several."""
    return (value,) if isinstance(value, str) else value


class TrainingSpec(Frozen):
    """What to train, on what and how. A field left `None` is filled by `core.methods.plan`.

    `epochs` are those of the head or the table network, `fine_tune_epochs` those of stage two; `unfreeze` counts the
    backbone's last blocks; `l2` is the precision of a Gaussian prior on new weights: the mean loss over n training
    samples gets the penalty (l2 / n)‖W‖², so that one value suits small and large data sets. With `class_weights`
    balanced every class has the same weight in the loss. `monitor` says by what the epoch is chosen: the validation
    loss, with classes weighted as in training, or macro-F1. `optimizer`, `schedule`, `loss` and `averaging` are
    explained where they are made (`core.transfer.fitting.optimization`), `precision` in
    `core.transfer.fitting.precision`. `source` names other data, `DATASET[@VERSION]`, that a strategy carries
    knowledge from, by a `method` of its own where it has several (`core.methods.strategies`); with `target_labels`
    ignored, only the source's labels are used, and `data` is treated as unlabelled. `estimators` are the models that
    bagging or boosting trains; `members` are runs that are combined (`core.training.ensembles`); `teacher` is a run
    whose network is distilled (`core.transfer.relations.distillation`): `teacher_weight` is the share of its
    probabilities in the targets, softened by `teacher_temperature`, and `relation_weight` scales the losses on
    relations. `pull` is the strength of L2-SP's penalty, `alignment_weight` scales the loss between domains. `trees`
    is the number of trees of a forest, or the maximum number of boosting rounds. With an `augmentation`, every
    training image is joined by `views` changed copies of it. A `device` left open is a GPU where there is one
    (`core.jobs.devices`); over several `gpus` each batch is divided.
    """

    data: str
    name: str | None = None
    preset: Preset = "quick"
    strategy: str | None = None
    backbone: str | None = None
    learner: str | None = None
    image_size: Annotated[int, Field(ge=32, le=640)] | None = None
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = None
    fine_tune_epochs: Annotated[int, Field(ge=1, le=200)] | None = None
    unfreeze: Annotated[int, Field(ge=1, le=16)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    fine_tune_learning_rate: Annotated[float, Field(gt=0)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    class_weights: Literal["balanced", "none"] | None = None
    l2: Annotated[float, Field(ge=0)] | None = None
    trees: Annotated[int, Field(ge=1, le=5000)] | None = None
    optimizer: Optimizer | None = None
    schedule: Schedule | None = None
    loss: Loss | None = None
    label_smoothing: Annotated[float, Field(ge=0, le=0.5)] | None = None
    averaging: Averaging | None = None
    monitor: Monitor | None = None
    precision: Literal["auto", "float32", "bfloat16"] | None = None
    pull: Annotated[float, Field(ge=0, le=100)] | None = None
    teacher_weight: Annotated[float, Field(ge=0, le=1)] | None = None
    teacher_temperature: Annotated[float, Field(ge=1, le=20)] | None = None
    relation_weight: Annotated[float, Field(ge=0, le=100)] | None = None
    alignment_weight: Annotated[float, Field(ge=0, le=100)] | None = None
    augmentation: Augmentation | None = None
    views: Annotated[int, Field(ge=1, le=32)] | None = None
    source: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_as_tuple)] | None = None
    method: str | None = None
    target_labels: Literal["used", "ignored"] | None = None
    estimators: Annotated[int, Field(ge=2, le=100)] | None = None
    members: tuple[str, ...] | None = None
    teacher: str | None = None
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    seed: int = 0
    device: Device | None = None
    gpus: Annotated[int, Field(ge=1, le=64)] | None = None


class ResolvedSpec(Frozen):
    """What will be trained: a `TrainingSpec` with all fields filled, made only by `core.methods.plan.resolve`.

    A field that the method does not read has a value that changes nothing (an empty text, 0, the plainest choice) and
    is not written, so that what is stored is a `TrainingSpec` too. `device` None means any free one, `l2` None that
    it is chosen on held-out samples.
    """

    data: str
    name: str = ""
    preset: Preset = "quick"
    strategy: str = ""
    backbone: str = ""
    learner: str = ""
    image_size: int = 0
    epochs: int = 0
    fine_tune_epochs: int = 0
    unfreeze: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    fine_tune_learning_rate: float = 0.0
    dropout: float = 0.0
    class_weights: Literal["balanced", "none"] = "none"
    l2: float | None = None
    trees: int = 0
    optimizer: Optimizer = "adam"
    schedule: Schedule = "cosine"
    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    averaging: Averaging = "none"
    monitor: Monitor = "loss"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    pull: float = 0.1
    teacher_weight: float = 0.5
    teacher_temperature: float = 1.0
    relation_weight: float = 1.0
    alignment_weight: float = 1.0
    augmentation: Augmentation | None = None
    views: int = 0
    source: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    method: str = ""
    target_labels: Literal["used", "ignored"] = "used"
    estimators: int = 0
    members: tuple[str, ...] = ()
    teacher: str = ""
    folds: int = 0
    seed: int = 0
    device: Device | None = None
    gpus: int = 0

    @model_validator(mode="before")
    @classmethod
    def _without_none(cls, values: Any) -> Any:
        return {k: v for k, v in values.items() if v is not None} if isinstance(values, dict) else values

    @model_serializer(mode="wrap")
    def _only_set(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {field: value for field, value in serialize(self).items() if field in self.model_fields_set}

    def request(self, **changes: Any) -> TrainingSpec:
        """The `TrainingSpec` that asks for the same, with changes."""
        return TrainingSpec.model_validate(self.model_dump() | changes)


class Failure(Frozen):
    """Why a run failed: its kind, one sentence, and what to do."""

    kind: FailureKind
    message: str
    hint: str = ""


class Event(Frozen):
    """One line of a run's `events.jsonl`: an epoch (with `values`) or the start of a phase (without)."""

    time: datetime = Field(default_factory=now)
    phase: str
    epoch: int = 0
    epochs: int = 0
    values: dict[str, float] = {}
    note: str = ""


class RunRecord(Frozen):
    """`runs/ID/run.json` and the row that indexes it.

    Its worker is the process `pid` of this machine or, on a Ray cluster, the job whose address is `job`.
    `study` is the search whose trial it is. `starred`, `tags` and `note` are set by the user; `binned` is when the
    run was moved to the bin.
    """

    id: str
    name: str
    dataset: str
    version: str
    spec: ResolvedSpec
    state: RunState = "queued"
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    created: datetime = Field(default_factory=now)
    started: datetime | None = None
    finished: datetime | None = None
    pid: int | None = None
    pid_created: float | None = None
    job: str = ""
    device: str = ""
    n: int = 0
    test_hash: str = ""
    failure: Failure | None = None
    metrics: dict[str, float] = {}
    seconds: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    environment: dict[str, Any] = {}
    study: str = ""
    starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    binned: datetime | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, at least 0 even if the clock was set back meanwhile."""
        if self.started is None or self.finished is None:
            return None
        return max(0.0, (self.finished - self.started).total_seconds())

    @property
    def ended(self) -> bool:
        return self.state in FINISHED
