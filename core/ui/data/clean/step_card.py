"""The draft of a recipe, and the card of a step: what it does, its settings, and buttons to move or remove it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.preparation import SHOWN, Stage
from core.data.cleaning.steps.selection import SELECTION
from core.data.cleaning.steps.step import WHERE, StepKind
from core.data.versions import sample_imported
from core.schemas import Frozen, Recipe, Step, VersionRecord
from core.store.datasets import get_dataset
from core.ui.data.clean import feature_scores, step_settings
from core.ui.data.clean.before_after import changes_classes, show_before_and_after
from core.ui.shell.text import literal, plural


class Drafted(Frozen):
    """A step of the draft; `number` stays the same while the step moves."""

    number: int
    step: Step


def load_draft(version: VersionRecord) -> list[Drafted]:
    key = _draft_key(version)
    if key not in st.session_state:
        save_draft(
            version, [Drafted(number=i, step=s) for i, s in enumerate(cleaning.order_steps(version.recipe.steps))]
        )
    draft: list[Drafted] = st.session_state[key]
    return draft


def save_draft(version: VersionRecord, draft: Sequence[Drafted]) -> None:
    st.session_state[_draft_key(version)] = list(draft)


def discard_draft(version: VersionRecord) -> None:
    """Go back to the steps of the version."""
    st.session_state.pop(_draft_key(version), None)


def kind_of(drafted: Drafted) -> StepKind:
    return cleaning.step_kind(drafted.step)


def card_key(version: VersionRecord, number: int) -> str:
    return f"step-{version.id}-{number}"


def _draft_key(version: VersionRecord) -> str:
    return f"recipe-{version.dataset}-{version.id}"


def show_step(version: VersionRecord, draft: list[Drafted], i: int, group: list[int], stage: Stage | None) -> None:
    """Show step `i` of the draft; `group` are the places among which it can move, `stage` is what it does."""
    drafted, kind = draft[i], kind_of(draft[i])
    step, key = drafted.step, card_key(version, drafted.number)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            faded = "" if step.enabled else " :gray-badge[off]"
            settings = step_settings.describe_settings(kind, step.params)
            st.markdown(
                f"**{kind.title}**{faded}" + (f"  \n{literal(settings)}" if settings else ""), width="stretch"
            )
            _show_step_buttons(version, draft, i, group, key)
        if stage and stage.error:
            st.error(stage.error, icon=":material/error:")
        elif stage:
            st.caption(_describe_effect(kind, stage))
        elif step.enabled and kind.scope == "learnt":
            st.caption("Applied to the embedding of a run's backbone and fitted on its training images.")
        box = st.expander("Settings, before and after", key=key, on_change="rerun")
        if box.open:
            with box:
                st.caption(f"{kind.help} {WHERE[kind.scope]}")
                table = stage.before if stage else _imported_columns(version)
                classes = stage.classes if stage else version.classes
                params = step_settings.show_settings(kind, step.params, table, classes, key)
                if params != step.params:
                    _replace_step(version, draft, i, step.model_copy(update={"params": params}))
                    st.rerun()
                if stage and not stage.error and (len(stage.before.columns) or changes_classes(stage)):
                    show_before_and_after(stage, key)
                if kind.purpose == SELECTION and step.enabled and not (stage and stage.error):
                    recipe = Recipe(steps=tuple(d.step for d in draft))
                    feature_scores.show_feature_scores(version, recipe, i, of_images=stage is None)


def _imported_columns(version: VersionRecord) -> pd.DataFrame:
    """The columns to choose from for a step that is off."""
    if get_dataset(version.dataset).kind == "image":
        return pd.DataFrame()
    return sample_imported(version, 1).cells


def _show_step_buttons(version: VersionRecord, draft: list[Drafted], i: int, group: list[int], key: str) -> None:
    place = group.index(i)
    st.toggle(
        "On",
        draft[i].step.enabled,
        key=f"{key}-on",
        on_change=lambda: _replace_step(
            version, draft, i, draft[i].step.model_copy(update={"enabled": st.session_state[f"{key}-on"]})
        ),
    )
    for icon, name, other in (
        ("arrow_upward", "up", group[place - 1] if place else None),
        ("arrow_downward", "down", group[place + 1] if place + 1 < len(group) else None),
    ):
        st.button(
            "",
            icon=f":material/{icon}:",
            key=f"{key}-{name}",
            help=f"Move {name}: steps are applied in this order.",
            disabled=other is None,
            on_click=_swap_steps,
            args=(version, draft, i, other),
        )
    st.button(
        "",
        icon=":material/delete:",
        key=f"{key}-delete",
        help="Remove the step from the recipe.",
        on_click=lambda: save_draft(version, [d for d in draft if d is not draft[i]]),
    )


def _replace_step(version: VersionRecord, draft: list[Drafted], i: int, step: Step) -> None:
    save_draft(version, [d.model_copy(update={"step": step}) if j == i else d for j, d in enumerate(draft)])


def _swap_steps(version: VersionRecord, draft: list[Drafted], i: int, j: int) -> None:
    moved = list(draft)
    moved[i], moved[j] = moved[j], moved[i]
    save_draft(version, moved)


def _describe_effect(kind: StepKind, stage: Stage) -> str:
    """What a step does, in counts."""
    before, after = stage.before, stage.after
    noun = "sample" if kind.scope in cleaning.AT_ONCE else "training row"
    effects = []
    if stage.n_after < stage.n_before:
        effects.append(f"{plural(stage.n_before - stage.n_after, noun)} of {stage.n_before:,} left out")
    elif stage.n_after > stage.n_before:
        effects.append(f"{plural(stage.n_after - stage.n_before, noun)} added to {stage.n_before:,}")
    new, gone = [c for c in after.columns if c not in before], [c for c in before.columns if c not in after]
    if new:
        effects.append(f"{plural(len(new), 'new column')}")
    if gone:
        effects.append(f"{plural(len(gone), 'column')} less")
    rows = before.index.intersection(after.index)
    both = [c for c in before.columns if c in after]
    a, b = before.loc[rows, both], after.loc[rows, both]
    changed = sum(int((~((a[c] == b[c]) | (a[c].isna() & b[c].isna()))).sum()) for c in both)
    if changed:
        effects.append(f"{plural(changed, 'cell')} changed")
    gaps = int(before.isna().to_numpy().sum()), int(after.isna().to_numpy().sum())
    if gaps[0] != gaps[1]:
        effects.append(f"missing cells {gaps[0]:,} → {gaps[1]:,}")
    few = f", on {SHOWN:,} training rows" if len(before) == SHOWN else ", on training rows" if len(both) else ""
    if stage.n_before != stage.n_after and len(before) != SHOWN and kind.scope == "training_rows":
        few = ""
    return (", ".join(effects) + few if effects else "It changes nothing here").capitalize() + "."
