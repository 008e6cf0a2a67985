"""The head of Evaluate: facts and caveats of the judged runs, and what to do next."""

from typing import Literal

import streamlit as st

from core.evaluation.comparison import repeated_look_warning
from core.evaluation.repeats import group_by_seed
from core.evaluation.scores import format_interval, format_score
from core.evaluation.words import describe_absent_classes, describe_single_prediction
from core.jobs import queue
from core.methods.plan import request_again
from core.methods.recommendation import next_steps
from core.schemas import RunRecord, TrainingSpec
from core.store import runs
from core.store.datasets import list_versions
from core.ui.evaluate.judged import HELP, Judged, calibration_error
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import duration, literal

MOST_RUNS = 20  # side by side
REPEATS = 4  # more cross-validations of a run


def show_single_prediction(judged: Judged, name: str = "") -> None:
    """In red, that a run predicts one class only: its accuracy says nothing. `name` says which run it is."""
    warning = describe_single_prediction(judged.scores)
    if warning:
        st.error(literal(f"{name}: {warning}" if name else warning), icon=":material/error:")


def show_facts(judged: Judged) -> None:
    """The other scores, and the data, version, seed and time of the run."""
    run, of = judged.run, judged.scores
    macro = format_interval(of.macro_f1, *of.ci["macro_f1"])
    names = {v.id: v.name for v in list_versions(run.dataset)}
    version = names.get(run.version, run.version)  # it may have been deleted since
    error = format_interval(*calibration_error(judged))
    took = f" · {duration(sum(run.seconds.values()))}" if run.seconds else ""
    st.caption(
        f"Macro-F1 {macro} · weighted F1 {format_score(of.weighted_f1, of)} · calibration error {error}  \n"
        f"{literal(judged.dataset.name)} · version {literal(version)} · seed {run.spec.seed}{took}",
        help=f"{HELP['macro_f1']}  \n{HELP['ece']}",
    )


def show_caveats(judged: list[Judged]) -> None:
    """What the reader must know besides the scores: many looks at one test set, and what the runs noted."""
    for test_hash in dict.fromkeys(j.run.test_hash for j in judged):
        warning = repeated_look_warning(runs.runs_on_test(test_hash))
        if warning:
            st.warning(warning, icon=":material/visibility:")
    for lack in dict.fromkeys(filter(None, (describe_absent_classes(j.scores) for j in judged))):
        st.warning(literal(lack), icon=":material/help:")
    red = {describe_single_prediction(j.scores) for j in judged}
    for note in dict.fromkeys(n for j in judged for n in j.run.notes if n not in red):
        st.caption(f":material/info: {literal(note)}")


def show_next_steps(judged: Judged) -> None:
    """The method to try next, its other seeds, and the newest other run on the same test samples."""
    run = judged.run
    siblings = [r for r in runs.list_runs(dataset=run.dataset, states=["succeeded"]) if r.id != run.id]
    tried = {x for r in siblings if r.version == run.version for x in (r.spec.strategy, r.spec.learner)}
    seeds = next(members for members in group_by_seed([run, *siblings]) if run in members)
    rival = next((r for r in siblings if r.test_hash == run.test_hash), None)
    untried = [step for step in next_steps(run.spec) if step.name not in tried]
    with st.container(horizontal=True):
        for step in untried:
            kind: Literal["primary", "secondary"] = "primary" if step == untried[0] else "secondary"
            if st.button(step.label, type=kind, icon=":material/tune:", help=step.help or None):
                start_next(run, **step.method)
        if len(seeds) > 1 and st.button(f"See its {len(seeds)} seeds together", icon=":material/casino:"):
            st.query_params["runs"] = ",".join(r.id for r in seeds[:MOST_RUNS])
            st.rerun()
        if (
            judged.folds
            and len(seeds) == 1
            and st.button(
                "Repeat with other folds",
                icon=":material/repeat:",
                help=f"{REPEATS} more runs with other seeds, which draw other folds. Their mean depends less on how"
                " the samples happened to fall, and its interval is narrower.",
            )
        ):
            repeat_folds(run)
        if rival and st.button(
            f"Compare with {literal(rival.name)}",
            type="secondary" if untried else "primary",
            icon=":material/compare_arrows:",
        ):
            st.query_params["runs"] = f"{rival.id},{run.id}"
            st.rerun()


def repeat_folds(run: RunRecord) -> None:
    """Start the run again with other seeds, and go and watch the first."""
    with show_errors():
        seeds = range(run.spec.seed + 1, run.spec.seed + 1 + REPEATS)
        started = [queue.submit(request_again(run.spec, seed=seed, name=None)) for seed in seeds]
        go("train", dataset=run.dataset, run=started[0].id)


def start_next(run: RunRecord, **method: object) -> None:
    """Start another method on a run's data with its seed and folds, and go and watch it."""
    kept = run.spec.model_dump(include={"data", "image_size", "seed", "folds"})
    with show_errors():
        started = queue.submit(TrainingSpec.model_validate(kept | method))
        go("train", dataset=run.dataset, run=started.id)
