"""The folded options of the train page: one number input a field of the spec, empty meaning the preset's value."""

from typing import Any

import streamlit as st

from core.data.augmentation import AUGMENTATION_HELP, AUGMENTATIONS, COMES_WITH
from core.methods.presets import RATE_FACTOR, RATES, VIEWS
from core.methods.strategies import STRATEGIES
from core.schemas import Augmentation, Frozen, TrainingSpec
from core.ui import rate_look, source_choice
from core.ui.augment_fields import METHODS, METHODS_TITLE, widget
from core.ui.augment_preview import preview

OWN = "_own_augmentation"  # an `Augmentation` composed on the data page, for this session
AUGMENTATION = "option-augmentation"


class Option(Frozen):
    """One field of a `TrainingSpec` as a number input."""

    field: str
    label: str
    help: str
    low: float
    high: float
    whole: bool = True


OPTIONS = (
    Option(
        field="epochs",
        label="Epochs",
        help="How often the head or the network sees every training sample, at most: fitting ends when the "
        "validation loss no longer falls, and the best epoch is kept.",
        low=1,
        high=1000,
    ),
    Option(
        field="fine_tune_epochs",
        label="Fine-tuning epochs",
        help="Epochs of stage two, at most.",
        low=1,
        high=200,
    ),
    Option(
        field="unfreeze",
        label="Blocks to unfreeze",
        help="How many of the backbone's last blocks stage two trains. Earlier blocks hold general features.",
        low=1,
        high=16,
    ),
    Option(
        field="image_size",
        label="Image size (px)",
        help="Height and width at which the backbone sees the images. Time grows with the square.",
        low=32,
        high=640,
    ),
    Option(
        field="batch_size",
        label="Batch size",
        help="Samples a gradient step averages over, at most: stage two takes fewer where an epoch would have under "
        "ten steps.",
        low=1,
        high=4096,
    ),
    Option(
        field="learning_rate",
        label="Learning rate",
        help="Adam's first step size (Kingma and Ba 2015); it falls along a cosine.",
        low=1e-6,
        high=1e6,
        whole=False,
    ),
    Option(
        field="fine_tune_learning_rate",
        label="Fine-tuning rate",
        help="The same for stage two; low, so that pretrained weights change gently.",
        low=1e-7,
        high=1e6,
        whole=False,
    ),
    Option(
        field="dropout",
        label="Dropout",
        help="Share of inputs that each training step leaves out (Srivastava et al. 2014).",
        low=0.0,
        high=0.95,
        whole=False,
    ),
    Option(
        field="l2",
        label="L2 penalty",
        help="Precision of a Gaussian prior on new weights: the loss gets (l2 / n)‖W‖².",
        low=0.0,
        high=1e6,
        whole=False,
    ),
    Option(
        field="trees",
        label="Trees",
        help="Trees of a forest; of boosting the rounds at most, which end where the validation loss turns.",
        low=1,
        high=5000,
    ),
    Option(
        field="estimators",
        label="Models",
        help="How many models bagging or AdaBoost trains.",
        low=2,
        high=100,
    ),
    Option(
        field="folds",
        label="Folds",
        help="Cross-validation: every sample is judged once by a model that has not seen it. Keeps no model.",
        low=2,
        high=20,
    ),
    Option(
        field="label_smoothing",
        label="Label smoothing",
        help="Share of each label that is spread over all classes (Szegedy et al. 2016): less confident, often "
        "better calibrated, and robust to a few wrong labels.",
        low=0.0,
        high=0.5,
        whole=False,
    ),
    Option(field="seed", label="Seed", help="Equal seeds give equal runs on one machine.", low=0, high=2**31 - 1),
)


class Choice(Frozen):
    """One field of a `TrainingSpec` as a list to choose from: value → what it is called."""

    field: str
    label: str
    help: str
    values: dict[str, str]


CHOICES = (
    Choice(
        field="optimizer",
        label="Optimizer",
        help="Adam (Kingma and Ba 2015); AdamW, which also shrinks weights; SGD with momentum, whose rate is ten "
        "times Adam's unless you give one.",
        values={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"},
    ),
    Choice(
        field="schedule",
        label="Rate over time",
        help="How the learning rate changes from step to step; the live chart shows it.",
        values={
            "cosine": "Cosine",
            "warm_up": "Warm-up, then cosine",
            "one_cycle": "One cycle",
            "constant": "Constant",
        },
    ),
    Choice(
        field="loss",
        label="Loss",
        help="Focal loss (Lin et al. 2017) counts easy samples less. The epoch is always chosen by cross-entropy.",
        values={"cross_entropy": "Cross-entropy", "focal": "Focal"},
    ),
    Choice(
        field="averaging",
        label="Weight averaging",
        help="A moving average of the weights, of about one epoch, is validated and kept (Polyak and Juditsky 1992).",
        values={"none": "Off", "ema": "Moving average"},
    ),
    Choice(
        field="precision",
        label="Precision",
        help="bfloat16 halves the numbers that convolutions compute with; how fast that is depends on network and "
        "machine. Measured: a few training steps are timed in both where a fit is long enough, and the run says what "
        "came out. The kept network is float32 in any case.",
        values={"auto": "Measured", "float32": "float32", "bfloat16": "bfloat16"},
    ),
    Choice(
        field="class_weights",
        label="Class weights",
        help="Balanced: every class weighs the same in the loss, however few samples it has.",
        values={"balanced": "Balanced", "none": "Off"},
    ),
)


def choose(resolved: TrainingSpec) -> TrainingSpec:
    """The spec with what the person typed; fields the method does not use are not offered."""
    changes: dict[str, Any] = {}
    with st.expander("Options", icon=":material/tune:"):
        name = st.text_input("Name of the run", key="option-name", placeholder="Made from the settings", max_chars=80)
        if name.strip():
            changes["name"] = name.strip()
        if resolved.strategy and "augmentation" in STRATEGIES[resolved.strategy].uses:
            changes |= _augmentation()
            resolved = resolved.model_copy(update=changes)
        changes |= source_choice.settings(resolved)
        with st.container(horizontal=True):
            for choice in CHOICES:
                changes |= _chosen(choice, getattr(resolved, choice.field))
        factor = RATE_FACTOR.get(changes.get("optimizer", ""), 1.0)
        rates = {field: factor * rate for field in RATES if (rate := getattr(resolved, field)) is not None}
        resolved = resolved.model_copy(update=changes | rates)
        offered = [o for o in OPTIONS if getattr(resolved, o.field) is not None or o.field == "folds"]
        with st.container(horizontal=True):
            for option in offered:
                typed = _number(option, getattr(resolved, option.field))
                if typed is not None:
                    changes[option.field] = typed
        chosen = TrainingSpec.model_validate(resolved.model_dump() | changes)
        rate_look.look(chosen)
        if chosen.augmentation:
            preview(chosen)
    return chosen


def _augmentation() -> dict[str, Any]:
    own: Augmentation | None = st.session_state.get(OWN)
    offered = AUGMENTATIONS | ({own.name: own} if own else {})
    if st.session_state.get(AUGMENTATION) not in offered:
        st.session_state[AUGMENTATION] = "off"
    with st.container(horizontal=True):
        chosen = st.segmented_control(
            "Augmentation",
            ["off", *offered],
            required=True,
            format_func=str.capitalize,
            key=AUGMENTATION,
            help="Changed copies join every training image, so that the model learns what does not matter.  \n"
            + "  \n".join(f"**{name.capitalize()}**: {text}" for name, text in AUGMENTATION_HELP.items()),
        )
        if chosen is None or chosen == "off":
            return {}
        st.session_state.setdefault("option-views", VIEWS)
        views = st.number_input(
            "Copies of each image",
            min_value=1,
            max_value=32,
            key="option-views",
            help="Drawn once and sent through the frozen layers once. More of them cost time in proportion.",
            width=170,
        )
    augmentation = _with_methods(offered[chosen])
    if chosen in COMES_WITH:
        size, batch = (COMES_WITH[chosen][field] for field in ("image_size", "batch_size"))
        st.caption(
            f"{chosen.capitalize()} comes with images of {size} × {size} px and batches of {batch};"
            " other values can be given below."
        )
    return {"augmentation": augmentation, "views": views} | COMES_WITH.get(chosen, {})


def _with_methods(base: Augmentation) -> Augmentation:
    """The augmentation with what is set in the fold; as soon as that differs, it is one of its own."""
    with st.popover(METHODS_TITLE, icon=":material/auto_awesome_mosaic:"):
        values = {
            field.name: widget(field, f"option-{base.name}-{field.name}", default=getattr(base, field.name))
            for field in METHODS
        }
    found = base.model_copy(update=values)
    return base if found == base else found.model_copy(update={"name": "custom"})


def hand_over(augmentation: Augmentation) -> None:
    """Have the train page open with this augmentation chosen."""
    for field in METHODS:
        st.session_state.pop(f"option-{augmentation.name}-{field.name}", None)
    st.session_state[OWN] = augmentation
    st.session_state[AUGMENTATION] = augmentation.name


def forget() -> None:
    """Clear what was typed, so that a newly chosen preset's values show."""
    for option in (*OPTIONS, *CHOICES):
        st.session_state.pop(_key(option), None)


def _key(option: Option | Choice) -> str:
    return f"option-{option.field}"


def _chosen(choice: Choice, default: str | None) -> dict[str, str]:
    """The value that the person chose, empty where it is the preset's or the method does not use the field."""
    if default is None:
        return {}
    values = list(choice.values)
    value = st.selectbox(
        choice.label,
        values,
        values.index(default),
        format_func=choice.values.__getitem__,
        help=choice.help,
        key=_key(choice),
        width=220,
    )
    return {} if value == default else {choice.field: value}


def _number(option: Option, default: float | None) -> float | int | None:
    kind = int if option.whole else float
    return st.number_input(
        option.label,
        min_value=kind(option.low),
        max_value=kind(option.high),
        value=None,
        step=1 if option.whole else None,
        format=None if option.whole else "%g",
        placeholder="Off" if default is None else f"{default:g}",
        help=option.help,
        key=_key(option),
        width=170,
    )
