"""The tab “Clean”: the recipe as a list of steps that can be added, moved, set and switched off."""

import pandas as pd
import streamlit as st

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.preparation import Stage, trace_steps
from core.data.cleaning.steps.registry import STEPS
from core.data.versions import imported_rows, sample_imported
from core.schemas import DataRef, DatasetRecord, Recipe, Step, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.ui.data import version_making
from core.ui.data.clean import step_settings
from core.ui.data.clean.step_card import Drafted, card_key, discard_draft, kind_of, load_draft, save_draft, show_step
from core.ui.shell.gallery import version_samples
from core.ui.shell.text import plural

TRIED_ROWS = 20_000  # of a table, on which steps are tried
GROUPS = (
    ("When the version is made", cleaning.AT_ONCE, "Applied once to all rows, without learning from any."),
    (
        "Learnt from training rows",
        ("learnt", "training_rows"),
        "Fitted again in every fold, never on the rows it is tested on.",
    ),
)


def show_recipe(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The recipe as a list, a box to add steps, and the button that makes a version."""
    draft = load_draft(version)
    recipe = Recipe(steps=tuple(d.step for d in draft))
    stages = {stage.place: stage for stage in _try_steps(dataset.id, version.id, recipe.model_dump_json())}
    _show_head(dataset, version, recipe, any(stage.error for stage in stages.values()))
    _show_step_choice(dataset, version, draft)
    for title, scopes, explanation in GROUPS:
        group = [i for i, d in enumerate(draft) if kind_of(d).scope in scopes]
        if group:
            st.markdown(f"**{title}**", help=explanation)
        for i in group:
            show_step(version, draft, i, group, stages.get(i))
    if dataset.kind == "table":
        st.caption(
            "At the end, what the steps leave is prepared for training: missing numbers are replaced by the median"
            " and marked, numbers that are not scaled are standardised, categories are one-hot encoded."
        )


def has_step(version: VersionRecord, step: Step) -> bool:
    """Whether a version's recipe has exactly this step, switched on."""
    return any(s.enabled and s.kind == step.kind and s.params == step.params for s in version.recipe.steps)


@st.cache_data(max_entries=4, show_spinner="Trying the steps on training rows")
def _try_steps(dataset_id: str, version_id: str, recipe: str) -> list[Stage]:
    """What each step does, tried on at most 20,000 rows. The version's id names the content of its imports."""
    ref = DataRef(dataset=dataset_id, version=version_id)
    steps, version = Recipe.model_validate_json(recipe), get_version(ref)
    samples = version_samples(dataset_id, version_id)
    training = pd.Index(samples.loc[samples["part"] == "train", "id"])
    if get_dataset(dataset_id).kind == "image":
        return trace_steps(steps, imported_rows(version, cells=False)[0], training)
    named = {str(name) for step in steps.steps for name in step.params.get("samples", ())}
    return trace_steps(steps, sample_imported(version, TRIED_ROWS, named), training)


def _show_head(dataset: DatasetRecord, version: VersionRecord, recipe: Recipe, broken: bool) -> None:
    changed = recipe.steps != cleaning.order_steps(version.recipe.steps)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "The imported data never change: a version is made by these steps, and each can be switched off again.",
            width="stretch",
        )
        if changed and st.button("Discard changes", icon=":material/undo:"):
            discard_draft(version)
            st.rerun()
        if st.button("Make this version", type="primary", icon=":material/check:", disabled=broken or not changed):
            count = plural(sum(step.enabled for step in recipe.steps), "step")
            version_making.make_new_version(version, recipe, count, forget=lambda: discard_draft(version))


def _show_step_choice(dataset: DatasetRecord, version: VersionRecord, draft: list[Drafted]) -> None:
    offered = [kind for kind in STEPS.values() if kind.kind in (dataset.kind, "both")]
    # Steps that name samples or limits are added by other tabs, where those are shown.
    offered = [k for k in offered if not any(map(step_settings.is_fixed, k.settings.model_fields.values()))]
    purposes = list(dict.fromkeys(kind.purpose for kind in offered))
    offered.sort(key=lambda kind: purposes.index(kind.purpose))
    key = f"add-step-{version.id}"

    def add() -> None:
        name = st.session_state[key]
        if name:
            number = max((d.number for d in draft), default=-1) + 1
            steps = [*draft, Drafted(number=number, step=Step(kind=name))]
            save_draft(version, sorted(steps, key=lambda d: kind_of(d).scope not in cleaning.AT_ONCE))
            st.session_state[card_key(version, number)] = True
        st.session_state[key] = None

    st.selectbox(
        "Add a step",
        [kind.name for kind in offered],
        None,
        format_func=lambda name: f"{STEPS[name].purpose}: {STEPS[name].title.lower()}",
        key=key,
        on_change=add,
        placeholder="Add a step",
        label_visibility="collapsed",
    )
