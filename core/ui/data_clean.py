"""The recipe: cleaning steps that move, go off and on and are set, each with what it does before and after."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core import charts
from core.data.cleaning import recipe as cleaning
from core.data.cleaning.preparation import SHOWN, Stage, trace
from core.data.cleaning.steps.registry import STEPS
from core.data.cleaning.steps.selection import SELECTION
from core.data.cleaning.steps.step import WHERE, StepKind, numeric
from core.data.versions import imported_rows, natural, some_imported
from core.schemas import DataRef, DatasetRecord, Frozen, Recipe, Step, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.ui import feature_look, step_settings, version_making
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.words import plural

CHART = {"displayModeBar": False}
LOOKED_AT = 20_000  # rows of a table that steps are tried on
CLASSES = "Classes"
VIEWS = ("Distribution", "Box plot", "Missing cells", "Correlation")
GROUPS = (
    ("When the version is made", cleaning.AT_ONCE, "Decided once for all rows, without learning from any."),
    (
        "Learnt from training rows",
        ("learnt", "training_rows"),
        "Fitted again in every fold, never on rows it is judged on.",
    ),
)


class Drafted(Frozen):
    """A step of the draft; `number` names its widgets while it moves about."""

    number: int
    step: Step


def clean(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The recipe as a list, a box to add to it, and the way to make it a version."""
    draft = _draft(version)
    recipe = Recipe(steps=tuple(d.step for d in draft))
    stages = {stage.place: stage for stage in _stages(dataset.id, version.id, recipe.model_dump_json())}
    _head(dataset, version, recipe, any(stage.error for stage in stages.values()))
    _add(dataset, version, draft)
    for title, scopes, told in GROUPS:
        mine = [i for i, d in enumerate(draft) if _kind(d).scope in scopes]
        if mine:
            st.markdown(f"**{title}**", help=told)
        for i in mine:
            _card(version, draft, i, mine, stages.get(i))
    if dataset.kind == "table":
        st.caption(
            "At the end, whatever steps leave is finished so that any recipe trains: missing numbers become the"
            " median and are marked, numbers not yet scaled are standardised, categories become one column each."
        )


def has(version: VersionRecord, step: Step) -> bool:
    """Whether a version's recipe holds this very step, and it is on."""
    return any(s.enabled and s.kind == step.kind and s.params == step.params for s in version.recipe.steps)


def _key(version: VersionRecord) -> str:
    return f"recipe-{version.dataset}-{version.id}"


def _draft(version: VersionRecord) -> list[Drafted]:
    key = _key(version)
    if key not in st.session_state:
        _keep(version, [Drafted(number=i, step=s) for i, s in enumerate(cleaning.ordered(version.recipe.steps))])
    draft: list[Drafted] = st.session_state[key]
    return draft


def _keep(version: VersionRecord, draft: Sequence[Drafted]) -> None:
    st.session_state[_key(version)] = list(draft)


def _kind(drafted: Drafted) -> StepKind:
    return cleaning.step_kind(drafted.step)


@st.cache_data(max_entries=4, show_spinner="Trying the steps on training rows")
def _stages(dataset_id: str, version_id: str, recipe: str) -> list[Stage]:
    """What each step does, tried on at most 20,000 rows; the version's id names its imports' content."""
    ref = DataRef(dataset=dataset_id, version=version_id)
    steps, version = Recipe.model_validate_json(recipe), get_version(ref)
    samples = samples_of(dataset_id, version_id)
    training = pd.Index(samples.loc[samples["part"] == "train", "id"])
    if get_dataset(dataset_id).kind == "image":
        return trace(steps, imported_rows(version, cells=False)[0], training)
    named = {str(name) for step in steps.steps for name in step.params.get("samples", ())}
    return trace(steps, some_imported(version, LOOKED_AT, named), training)


def _head(dataset: DatasetRecord, version: VersionRecord, recipe: Recipe, broken: bool) -> None:
    changed = recipe.steps != cleaning.ordered(version.recipe.steps)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "The data as imported never change: a version is made by these steps, and each can go off again.",
            width="stretch",
        )
        if changed and st.button("Back to the version's", icon=":material/undo:"):
            del st.session_state[_key(version)]
            st.rerun()
        if st.button("Make this version", type="primary", icon=":material/check:", disabled=broken or not changed):
            said = plural(sum(step.enabled for step in recipe.steps), "step")
            version_making.make(version, recipe, said, forget=lambda: st.session_state.pop(_key(version), None))


def _add(dataset: DatasetRecord, version: VersionRecord, draft: list[Drafted]) -> None:
    offered = [kind for kind in STEPS.values() if kind.kind in (dataset.kind, "both") and _can_be_added(kind)]
    purposes = list(dict.fromkeys(kind.purpose for kind in offered))
    offered.sort(key=lambda kind: purposes.index(kind.purpose))
    key = f"add-step-{version.id}"

    def add() -> None:
        name = st.session_state[key]
        if name:
            number = max((d.number for d in draft), default=-1) + 1
            steps = [*draft, Drafted(number=number, step=Step(kind=name))]
            _keep(version, sorted(steps, key=lambda d: _kind(d).scope not in cleaning.AT_ONCE))
            st.session_state[_opened(version, number)] = True
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


def _can_be_added(kind: StepKind) -> bool:
    """Steps that name samples or limits are made where those are seen, not typed."""
    return not any(step_settings.is_fixed(field) for field in kind.settings.model_fields.values())


def _opened(version: VersionRecord, number: int) -> str:
    return f"step-{version.id}-{number}"


def _card(version: VersionRecord, draft: list[Drafted], i: int, mine: list[int], stage: Stage | None) -> None:
    drafted, kind = draft[i], _kind(draft[i])
    step, key = drafted.step, _opened(version, drafted.number)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            faded = "" if step.enabled else " :gray-badge[off]"
            words = step_settings.in_words(kind, step.params)
            st.markdown(f"**{kind.title}**{faded}" + (f"  \n{literal(words)}" if words else ""), width="stretch")
            _moves(version, draft, i, mine, key)
        if stage and stage.error:
            st.error(stage.error, icon=":material/error:")
        elif stage:
            st.caption(_effect(kind, stage))
        elif step.enabled and kind.scope == "learnt":
            st.caption("Acts on the embedding of a run's backbone, by what its training images tell.")
        box = st.expander("Settings, before and after", key=key, on_change="rerun")
        if box.open:
            with box:
                st.caption(f"{kind.help} {WHERE[kind.scope]}")
                table = stage.before if stage else _rows_so_far(version)
                classes = stage.classes if stage else version.classes
                params = step_settings.draw(kind, step.params, table, classes, key)
                if params != step.params:
                    _change(version, draft, i, step.model_copy(update={"params": params}))
                    st.rerun()
                if stage and not stage.error and (len(stage.before.columns) or _of_classes(stage)):
                    _before_and_after(stage, key)
                if kind.purpose == SELECTION and step.enabled and not (stage and stage.error):
                    recipe = Recipe(steps=tuple(d.step for d in draft))
                    feature_look.look(version, recipe, i, of_images=stage is None)


def _rows_so_far(version: VersionRecord) -> pd.DataFrame:
    """The columns that a step which is off can be set to: the imported ones."""
    if get_dataset(version.dataset).kind == "image":
        return pd.DataFrame()
    return some_imported(version, 1).cells


def _moves(version: VersionRecord, draft: list[Drafted], i: int, mine: list[int], key: str) -> None:
    place = mine.index(i)
    st.toggle(
        "On",
        draft[i].step.enabled,
        key=f"{key}-on",
        on_change=lambda: _change(
            version, draft, i, draft[i].step.model_copy(update={"enabled": st.session_state[f"{key}-on"]})
        ),
    )
    for icon, name, other in (
        ("arrow_upward", "up", mine[place - 1] if place else None),
        ("arrow_downward", "down", mine[place + 1] if place + 1 < len(mine) else None),
    ):
        st.button(
            "",
            icon=f":material/{icon}:",
            key=f"{key}-{name}",
            help=f"Move {name}: steps act in this order.",
            disabled=other is None,
            on_click=_swap,
            args=(version, draft, i, other),
        )
    st.button(
        "",
        icon=":material/delete:",
        key=f"{key}-delete",
        help="Take the step out of the recipe.",
        on_click=lambda: _keep(version, [d for d in draft if d is not draft[i]]),
    )


def _change(version: VersionRecord, draft: list[Drafted], i: int, step: Step) -> None:
    _keep(version, [d.model_copy(update={"step": step}) if j == i else d for j, d in enumerate(draft)])


def _swap(version: VersionRecord, draft: list[Drafted], i: int, j: int) -> None:
    moved = list(draft)
    moved[i], moved[j] = moved[j], moved[i]
    _keep(version, moved)


def _effect(kind: StepKind, stage: Stage) -> str:
    """What a step did, counted."""
    before, after = stage.before, stage.after
    noun = "sample" if kind.scope in cleaning.AT_ONCE else "training row"
    said = []
    if stage.n_after < stage.n_before:
        said.append(f"{plural(stage.n_before - stage.n_after, noun)} of {stage.n_before:,} left out")
    elif stage.n_after > stage.n_before:
        said.append(f"{plural(stage.n_after - stage.n_before, noun)} added to {stage.n_before:,}")
    new, gone = [c for c in after.columns if c not in before], [c for c in before.columns if c not in after]
    if new:
        said.append(f"{plural(len(new), 'new column')}")
    if gone:
        said.append(f"{plural(len(gone), 'column')} less")
    rows = before.index.intersection(after.index)
    both = [c for c in before.columns if c in after]
    a, b = before.loc[rows, both], after.loc[rows, both]
    changed = sum(int((~((a[c] == b[c]) | (a[c].isna() & b[c].isna()))).sum()) for c in both)
    if changed:
        said.append(f"{plural(changed, 'cell')} changed")
    gaps = int(before.isna().to_numpy().sum()), int(after.isna().to_numpy().sum())
    if gaps[0] != gaps[1]:
        said.append(f"missing cells {gaps[0]:,} → {gaps[1]:,}")
    few = f", on {SHOWN:,} training rows" if len(before) == SHOWN else ", on training rows" if len(both) else ""
    if stage.n_before != stage.n_after and len(before) != SHOWN and kind.scope == "training_rows":
        few = ""
    return (", ".join(said) + few if said else "It changes nothing here").capitalize() + "."


def _of_classes(stage: Stage) -> bool:
    """Whether the step changes how many samples the classes have."""
    return stage.counts[0] != stage.counts[1]


def _before_and_after(stage: Stage, key: str) -> None:
    """The same chart of the training rows before and after the step."""
    before, after = stage.before, stage.after
    columns = [str(c) for c in dict.fromkeys([*before.columns, *after.columns])]
    columns.sort(key=lambda c: c in before and c in after and before[c].equals(after[c].reindex(before.index)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        views = (*([CLASSES] if _of_classes(stage) else []), *(VIEWS if columns else []))
        view = st.segmented_control("Show", views, default=views[0], required=True, key=f"{key}-view")
        column = None
        if view in VIEWS[:2]:
            if view == "Box plot":
                columns = [c for c in columns if c in (*numeric(before), *numeric(after))]
            column = st.selectbox(
                "Column", columns, key=f"{key}-{view}-column", width=260, help="Changed ones come first."
            )
    names = sorted({*stage.counts[0], *stage.counts[1]}, key=natural)
    sides = zip(st.columns(2), ("Before", "After"), (before, after), stage.counts, strict=True)
    for place, title, table, counts in sides:
        with place:
            st.markdown(f"{title}")
            if view == CLASSES:
                figure = charts.class_bars({"": counts}, names)
                figure.update_xaxes(range=[0, 1.05 * max((*stage.counts[0].values(), *stage.counts[1].values()))])
                st.plotly_chart(figure, key=f"{key}-{title}-{view}", config=CHART, alt=f"Samples per class, {title}.")
                continue
            _chart(view, column, table, f"{key}-{title}")


def _chart(view: Any, column: str | None, table: pd.DataFrame, key: str) -> None:
    if view in VIEWS[:2] and column not in table:
        st.caption("There is no such column.")
        return
    if view == "Correlation" and len(numeric(table)) < 2:
        st.caption("There are no two columns of numbers.")
        return
    if view == "Box plot" and column not in numeric(table):
        st.caption("Categories have no box plot.")
        return
    figure = (
        charts.missing_matrix(table)
        if view == "Missing cells"
        else charts.correlations(table)
        if view == "Correlation"
        else charts.box_plot(table[column])
        if view == "Box plot"
        else charts.histogram(table[column])
    )
    st.plotly_chart(figure, key=f"{key}-{view}-{column}", config=CHART, alt=f"{view}, {column or 'all columns'}.")
