"""“What helps?”: methods against a shift between two datasets, tried before training with one of them."""

import streamlit as st

from core.advice.domain.record import Distance, Remedies, Remedy
from core.charts.domain import gain_intervals
from core.jobs import tasks
from core.methods.strategies import method_title
from core.schemas import DatasetRecord, TrainingSpec, VersionRecord
from core.ui.shell import task_panel
from core.ui.shell.charts import draw
from core.ui.shell.handoff import open_train_page
from core.ui.shell.tables import show_table
from core.ui.shell.text import format_gain, plural

TASK = "remedies"


def show_remedies(version: VersionRecord, compared: Distance, target: DatasetRecord) -> None:
    """The button that tries the methods, its progress, or the results; source and `target` are labelled."""
    st.subheader("What helps?", anchor=False)
    asked = {"source": compared.source, "target": compared.target}
    if task_panel.is_busy(TASK, "Trying", version):
        return
    done = task_panel.find_result(TASK, version, **asked)
    if done:
        _show_results(Remedies.model_validate(tasks.result(done)))
        return
    st.markdown(
        "Weighting the source's samples, or moving its features to where the target's are, can reduce a shift."
        " Every such method is tried and judged by the target's labels: how similar the two then are, and the"
        " accuracy of a probe trained on the source."
    )
    if st.button("Try the methods", icon=":material/healing:"):
        task_panel.start(TASK, f"What helps {target.name}", version, **asked)


def _show_results(remedies: Remedies) -> None:
    best = remedies.recommended
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(describe_remedies(remedies), width="stretch")
        if best and st.button("Train with it", icon=":material/model_training:", type="primary"):
            _train_with(remedies, best)
    judged = {
        method_title(r.method) if r.method else r.title: (r.gain, r.gain_ci)
        for r in remedies.remedies
        if r.gain is not None and r.gain_ci is not None
    }
    if judged:
        draw(
            gain_intervals(judged),
            "remedies-gains",
            "Gain of each method on the target over the unchanged source, with its interval.",
        )
    unchanged = {"Method": "The source as it is", "Domain AUC": remedies.domain_auc, "Right": remedies.accuracy}
    unchanged |= {"Gain": "", "Effective samples": float(remedies.n_source), "Note": ""}
    show_table(
        [unchanged, *map(_row, remedies.remedies)],
        {
            "Domain AUC": ("%.2f", "How well a linear classifier tells source and target apart; .5 is not at all."),
            "Right": ("percent", "Accuracy on the target of a probe trained on the source alone."),
            "Effective samples": ("%.0f", "How many source samples of equal weight the weighted ones are worth."),
        },
        key="remedies-table",
        height="content",
        placeholder="–",
    )
    st.caption(
        f"{plural(remedies.n_source, 'sample')} of the source and"
        f" {plural(remedies.n, 'training and validation sample')} of the target; no method sees the target's labels,"
        " which are for judging only. Logistic regressions; the intervals of the gains hold for all methods at once"
        " (95 %)."
    )


def describe_remedies(remedies: Remedies) -> str:
    """Which method helps, and how much; or that none does."""
    low, high = remedies.accuracy_ci
    alone = (
        f"what a probe learns on the source is right for {remedies.accuracy:.0%} of the target ({low:.0%} to"
        f" {high:.0%})"
    )
    best = remedies.recommended
    if best:
        return f"**{name_remedy(best)}** helps: {alone}, and gains {format_gain(best.gain, best.gain_ci)} by it."
    tried = [r for r in remedies.remedies if r.gain is not None]
    if not tried:
        return f"**No method can be tried here**: {alone}; the table says why."
    most = f"the most, {format_gain(tried[0].gain, tried[0].gain_ci)}, is no sure gain"
    return f"**No method is shown to help**: {alone}; {most}."


def name_remedy(remedy: Remedy) -> str:
    """The strategy, and its method where it has several."""
    return remedy.title if remedy.method is None else f"{remedy.title}: {method_title(remedy.method)}"


def _train_with(remedies: Remedies, best: Remedy) -> None:
    """Open the Train page with source and method chosen; the target's own labels are used as well."""
    method = {"strategy": best.strategy, "method": best.method, "target_labels": "used"}
    open_train_page(TrainingSpec.model_validate({"data": remedies.target, "source": (remedies.source,), **method}))


def _row(r: Remedy) -> dict[str, object]:
    return {
        "Method": name_remedy(r),
        "Domain AUC": r.domain_auc,
        "Right": r.accuracy,
        "Gain": format_gain(r.gain, r.gain_ci),
        "Effective samples": r.effective_size,
        "Note": r.note,
    }
