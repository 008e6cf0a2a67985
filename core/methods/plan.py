"""Resolves a `TrainingSpec`, what somebody asked for, into a `ResolvedSpec`, what will run."""

from statistics import median
from typing import Any

import pandas as pd

from core.data.augmentation import COMES_WITH
from core.data.splitting import check_folds
from core.data.versions import load_samples
from core.errors import InputError
from core.evaluation.scores import classes_of
from core.methods import backbones, sources
from core.methods.augmentation_layers import check_fields
from core.methods.backbone import Backbone, weights_path, weights_state
from core.methods.backbones import get_backbone
from core.methods.combinations import COMBINATIONS, DEFAULT, get_members
from core.methods.learners import LEARNERS, get_learner
from core.methods.presets import PRESETS, RATE_FACTOR, RATES, VIEWS
from core.methods.pretrained import BACKBONES
from core.methods.strategies import ON_VECTORS, STRATEGIES, get_strategy
from core.schemas import DataRef, Kind, ResolvedSpec, TrainingSpec, VersionRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version


def version_for(spec: TrainingSpec) -> VersionRecord:
    """The version that a spec trains on: that of its members, or else the one in `spec.data`.

    Raises:
        InputError, NotFoundError: there is no version that can be trained on.
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
        first = get_members(spec.members, spec.strategy or DEFAULT)[0]
        ref = DataRef(dataset=first.dataset, version=first.version)
    return get_version(ref)


def resolve(spec: TrainingSpec, version: VersionRecord) -> ResolvedSpec:
    """Fill in the settings that the spec leaves open, for this version, and check that it can be trained.

    Raises:
        InputError, NotFoundError, WeightsError: a setting is wrong; the message names it.
    """
    data = f"{version.dataset}@{version.id}"
    if spec.members is not None:
        return _combined(spec, data)
    kind = get_dataset(version.dataset).kind
    if spec.augmentation:
        check_fields(spec.augmentation)
    given = spec.model_dump(exclude_none=True) | {"data": data}
    brought = COMES_WITH.get(spec.augmentation.name, {}) if spec.augmentation else {}
    usual = PRESETS[kind][spec.preset] | brought
    values = usual | given
    for field in RATES:
        if field in values and field not in given:
            values[field] = values[field] * RATE_FACTOR.get(values.get("optimizer", ""), 1.0)
    described, uses, honoured = _method(values, kind)
    for field, value in given.items():
        # What only baselines read may be repeated, as the stored spec of a run does, but not changed.
        if field not in honoured and (field not in uses or value != usual.get(field)):
            raise InputError(f"“{field}” does not apply to {described}.", f"Leave out {field}.")
    if spec.device == "cpu" and spec.gpus:
        raise InputError("A run on the CPU uses no GPUs.", "Leave out gpus, or choose the device gpu.")
    kept = {field: value for field, value in values.items() if field in uses}
    if (strategy := STRATEGIES.get(kept.get("strategy", ""))) and strategy.solved and "l2" not in given:
        del kept["l2"]
    if "augmentation" in kept:
        kept.setdefault("views", VIEWS)
    elif "views" in given:
        raise InputError("“views” needs an augmentation.", "Choose an augmentation, or leave out views.")
    if kind == "image":
        kept["image_size"] = _image_size(kept, version)
    if strategy and strategy.has_source:
        kept |= sources.resolve_source(kept, strategy, version)
    if "teacher" in uses:
        kept["teacher"] = _teacher(spec, version)
    if kept.get("folds"):
        check_folds(_samples(version), kept["folds"])
    return ResolvedSpec.model_validate(kept)


def run_title(resolved: ResolvedSpec) -> str:
    """The default name of a run: its model and its method."""
    if resolved.members:
        return f"{COMBINATIONS[resolved.strategy].title} of {len(resolved.members)} runs"
    described, *_ = _method(resolved.model_dump(), "image" if resolved.backbone else "table")
    return f"{described} · {resolved.folds} folds" if resolved.folds else described


def hash_of_test_samples(resolved: ResolvedSpec, version: VersionRecord) -> str:
    """Identifies the samples that a run is evaluated on: the version's test part, or all samples in k folds."""
    return f"{version.test_hash}-folds{resolved.folds}" if resolved.folds else version.test_hash


def _samples(version: VersionRecord) -> pd.DataFrame:
    return load_samples(DataRef(dataset=version.dataset, version=version.id))


def _image_size(values: dict[str, Any], version: VersionRecord) -> int:
    """The size in `values`, or the default for the version's images. `InputError` if the backbone rejects it."""
    backbone = get_backbone(values["backbone"])
    size: int = values["image_size"] if "image_size" in values else default_image_size(backbone, _samples(version))
    if backbone.only_size and size != backbone.input_size:
        raise InputError(
            f"“{backbone.title}” accepts only images of {backbone.input_size} px, not of {size}.",
            f"Set the image size to {backbone.input_size}.",
        )
    if size < backbone.smallest_size:
        raise InputError(
            f"{backbone.title} accepts images of {backbone.smallest_size} px and more.",
            f"Choose an image size of at least {backbone.smallest_size} px.",
        )
    return size


def _teacher(spec: TrainingSpec, version: VersionRecord) -> str:
    """The id of the teacher, a run whose network must know all classes of the version."""
    if not spec.teacher:
        raise InputError("Distillation needs a teacher.", "Choose a finished run on images as the teacher.")
    run = runs.get_run(spec.teacher)
    backbones.backbone_of_run(run)
    lacking = set(version.classes) - set(classes_of(runs.read_predictions(run.id)))
    if lacking:
        raise InputError(
            f"“{run.name}” does not know the class “{min(lacking)}”, so it cannot teach it.",
            "Choose a run on the same classes.",
        )
    return run.id


def _combined(spec: TrainingSpec, data: str) -> ResolvedSpec:
    """The resolved spec of an ensemble of runs; images are read at the largest input size among them."""
    strategy = spec.strategy or DEFAULT
    members = get_members(spec.members or (), strategy)
    first = members[0].spec
    values = {"backbone": first.backbone, "image_size": max(run.spec.image_size for run in members)}
    fixed = values | {field: getattr(spec, field) for field in (*_ALWAYS, "strategy", "members") if field != "folds"}
    for field, value in spec.model_dump(exclude_none=True).items():
        if field not in fixed or (field in values and value != values[field]):
            raise InputError(
                f"“{field}” does not apply to {COMBINATIONS[strategy].title.lower()}, which trains nothing.",
                f"Leave out {field}.",
            )
    return ResolvedSpec(
        data=data,
        preset=spec.preset,
        seed=spec.seed,
        strategy=strategy,
        members=tuple(run.id for run in members),
        **({"name": spec.name} if spec.name else {}),
        **{field: value for field, value in values.items() if value},
    )


_ALWAYS = ("data", "name", "preset", "folds", "seed")


def resolve_request(request: TrainingSpec | dict[str, Any]) -> ResolvedSpec:
    """Resolve a spec, or one as JSON, on the version that it names. Raises the same as `resolve`."""
    spec = TrainingSpec.model_validate(request)
    return resolve(spec, version_for(spec))


def request_again(spec: ResolvedSpec, **changes: Any) -> TrainingSpec:
    """The request for the same run with changes, without settings that its method had in an earlier version alone."""
    values = spec.model_dump()
    reads = fields_read(values, "image" if spec.backbone else "table")
    return TrainingSpec.model_validate({field: values[field] for field in values if field in reads} | changes)


def fields_read(values: dict[str, Any], kind: Kind) -> tuple[str, ...]:
    """Fields of a `TrainingSpec` that the strategy or learner in `values` honours; its weights are checked, too."""
    return _method(values, kind)[2]


Fields = tuple[str, ...]


def _method(values: dict[str, Any], kind: Kind) -> tuple[str, Fields, Fields]:
    """The method's title, the fields that it and its baselines read, and those that change the method itself."""
    return _image_method(values) if kind == "image" else _table_method(values)


def _image_method(values: dict[str, Any]) -> tuple[str, Fields, Fields]:
    """The same for images; backbone, weights and strategy are checked."""
    backbone, strategy = get_backbone(values["backbone"]), get_strategy(values["strategy"])
    weights_path(backbone)
    if strategy.kind == "table":
        raise InputError(f"The strategy “{strategy.name}” is for tables.", "Choose another strategy.")
    title = f"{backbone.title} · {strategy.title.lower()}"
    of_head = ON_VECTORS if strategy.has_source else ()
    of_strategy = (*_ALWAYS, "backbone", "strategy", "image_size", "device", "gpus", *strategy.uses)
    fields = tuple(dict.fromkeys((*of_strategy, *of_head)))
    return title, fields, of_strategy if strategy.own_model else fields


def _table_method(values: dict[str, Any]) -> tuple[str, Fields, Fields]:
    """The same for tables; some learners have a default strategy for a source."""
    learner = get_learner(values["learner"])
    if values.get("source") and learner.source_strategy:
        values.setdefault("strategy", learner.source_strategy)
    if "strategy" not in values:
        fields = (*_ALWAYS, "learner", *learner.uses)
        return learner.title, fields, fields
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
    of_strategy = (*_ALWAYS, "learner", "strategy", *strategy.uses)
    fields = tuple(dict.fromkeys((*of_strategy, *learner.uses)))
    return f"{learner.title} · {strategy.title.lower()}", fields, of_strategy if strategy.own_model else fields


def default_image_size(backbone: Backbone, samples: pd.DataFrame) -> int:
    """Default input size, in pixels, for a backbone on a version's samples."""
    if backbone.only_size:
        return backbone.input_size
    return input_size(backbone.input_size, median(samples[["width", "height"]].max(axis=1)))


def input_size(native: int, side: float) -> int:
    """Input size, in pixels, for images whose longest side has the median `side`.

    Small images are enlarged at most four times: beyond that the backbone sees only blur, and the time grows with the
    square. Never below 96 px, where the last feature map would be 3 × 3, nor above the native size.
    """
    return int(min(native, max(96, round(4 * side / 32) * 32)))


def available_models(kind: Kind) -> list[str]:
    """Names of the models for this kind of data: backbones with installed weights, or learners."""
    if kind == "table":
        return list(LEARNERS)
    return [name for name, backbone in BACKBONES.items() if weights_state(backbone) == "present"]
