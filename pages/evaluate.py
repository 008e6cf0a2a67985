"""Evaluate: how good one run is, or several side by side."""

from collections.abc import Callable

import streamlit as st

from core.errors import GraftError, NotFoundError
from core.evaluation.comparison import Pair, repeated_look_warning
from core.evaluation.repeats import by_seed
from core.evaluation.scores import absent_in_words
from core.jobs import queue
from core.methods.transfer_gain import BASELINE
from core.schemas import RunRecord, TrainingSpec
from core.store import runs
from core.ui import calibration, evaluation, export, importance, ranking, side_by_side, slices, thresholds, transfer
from core.ui.evaluation import Judged, judge
from core.ui.gallery import literal
from core.ui.page import empty, go, guard, show_error, telling_errors

guard("evaluate")

PICKED = "evaluate-runs"
MOST = 20  # runs side by side
Room = Callable[[], None]


def pick_runs() -> list[RunRecord]:
    """The runs to judge. The address says which (`?runs=ID,ID`), so that a view can be sent to a colleague."""
    known = {r.id: r for r in runs.list_runs(states=["succeeded"])}
    asked = st.query_params.get("runs")
    ids = next(iter(known), "") if asked is None else asked
    for run_id in dict.fromkeys(i for i in ids.split(",") if i and i not in known):
        with telling_errors():
            run = runs.get_run(run_id)
            known[run.id] = run
    if not known:
        empty(
            "No run has finished yet. Here you will see how good it is.",
            "train",
            "Train",
            ":material/model_training:",
        )
    st.session_state[PICKED] = list(dict.fromkeys(i for i in ids.split(",") if i in known))[:MOST]
    chosen = st.multiselect(
        "Runs",
        list(known),
        key=PICKED,
        format_func=lambda run_id: f"{known[run_id].name} · {known[run_id].dataset}",
        max_selections=MOST,
        placeholder="Choose one run, or several to see them side by side",
        on_change=lambda: st.query_params.update(runs=",".join(st.session_state[PICKED])),
    )
    return [known[run_id] for run_id in chosen]


def judge_all(chosen: list[RunRecord]) -> list[Judged]:
    """Those of the runs that can be judged; for the others, why not."""
    judged = []
    for run in chosen:
        if run.state == "succeeded":
            with telling_errors():
                judged.append(judge(run))
        elif run.failure:
            show_error(GraftError(f"{run.name}: {run.failure.message}", run.failure.hint))
        else:
            show_error(NotFoundError(f"“{run.name}” is {run.state}.", "Only a run that succeeded can be evaluated."))
    return judged


def caveats(judged: list[Judged]) -> None:
    """What the reader must know besides the scores: many looks at one test set, and what the runs noted."""
    for test_hash in dict.fromkeys(j.run.test_hash for j in judged):
        warning = repeated_look_warning(runs.runs_on_test(test_hash))
        if warning:
            st.warning(warning, icon=":material/visibility:")
    for lack in dict.fromkeys(filter(None, (absent_in_words(j.scores) for j in judged))):
        st.warning(literal(lack), icon=":material/help:")
    for note in dict.fromkeys(n for j in judged for n in j.run.notes):
        st.caption(f":material/info: {literal(note)}")


def next_steps(judged: Judged) -> None:
    """What leads on: the method to try next, and the newest other run on the same test samples."""
    run = judged.run
    siblings = [r for r in runs.list_runs(dataset=run.dataset, states=["succeeded"]) if r.id != run.id]
    tried = {x for r in siblings if r.version == run.version for x in (r.spec.strategy, r.spec.learner)}
    seeds = next(members for members in by_seed([run, *siblings]) if run in members)
    rival = next((r for r in siblings if r.test_hash == run.test_hash), None)
    try_tuning = run.spec.strategy == "linear_probe" and "two_stage" not in tried
    try_baseline = run.spec.learner == "network" and "logistic_regression" not in tried
    with st.container(horizontal=True):
        if try_tuning and st.button("Try fine-tuning", type="primary", icon=":material/tune:"):
            start_next(run, preset="balanced", strategy="two_stage", backbone=run.spec.backbone)
        if try_baseline and st.button(
            "Try logistic regression",
            type="primary",
            icon=":material/linear_scale:",
            help="The linear baseline: a network that is no better than it is not worth its trouble.",
        ):
            start_next(run, learner="logistic_regression")
        if len(seeds) > 1 and st.button(f"See its {len(seeds)} seeds together", icon=":material/casino:"):
            st.query_params["runs"] = ",".join(r.id for r in seeds[:MOST])
            st.rerun()
        kind = "secondary" if try_tuning or try_baseline else "primary"
        if rival and st.button(f"Compare with {literal(rival.name)}", type=kind, icon=":material/compare_arrows:"):
            st.query_params["runs"] = f"{rival.id},{run.id}"
            st.rerun()


def start_next(run: RunRecord, **method: str | None) -> None:
    """Start another method on a run's data with its seed and folds, and go and watch it."""
    kept = run.spec.model_dump(include={"data", "image_size", "seed", "folds"})
    with telling_errors():
        started = queue.submit(TrainingSpec.model_validate(kept | method))
        go("train", dataset=run.dataset, run=started.id)


def one(judged: Judged) -> None:
    """The page for a single run."""
    st.subheader(literal(judged.words), anchor=False)
    evaluation.facts(judged)
    caveats([judged])
    next_steps(judged)
    evaluation.matrix(judged)
    rooms: dict[str, Room] = {
        "Classes": lambda: evaluation.classes(judged),
        "Curves": lambda: curves_tab(judged),
        "Calibration": lambda: calibration.calibration(judged),
        "Thresholds": lambda: thresholds.thresholds(judged),
        "Mistakes": lambda: evaluation.mistakes(judged),
        "Slices": lambda: slices.slices(judged),
        "What matters": lambda: importance.importance(judged),
        "Transfer": lambda: transfer_tab(judged),
        "Folds": lambda: evaluation.folds(judged),
        "Export": lambda: export.export(judged),
    }
    if not judged.folds:
        del rooms["Folds"]
    if judged.folds or judged.dataset.kind == "image":
        del rooms["What matters"]
    if not judged.run.spec.source and not weights_in_question(judged):
        del rooms["Transfer"]
    show_tabs(rooms)


def curves_tab(judged: Judged) -> None:
    """How it learnt, and how well its probabilities rank."""
    evaluation.curves({judged.run.name: judged.run})
    st.markdown("**Each class against the rest**")
    ranking.ranking(judged)


def weights_in_question(judged: Judged) -> bool:
    """Whether it has pretrained weights that random ones can be held against."""
    return bool(judged.run.spec.backbone) and not judged.folds and judged.run.spec.strategy not in ("", BASELINE)


def transfer_tab(judged: Judged) -> None:
    """What other data and the pretrained weights were worth, or the way to find out."""
    if judged.run.spec.source:
        transfer.source(judged)
    if weights_in_question(judged) and transfer.transfer(judged):
        start_next(judged.run, strategy=BASELINE, backbone=judged.run.spec.backbone)


def several(judged: list[Judged]) -> None:
    """The page for two runs or more."""
    names = side_by_side.short_names(side_by_side.names_of([j.run for j in judged]))
    pairs: list[Pair] = []
    with telling_errors():
        pairs = side_by_side.verdicts(judged, names)
    caveats(judged)
    rooms: dict[str, Room] = {
        "Scores": lambda: side_by_side.metrics(judged, names, pairs),
        "Curves": lambda: evaluation.curves({names[j.run.id]: j.run for j in judged}),
        "Settings": lambda: side_by_side.settings(judged, names),
        "Cost": lambda: side_by_side.cost(judged, names),
        "Matrices": lambda: side_by_side.matrices(judged, names, comparable=bool(pairs)),
        "Disagreements": lambda: side_by_side.disagreements(judged, names),
    }
    if not pairs:
        del rooms["Disagreements"]
    show_tabs(rooms)


def show_tabs(rooms: dict[str, Room]) -> None:
    """Tabs of which only the open one runs; which one that is stands in the address."""
    for tab, room in zip(st.tabs(list(rooms), key="tab", bind="query-params"), rooms.values(), strict=True):
        if tab.open:
            with tab, telling_errors():
                room()


st.title("Evaluate", anchor=False)
picked = judge_all(pick_runs())
if len(picked) == 1:
    one(picked[0])
elif picked:
    several(picked)
