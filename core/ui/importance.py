"""The tab “What matters” of a run on a table: its columns by importance, and how the first ones act."""

import streamlit as st

from core import charts
from core.inference.explaining.record import Matters
from core.jobs import tasks
from core.ui import version_task
from core.ui.evaluation import CHART, Judged
from core.ui.gallery import literal
from core.ui.words import plural

DOING = "What matters"


def importance(judged: Judged) -> None:
    """Looked into when the tab is first opened, which takes seconds; what was found stays for this visitor."""
    run = judged.run
    known: dict[str, str] = st.session_state.setdefault("matters", {})
    if run.id not in known:
        known[run.id] = tasks.start("matters", f"{DOING}: {run.name}", run=run.id).id
    task = tasks.get(known[run.id])
    if not task.ended:
        st.fragment(version_task.watch, run_every=0.3)(task.id, DOING)
        return
    if task.state != "succeeded":
        version_task.tell_end(task.id, DOING)
        if st.button("Try again", icon=":material/refresh:"):
            del known[run.id]
            st.rerun()
        return
    _show(judged, Matters.model_validate(tasks.result(task.id)))


def _show(judged: Judged, found: Matters) -> None:
    st.markdown(f"**{literal(in_words(found))}**")
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.plotly_chart(
            charts.importance_bars(found.columns),
            key=f"matters-{judged.run.id}",
            config=CHART,
            alt="Points of accuracy lost when each column is shuffled.",
        )
        st.caption(
            f"On {plural(found.n, 'test row')}, each column shuffled ten times (Breiman 2001). Of two columns that"
            " say the same, either seems dispensable. Bars are 95 % intervals."
        )
    with right:
        st.markdown(
            "How the probabilities move with a column",
            help="Partial dependence (Friedman 2001): the mean probability of each class if every row had this value"
            " and kept its others. Colours are those of the classes everywhere on this page.",
        )
        for i, each in enumerate(found.dependence):
            if i % 2 == 0:
                places = st.columns(2, gap="small")
            places[i % 2].plotly_chart(
                charts.dependence(each, judged.scores.classes, legend=i == 0),
                key=f"dependence-{judged.run.id}-{i}",
                config=CHART,
                alt=f"Mean probabilities over the values of {each.column}.",
            )


def in_words(found: Matters) -> str:
    """The columns that are shown to matter, in a sentence."""
    shown = [c for c in found.columns if c.low > 0]
    if not shown:
        return f"No single column is shown to matter on {plural(found.n, 'test row')}."
    first = shown[0]
    cost = f"Shuffling “{first.column}” costs {100 * first.drop:.0f} points of accuracy"
    if len(shown) == 1:
        return f"{cost}; no other column is shown to matter."
    rest = len(found.columns) - len(shown)
    tail = f"; {rest} of {len(found.columns)} columns are not shown to matter." if rest else "."
    return f"{cost}, then “{shown[1].column}” {100 * shown[1].drop:.0f}{tail}"
