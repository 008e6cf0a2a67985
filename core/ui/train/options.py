"""The options of the Train page: empty fields keep the value of the preset."""

from typing import Any

import streamlit as st

from core.data.augmentation import AUGMENTATION_HELP, AUGMENTATIONS, COMES_WITH
from core.errors import ClusterError
from core.jobs import backends
from core.methods.learners import get_learner
from core.methods.plan import fields_read
from core.methods.presets import RATE_FACTOR, RATES, VIEWS
from core.methods.strategies import STRATEGIES
from core.schemas import Augmentation, TrainingSpec
from core.ui.shell.augmentation import METHODS, METHODS_TITLE, field_widget, preview
from core.ui.train import form
from core.ui.train.fields import CHOICE_FIELDS, NUMBER_FIELDS, ChoiceField, NumberField
from core.ui.train.learning_rate_test import show_rate_tests
from core.ui.train.strategy_choice import choose_source_options


def choose_options(resolved: TrainingSpec) -> TrainingSpec:
    """The spec with the options that were changed; fields that the method does not use are not shown."""
    changes: dict[str, Any] = {}
    with st.expander("Options", icon=":material/tune:"):
        name = st.text_input("Name of the run", key=form.NAME, placeholder="Made from the settings", max_chars=80)
        if name.strip():
            changes["name"] = name.strip()
        if resolved.strategy and "augmentation" in STRATEGIES[resolved.strategy].uses:
            changes |= _choose_augmentation("batch_size" in STRATEGIES[resolved.strategy].uses)
            resolved = resolved.model_copy(update=changes)
        changes |= choose_source_options(resolved)
        honoured = fields_read(resolved.model_dump(exclude_none=True), "image" if resolved.backbone else "table")
        with st.container(horizontal=True):
            for choice in CHOICE_FIELDS:
                if choice.field in honoured:
                    changes |= _choose_value(choice, getattr(resolved, choice.field))
        factor = RATE_FACTOR.get(changes.get("optimizer", ""), 1.0)
        known = {field: getattr(resolved, field) for field in RATES if field in honoured}
        rates = {field: factor * rate for field, rate in known.items()}
        resolved = resolved.model_copy(update=changes | rates)
        offered = [o for o in NUMBER_FIELDS if o.field in honoured]
        with st.container(horizontal=True):
            for option in offered:
                typed = _number_field(option, getattr(resolved, option.field))
                if typed is not None:
                    changes[option.field] = typed
        chosen = TrainingSpec.model_validate(resolved.model_dump() | changes)
        show_rate_tests(chosen)
        if chosen.augmentation:
            preview(chosen)
    return chosen


def _choose_augmentation(in_batches: bool) -> dict[str, Any]:
    own: Augmentation | None = st.session_state.get(form.OWN_AUGMENTATION)
    offered = AUGMENTATIONS | ({own.name: own} if own else {})
    if st.session_state.get(form.AUGMENTATION) not in offered:
        st.session_state[form.AUGMENTATION] = form.NO_AUGMENTATION
    with st.container(horizontal=True):
        chosen = st.segmented_control(
            "Augmentation",
            [form.NO_AUGMENTATION, *offered],
            required=True,
            format_func=str.capitalize,
            key=form.AUGMENTATION,
            help="Changed copies are added to every training image, so that the model learns to ignore such changes. "
            " \n" + "  \n".join(f"**{name.capitalize()}**: {text}" for name, text in AUGMENTATION_HELP.items()),
        )
        if chosen is None or chosen == form.NO_AUGMENTATION:
            return {}
        st.session_state.setdefault(form.VIEWS, VIEWS)
        views = st.number_input(
            "Copies of each image",
            min_value=1,
            max_value=32,
            key=form.VIEWS,
            help="Drawn once and passed through the frozen layers once. Time grows in proportion.",
            width=170,
        )
    augmentation = _add_methods(offered[chosen])
    if chosen in COMES_WITH:
        size, batch = (COMES_WITH[chosen][field] for field in ("image_size", "batch_size"))
        st.caption(
            f"{chosen.capitalize()} comes with images of {size} × {size} px"
            f"{f' and batches of {batch}' if in_batches else ''}; other values can be given below."
        )
    return {"augmentation": augmentation, "views": views} | COMES_WITH.get(chosen, {})


def _add_methods(base: Augmentation) -> Augmentation:
    """The augmentation with the methods of the fold; if they differ, it is called “custom”."""
    with st.popover(METHODS_TITLE, icon=":material/auto_awesome_mosaic:"):
        values = {
            field.name: field_widget(field, form.method_key(base.name, field.name), default=base.amount(field.name))
            for field in METHODS
        }
    changed = base.model_copy(update=values)
    return base if changed == base else changed.model_copy(update={"name": "custom"})


def _choose_value(choice: ChoiceField, default: str | None) -> dict[str, str]:
    """The chosen value; empty where it is the preset's or the method does not use the field."""
    if default is None:
        return {}
    values = list(choice.values)
    value = st.selectbox(
        choice.label,
        values,
        values.index(default),
        format_func=choice.values.__getitem__,
        help=choice.help,
        key=form.field_key(choice.field),
        width=220,
    )
    return {} if value == default else {choice.field: value}


def _number_field(option: NumberField, default: float | None) -> float | int | None:
    kind = int if option.whole else float
    return st.number_input(
        option.label,
        min_value=kind(option.low),
        max_value=kind(option.high),
        value=None,
        step=1 if option.whole else None,
        format=None if option.whole else "%g",
        placeholder=option.empty if default is None else f"{default:g}",
        help=option.help,
        key=form.field_key(option.field),
        width=170,
    )


def choose_device(spec: TrainingSpec) -> TrainingSpec:
    """The spec with the chosen device. There is no choice without a GPU, or where the method cannot use one."""
    most = _count_gpus()
    if not most or (spec.learner and "device" not in get_learner(spec.learner).uses):
        return spec
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state.setdefault(form.DEVICE, "gpu")
        device = st.segmented_control(
            "Device",
            ["gpu", "cpu"],
            required=True,
            format_func=str.upper,
            key=form.DEVICE,
            persist_state="session",
            help="A GPU trains one run at a time. Runs on the CPU are not affected.",
        )
        if device == "cpu":
            return spec.model_copy(update={"device": "cpu", "gpus": None})
        if most == 1:
            return spec.model_copy(update={"device": "gpu"})
        st.session_state[form.GPUS] = min(st.session_state.get(form.GPUS, 1), most)
        n = st.number_input(
            "GPUs",
            min_value=1,
            max_value=most,
            key=form.GPUS,
            persist_state="session",
            help="Each batch is divided among them. The run waits until so many are free.",
            width=120,
        )
    return spec.model_copy(update={"device": "gpu", "gpus": n if n > 1 else None})


def _count_gpus() -> int:
    """How many GPUs a run may have; none while a cluster does not answer, as the sidebar says."""
    try:
        return backends.current_backend().capacity().together
    except ClusterError:
        return 0
