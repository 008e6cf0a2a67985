"""What a preset fills in, and the full plan of a run made from a spec."""

from statistics import median
from typing import Any

import pandas as pd

from core.data.augmentation import COMES_WITH
from core.data.splitting import check_folds
from core.data.versions import load_samples
from core.errors import InputError
from core.evaluation.scores import classes_of
from core.methods import backbones as own
from core.methods import sources
from core.methods.backbone import Backbone, weights_path, weights_state
from core.methods.backbones import get_backbone
from core.methods.combinations import COMBINATIONS, get_members
from core.methods.learners import LEARNERS, get_learner
from core.methods.pretrained import BACKBONES
from core.methods.strategies import ON_VECTORS, STRATEGIES, get_strategy
from core.schemas import DataRef, Frozen, Kind, Preset, TrainingSpec, VersionRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version

# Chosen by cross-validation within training photos of CIFAR-10, and left alone since.
_HEAD: dict[str, Any] = {"epochs": 40, "batch_size": 64, "learning_rate": 3e-3, "dropout": 0.2, "l2": 8.0}
_HEAD |= {"class_weights": "balanced", "estimators": 10}
_OPTIMIZATION: dict[str, Any] = {
    "optimizer": "adam",
    "schedule": "cosine",
    "loss": "cross_entropy",
    "label_smoothing": 0.0,
    "averaging": "none",
}
RATES = ("learning_rate", "fine_tune_learning_rate")
# Plain gradients are smaller than Adam's steps: for the same way it takes a higher rate.
RATE_FACTOR = {"sgd": 10.0}
_TUNE: dict[str, Any] = {"fine_tune_epochs": 6, "fine_tune_learning_rate": 3e-4, "unfreeze": 5, "precision": "auto"}
_IMAGE: dict[str, Any] = (
    {"strategy": "linear_probe", "backbone": "efficientnet_lite0"} | _HEAD | _TUNE | _OPTIMIZATION
)
_TABLE: dict[str, Any] = {
    "learner": "network",
    "epochs": 60,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "dropout": 0.2,
    "l2": 0.1,
    "trees": 200,
    "estimators": 50,
    "class_weights": "balanced",
    **_OPTIMIZATION,
}

PRESETS: dict[Kind, dict[Preset, dict[str, Any]]] = {
    "image": {
        "quick": _IMAGE,
        "balanced": _IMAGE | {"strategy": "two_stage", "fine_tune_epochs": 12},
        "thorough": _IMAGE
        | {"strategy": "two_stage", "backbone": "efficientnet_lite2", "fine_tune_epochs": 30, "unfreeze": 8},
    },
    "table": {
        "quick": _TABLE,
        "balanced": _TABLE | {"epochs": 150, "trees": 500},
        "thorough": _TABLE | {"epochs": 400, "learning_rate": 1e-3, "trees": 1000},
    },
}

PRESET_HELP: dict[Kind, dict[Preset, str]] = {
    "image": {
        "quick": "The smallest backbone and its head alone: an answer in seconds.",
        "balanced": "Two stages: the head, then the last blocks for up to 12 epochs.",
        "thorough": "The largest backbone that comes with Graft, more blocks, up to 30 epochs.",
    },
    "table": {
        "quick": "Up to 60 epochs, or 200 trees.",
        "balanced": "Up to 150 epochs, or 500 trees.",
        "thorough": "Up to 400 epochs at a lower learning rate, or 1,000 trees.",
    },
}


VIEWS = 4  # augmented copies of each training image


class Plan(Frozen):
    """A spec with nothing left open, and what the run is called."""

    spec: TrainingSpec
    kind: Kind
    name: str
    dataset: str
    version: str
    test_hash: str
    n: int


def resolve(spec: TrainingSpec) -> Plan:
    """Fill what the spec leaves open and check that it can be trained.

    Raises:
        InputError, NotFoundError, WeightsError: with the setting that is wrong.
    """
    ref = DataRef.parse(spec.data)
    dataset = get_dataset(ref.dataset)
    if ref.part is not None:
        raise InputError(
            f"“{spec.data}” names one part; training uses all three.", f"Write {dataset.id} without “:{ref.part}”."
        )
    if not dataset.labelled:
        raise InputError(f"Dataset “{dataset.name}” has no labels.", "Import it with labels, or choose another.")
    if spec.members is not None:
        return _combined(spec)
    version = get_version(ref)
    given = spec.model_dump(exclude_none=True) | {"data": f"{dataset.id}@{version.id}"}
    brought = COMES_WITH.get(spec.augmentation.name, {}) if spec.augmentation else {}
    values = PRESETS[dataset.kind][spec.preset] | brought | given
    for field in RATES:
        if field in values and field not in given:
            values[field] = values[field] * RATE_FACTOR.get(values.get("optimizer", ""), 1.0)
    title, uses = _method(values, dataset.kind)
    for field in given:
        if field not in uses:
            raise InputError(f"“{field}” does not apply to {title}.", f"Leave out {field}.")
    if spec.device == "cpu" and spec.gpus:
        raise InputError("A run on the CPU takes no GPUs.", "Leave out gpus, or choose the device gpu.")
    kept = {field: value for field, value in values.items() if field in uses}
    if "augmentation" in kept:
        kept.setdefault("views", VIEWS)
    elif "views" in given:
        raise InputError("“views” needs an augmentation.", "Choose an augmentation, or leave out views.")
    if dataset.kind == "image":
        backbone = get_backbone(kept["backbone"])
        if "image_size" not in kept:
            samples = load_samples(DataRef(dataset=version.dataset, version=version.id))
            kept["image_size"] = size_for(backbone, samples)
        if backbone.only_size and kept["image_size"] != backbone.input_size:
            raise InputError(
                f"“{backbone.title}” takes only images of {backbone.input_size} px, not of {kept['image_size']}.",
                f"Set the image size to {backbone.input_size}.",
            )
        if kept["image_size"] < backbone.smallest_size:
            raise InputError(
                f"{backbone.title} takes images of {backbone.smallest_size} px and more.",
                f"Choose an image size of at least {backbone.smallest_size} px.",
            )
    strategy = STRATEGIES.get(kept.get("strategy", ""))
    if strategy and strategy.has_source:
        kept |= sources.resolved(kept, strategy, version)
    if "teacher" in uses:
        kept["teacher"] = _teacher(spec, version)
    if kept.get("folds"):
        check_folds(load_samples(DataRef(dataset=dataset.id, version=version.id)), kept["folds"])
        title += f" · {kept['folds']} folds"
    return Plan(
        spec=TrainingSpec.model_validate(kept),
        kind=dataset.kind,
        name=spec.name or title,
        dataset=dataset.id,
        version=version.id,
        test_hash=f"{version.test_hash}-folds{kept['folds']}" if kept.get("folds") else version.test_hash,
        n=version.n,
    )


def _teacher(spec: TrainingSpec, version: VersionRecord) -> str:
    """The teacher's id; it must have a network that knows the version's classes."""
    if not spec.teacher:
        raise InputError("Distillation needs a teacher.", "Choose a finished run on images as the teacher.")
    run = runs.get_run(spec.teacher)
    own.of_run(run)
    lacking = set(version.classes) - set(classes_of(runs.read_predictions(run.id)))
    if lacking:
        raise InputError(
            f"“{run.name}” does not know the class “{min(lacking)}”, so it cannot teach it.",
            "Choose a run on the same classes.",
        )
    return run.id


def _combined(spec: TrainingSpec) -> Plan:
    """The plan of a run that combines others: their data, and of images the largest size that one of them sees."""
    members = get_members(spec)
    first, way = members[0], COMBINATIONS[spec.strategy or "voting"]
    version = get_version(DataRef(dataset=first.dataset, version=first.version))
    sizes = [run.spec.image_size for run in members if run.spec.image_size]
    made = TrainingSpec(
        data=f"{version.dataset}@{version.id}",
        name=spec.name,
        preset=spec.preset,
        seed=spec.seed,
        strategy=way.name,
        members=tuple(run.id for run in members),
        backbone=first.spec.backbone,
        image_size=max(sizes, default=None),
    )
    return Plan(
        spec=made,
        kind=get_dataset(version.dataset).kind,
        name=spec.name or f"{way.title} of {len(members)} runs",
        dataset=version.dataset,
        version=version.id,
        test_hash=version.test_hash,
        n=version.n,
    )


_ALWAYS = ("data", "name", "preset", "folds", "seed")


def fields_read(values: dict[str, Any], kind: Kind) -> tuple[str, ...]:
    """Fields of a `TrainingSpec` that the strategy or learner in `values` reads; the weights it needs are checked."""
    return _method(values, kind)[1]


def _method(values: dict[str, Any], kind: Kind) -> tuple[str, tuple[str, ...]]:
    return _image_method(values) if kind == "image" else _table_method(values)


def _image_method(values: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """What the method is called and the fields it reads; backbone, weights and strategy are checked."""
    backbone, strategy = get_backbone(values["backbone"]), get_strategy(values["strategy"])
    weights_path(backbone)
    if strategy.kind == "table":
        raise InputError(f"The strategy “{strategy.name}” is for tables.", "Choose another strategy.")
    title = f"{backbone.title} · {strategy.title.lower()}"
    of_head = ON_VECTORS if strategy.has_source else ()
    return title, (*_ALWAYS, "backbone", "strategy", "image_size", "device", "gpus", *of_head, *strategy.uses)


def _table_method(values: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The same of a table; a network with a source and no strategy is pretrained, as before there were others."""
    learner = get_learner(values["learner"])
    if values.get("source") and learner.name == "network":
        values.setdefault("strategy", "pretraining")
    if "strategy" not in values:
        return learner.title, (*_ALWAYS, "learner", *learner.uses)
    strategy = get_strategy(values["strategy"])
    if strategy.kind == "image":
        raise InputError(
            f"The strategy “{strategy.name}” is for images.", "Leave out the strategy, or choose another."
        )
    if strategy.learners and learner.name not in strategy.learners:
        raise InputError(
            f"{strategy.title} does not go with the learner “{learner.title}”.",
            f"Choose one of these learners: {', '.join(strategy.learners)}.",
        )
    fields = (*_ALWAYS, "learner", "strategy", *learner.uses, *strategy.uses)
    return f"{learner.title} · {strategy.title.lower()}", fields


def size_for(backbone: Backbone, samples: pd.DataFrame) -> int:
    """Input size, in pixels, at which a backbone sees a version's samples, unless told otherwise."""
    if backbone.only_size:
        return backbone.input_size
    return input_size(backbone.input_size, median(samples[["width", "height"]].max(axis=1)))


def input_size(native: int, side: float) -> int:
    """Input size, in pixels, for images whose longest side is usually `side`.

    Small pictures are enlarged four times at the most: beyond that the backbone sees only blur, and the time
    grows with the square. Never under 96 px, where the last feature map would be 3 × 3, nor over the native size.
    """
    return int(min(native, max(96, round(4 * side / 32) * 32)))


def choices(kind: Kind) -> list[str]:
    """Names that can be trained for this kind of data: backbones whose weights are here, or learners."""
    if kind == "table":
        return list(LEARNERS)
    return [name for name, backbone in BACKBONES.items() if weights_state(backbone) == "present"]
