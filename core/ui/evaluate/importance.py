"""The tab “What matters” of a run on a table: feature importance and partial dependence."""

import streamlit as st

from core.charts.importance import importance_bars, partial_dependence
from core.inference.explaining.record import FeatureImportance
from core.jobs import tasks
from core.ui.evaluate.judged import Judged
from core.ui.shell import task_panel
from core.ui.shell.charts import draw
from core.ui.shell.text import literal, plural

TASK = "matters"
DOING = "What matters"


def show_importance(judged: Judged) -> None:
    """Computed when the tab is first opened, which takes seconds; the result stays for this visitor."""
    run = judged.run
    task_id = task_panel.start_once(TASK, run.id, f"{DOING}: {run.name}", run=run.id)
    if task_panel.show_task(task_id, DOING):
        _show_columns(judged, FeatureImportance.model_validate(tasks.result(task_id)))
    elif tasks.get_task(task_id).ended and st.button("Try again", icon=":material/refresh:"):
        task_panel.forget(TASK, run.id)
        st.rerun()


def _show_columns(judged: Judged, matters: FeatureImportance) -> None:
    st.markdown(f"**{literal(describe_importance(matters))}**")
    left, right = st.columns([2, 3], gap="medium")
    with left:
        draw(
            importance_bars(matters.columns),
            f"matters-{judged.run.id}",
            "Points of accuracy lost when each column is shuffled.",
        )
        st.caption(
            f"On {plural(matters.n, 'test row')}, permutation importance over ten shuffles of each column (Breiman"
            " 2001). Of two columns with the same information neither may seem to matter. Bars are 95 % intervals."
        )
    with right:
        st.markdown(
            "How the probabilities move with a column",
            help="Partial dependence (Friedman 2001): the mean probability of each class if every row had this value"
            " and kept its others.",
        )
        for i, each in enumerate(matters.dependence):
            if i % 2 == 0:
                places = st.columns(2, gap="small")
            with places[i % 2]:
                figure = partial_dependence(each, judged.scores.classes, legend=i == 0)
                alt = f"Mean probabilities over the values of {each.column}."
                draw(figure, f"dependence-{judged.run.id}-{i}", alt)


def describe_importance(matters: FeatureImportance) -> str:
    """The columns whose importance is significant, in a sentence."""
    shown = [c for c in matters.columns if c.low > 0]
    if not shown:
        return f"No single column is shown to matter on {plural(matters.n, 'test row')}."
    first = shown[0]
    cost = f"Shuffling “{first.column}” costs {100 * first.drop:.0f} points of accuracy"
    if len(shown) == 1:
        return f"{cost}; no other column is shown to matter."
    rest = len(matters.columns) - len(shown)
    tail = f"; {rest} of {len(matters.columns)} columns are not shown to matter." if rest else "."
    return f"{cost}, then “{shown[1].column}” {100 * shown[1].drop:.0f}{tail}"
