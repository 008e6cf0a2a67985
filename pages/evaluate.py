"""Evaluate: how good one run is, or several side by side."""

import streamlit as st

from core.errors import GraftError, NotFoundError
from core.evaluation.comparison import Pair
from core.schemas import RunRecord
from core.store import runs
from core.ui.evaluate.head import MOST_RUNS, show_caveats, show_facts, show_next_steps, show_single_prediction
from core.ui.evaluate.judged import Judged, judge
from core.ui.evaluate.matrix import show_matrix
from core.ui.evaluate.side_by_side import drop_shared_parts, name_runs, show_verdicts
from core.ui.evaluate.tabs import COMPARISON_TABS, RUN_TABS
from core.ui.shell.page import guard, show_empty_page, show_error, show_errors
from core.ui.shell.tabs import show_tabs
from core.ui.shell.text import label_runs, literal

guard("evaluate")

PICKED = "evaluate-runs"


def pick_runs() -> list[RunRecord]:
    """The runs to judge. The address says which (`?runs=ID,ID`), so that a view can be sent to a colleague."""
    known = {r.id: r for r in runs.list_runs(states=["succeeded"])}
    asked = st.query_params.get("runs")
    ids = next(iter(known), "") if asked is None else asked
    for run_id in dict.fromkeys(i for i in ids.split(",") if i and i not in known):
        with show_errors():
            run = runs.get_run(run_id)
            known[run.id] = run
    if not known:
        show_empty_page(
            "No run has finished yet. Here you will see how good it is.",
            "train",
            "Train",
            ":material/model_training:",
        )
    labels = label_runs(known.values())
    st.session_state[PICKED] = list(dict.fromkeys(i for i in ids.split(",") if i in known))[:MOST_RUNS]
    chosen = st.multiselect(
        "Runs",
        list(known),
        key=PICKED,
        format_func=lambda run_id: labels[run_id],
        max_selections=MOST_RUNS,
        placeholder="Choose one run, or several to see them side by side",
        on_change=lambda: st.query_params.update(runs=",".join(st.session_state[PICKED])),
    )
    return [known[run_id] for run_id in chosen]


def judge_all(chosen: list[RunRecord]) -> list[Judged]:
    """Those of the runs that can be judged; for the others, why not."""
    judged = []
    for run in chosen:
        if run.state == "succeeded":
            with show_errors():
                judged.append(judge(run))
        elif run.failure:
            show_error(GraftError(f"{run.name}: {run.failure.message}", run.failure.hint))
        else:
            show_error(NotFoundError(f"“{run.name}” is {run.state}.", "Only a run that succeeded can be evaluated."))
    return judged


def show_run(judged: Judged) -> None:
    show_single_prediction(judged)
    st.subheader(literal(judged.summary), anchor=False)
    show_facts(judged)
    show_caveats([judged])
    show_next_steps(judged)
    show_matrix(judged)
    show_tabs(RUN_TABS, judged)


def show_comparison(judged: list[Judged]) -> None:
    names = drop_shared_parts(name_runs([j.run for j in judged]))
    pairs: list[Pair] = []
    with show_errors():
        pairs = show_verdicts(judged, names)
    show_caveats(judged)
    show_tabs(COMPARISON_TABS, judged, names, pairs)


st.title("Evaluate", anchor=False)
picked = judge_all(pick_runs())
if len(picked) == 1:
    show_run(picked[0])
elif picked:
    show_comparison(picked)
