"""The state of the Train page: every key under which the session keeps it, filled from a spec and forgotten."""

from typing import Any

import streamlit as st

from core.methods import backbones as own
from core.methods.plan import resolve_request
from core.methods.presets import PRESETS
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, Kind, TrainingSpec
from core.store import datasets
from core.ui.shell.augmentation import METHODS
from core.ui.train.fields import CHOICE_FIELDS, NUMBER_FIELDS

# What is trained on, and how.
DATASET = "train-dataset"
PRESET = "train-preset"
LEARNER = "train-learner"
BACKBONE = "train-backbone"
BACKBONE_RUN = "train-backbone-run"
GROUP = "train-group"
STRATEGY = "train-strategy"  # on images
TABLE_STRATEGY = "train-carrying"
SOURCE = "train-source"
TEACHER = "train-teacher"
# Options.
NAME = "option-name"
METHOD = "option-method"
TARGET_LABELS = "option-target-labels"
AUGMENTATION = "option-augmentation"
VIEWS = "option-views"
OWN_AUGMENTATION = "_own_augmentation"  # one that is no preset
DEVICE = "train-device"
GPUS = "train-gpus"
# Folds of the page and the search.
MORE_BACKBONES = "more-backbones"
BACKBONE_RANKING = "which-backbone"
SEARCH = "search-fold"
BACKBONE_FILE = "backbone-file"

NO_AUGMENTATION = "off"
OF_A_RUN = own.RUN  # the backbone is that of an earlier run
# The fields from which the values of all others follow.
BASIS = {"data", "preset", "strategy", "backbone", "learner", "optimizer", "augmentation", "views"}
BASIS |= {"source", "method", "target_labels", "teacher"}


def version_key(dataset: str) -> str:
    return f"train-version-{dataset}"


def field_key(field: str) -> str:
    """The key of a number or a choice among the options, empty while the preset's value is kept."""
    return f"option-{field}"


def method_key(augmentation: str, field: str) -> str:
    """The key of a method (MixUp, for example) that is added to an augmentation."""
    return f"option-{augmentation}-{field}"


def search_key(*parts: object) -> str:
    return "-".join(["search", *map(str, parts)])


def run_key(part: str, run_id: str) -> str:
    """The key of a part of the panel of a run."""
    return f"{part}-{run_id}"


def fill(spec: TrainingSpec) -> None:
    """Show a spec in the fields of the page. Fields that were not set in it stay as they are.

    Raises `GraftError` where its data or its backbone are gone; then nothing changes.
    """
    given = spec.model_fields_set
    version = datasets.get_version(DataRef.parse(spec.data))
    kind = datasets.get_dataset(version.dataset).kind
    changes: dict[str, Any] = {DATASET: version.dataset, version_key(version.dataset): version.id}
    whole = "preset" in given
    if whole:
        changes |= _option_values(spec)
    for key, value in ((LEARNER, spec.learner), (TEACHER, spec.teacher)):
        if value:
            changes[key] = value
    if spec.backbone:
        changes |= _backbone_values(spec.backbone)
    if spec.strategy in STRATEGIES:
        changes[STRATEGY if kind == "image" else TABLE_STRATEGY] = spec.strategy
    if "source" in given:
        changes[SOURCE] = list(spec.source or ())
        if spec.source:
            changes |= {METHOD: spec.method, TARGET_LABELS: spec.target_labels != "ignored"}
    if whole:
        forget()
    if spec.augmentation:
        changes |= {AUGMENTATION: spec.augmentation.name, OWN_AUGMENTATION: spec.augmentation}
        if "views" in given:
            changes[VIEWS] = spec.views
        for field in METHODS:
            st.session_state.pop(method_key(spec.augmentation.name, field.name), None)
    st.session_state.update(changes)


def forget() -> None:
    """Clear the numbers and choices, so that the values of a newly chosen preset are shown."""
    for field in (*NUMBER_FIELDS, *CHOICE_FIELDS):
        st.session_state.pop(field_key(field.field), None)


def choose_backbone(name: str) -> None:
    """Choose a backbone by the name that a spec gives it."""
    st.session_state.update(_backbone_values(name))


def follow_preset(kind: Kind) -> None:
    """Show the values of the chosen preset in all fields."""
    values = PRESETS[kind][st.session_state[PRESET]]
    for field, key in (("backbone", BACKBONE), ("strategy", STRATEGY), ("learner", LEARNER)):
        if field in values:
            st.session_state[key] = values[field]
    forget()


def _option_values(spec: TrainingSpec) -> dict[str, Any]:
    """The values of all options for a spec with every field set."""
    base = resolve_request(spec.model_dump(include=BASIS)).request()
    values: dict[str, Any] = {
        PRESET: spec.preset,
        NAME: spec.name or "",
        DEVICE: spec.device or "gpu",
        GPUS: spec.gpus or 1,
    }
    if not spec.augmentation:
        values[AUGMENTATION] = NO_AUGMENTATION
    for field in (*NUMBER_FIELDS, *CHOICE_FIELDS):
        wanted = getattr(spec, field.field)
        # The optimizer is part of the basis, because rates follow it, and yet a field of its own.
        if wanted is not None and (wanted != getattr(base, field.field) or field.field == "optimizer"):
            values[field_key(field.field)] = wanted
    return values


def _backbone_values(name: str) -> dict[str, str]:
    return {BACKBONE: OF_A_RUN, BACKBONE_RUN: name} if name.startswith(own.RUN) else {BACKBONE: name}
