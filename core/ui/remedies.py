"""“What helps?”: what the methods against a shift make of a comparison, before and after, and the way to train so."""

import pandas as pd
import streamlit as st

from core import charts
from core.advice.domain.record import Distance, Remedies, Remedy
from core.jobs import tasks
from core.methods.strategies import method_title
from core.schemas import DatasetRecord, TrainingSpec, VersionRecord
from core.ui import source_choice, strategy_choice, version_task
from core.ui.page import go
from core.ui.words import gained, plural

TASK = "remedies"
CHART = {"displayModeBar": False}


def what_helps(version: VersionRecord, compared: Distance, target: DatasetRecord) -> None:
    """The offer to try the methods, how far that has come, or what they made of it.

    Args:
        version: the one that is shown. target: a labelled dataset, as the source is.
    """
    st.subheader("What helps?", anchor=False)
    asked = {"source": compared.source, "target": compared.target}
    if version_task.at_work(TASK, version, "Trying"):
        return
    done = version_task.made(TASK, version, **asked)
    if done:
        _tried(Remedies.model_validate(tasks.result(done)), target)
        return
    st.markdown(
        "Weighting the source's samples, or moving its features to where the target's are, can mend a difference."
        " Every such method is tried, and judged by the target's labels: how alike the two then are, and how often a"
        " probe of the source is right."
    )
    if st.button("Try the methods", icon=":material/healing:"):
        version_task.start(TASK, version, f"What helps {target.name}", **asked)


def _tried(found: Remedies, target: DatasetRecord) -> None:
    best = found.recommended
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(in_words(found), width="stretch")
        if best and st.button("Train with it", icon=":material/model_training:", type="primary"):
            _train(found, best, target)
    judged = {_short(r): (r.gain, r.gain_ci) for r in found.remedies if r.gain is not None and r.gain_ci is not None}
    if judged:
        st.plotly_chart(
            charts.gains(judged),
            key="remedies-gains",
            config=CHART,
            alt="What each method gains on the target over the source as it is, with its interval.",
        )
    st.dataframe(
        pd.DataFrame([_before(found), *map(_row, found.remedies)]),
        hide_index=True,
        height="content",
        key="remedies-table",
        placeholder="–",
        column_config={
            "Domain AUC": st.column_config.NumberColumn(
                format="%.2f", help="How well a linear classifier tells source and target apart; .5 is not at all."
            ),
            "Right": st.column_config.NumberColumn(
                format="percent", help="Of the target, by a probe that has learnt from the source alone."
            ),
            "Effective samples": st.column_config.NumberColumn(
                format="%.0f", help="As how many source samples of equal weight the weighted ones tell."
            ),
        },
    )
    st.caption(
        f"{plural(found.n_source, 'sample')} of the source and {plural(found.n, 'training and validation sample')} of"
        " the target; no method sees the target's labels, which only judge. Logistic regressions; the intervals of"
        " the gains hold for all methods at once (95 %)."
    )


def in_words(found: Remedies) -> str:
    """Which method gains something, and how much; or that none does."""
    low, high = found.accuracy_ci
    alone = (
        f"what a probe learns on the source is right for {found.accuracy:.0%} of the target ({low:.0%} to {high:.0%})"
    )
    best = found.recommended
    if best:
        return f"**{named(best)}** helps: {alone}, and gains {gained(best.gain, best.gain_ci)} by it."
    tried = [r for r in found.remedies if r.gain is not None]
    if not tried:
        return f"**No method can be tried here**: {alone}; the table says why."
    most = f"the most, {gained(tried[0].gain, tried[0].gain_ci)}, is no sure gain"
    return f"**No method is shown to help**: {alone}; {most}."


def named(remedy: Remedy) -> str:
    """A method under the name of its strategy."""
    return remedy.title if remedy.method is None else f"{remedy.title}: {method_title(remedy.method)}"


def _short(remedy: Remedy) -> str:
    return remedy.title if remedy.method is None else method_title(remedy.method)


def _train(found: Remedies, best: Remedy, target: DatasetRecord) -> None:
    """Open the Train page with source and method chosen; what labels the target has are learnt from as well."""
    spec = TrainingSpec(data=found.target, source=(found.source,), strategy=best.strategy, method=best.method)
    strategy_choice.fill(spec, target.kind)
    source_choice.fill(spec)
    go("train", dataset=target.id)


def _before(found: Remedies) -> dict[str, object]:
    return {
        "Method": "The source as it is",
        "Domain AUC": found.domain_auc,
        "Right": found.accuracy,
        "Gain": "",
        "Effective samples": float(found.n_source),
        "Note": "",
    }


def _row(r: Remedy) -> dict[str, object]:
    return {
        "Method": named(r),
        "Domain AUC": r.domain_auc,
        "Right": r.accuracy,
        "Gain": gained(r.gain, r.gain_ci),
        "Effective samples": r.effective_size,
        "Note": r.note,
    }
