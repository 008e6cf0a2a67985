"""The Calibration tab: whether the probabilities of a run can be taken at their word."""

import pandas as pd
import streamlit as st

from core import charts
from core.evaluation import calibration as calibrating
from core.evaluation.calibration import Calibration
from core.evaluation.scores import format_interval
from core.store import runs
from core.ui.evaluation import CHART, Judged

HELP = (
    "Expected calibration error: how far confidence and share right lie apart, on average over 15 bins of confidence"
    " (Guo et al. 2017). 0 is perfect."
)


def validation_rows(judged: Judged) -> pd.DataFrame:
    """The run's validation samples as its predictions hold them; none where it has folds."""
    return _validation(judged.run.id, str(runs.run_folder(judged.run.id)))


@st.cache_data(max_entries=16, show_spinner=False)
def _validation(run_id: str, _folder: str) -> pd.DataFrame:
    predictions = runs.read_predictions(run_id)
    return predictions[predictions["part"] == "validation"].reset_index(drop=True)


@st.cache_data(max_entries=16, show_spinner=False)
def _found(run_id: str, _judged: Judged) -> tuple[Calibration, dict[str, pd.DataFrame]]:
    found = calibrating.calibration(_judged.rows, validation_rows(_judged))
    probability, truth = calibrating.probabilities(_judged.rows), calibrating.truths(_judged.rows)
    tables = {"As trained": calibrating.reliability(probability, truth)}
    if found.temperature is not None:
        mended = calibrating.at_temperature(probability, found.temperature)
        tables["With the temperature"] = calibrating.reliability(mended, truth)
    return found, tables


def calibration(judged: Judged) -> None:
    """The reliability diagram, the calibration error before and after one temperature, each with its interval."""
    found, tables = _found(judged.run.id, judged)
    st.markdown(f"**{in_words(found)}**")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            charts.reliability(tables),
            key=f"reliability-{judged.run.id}",
            config=CHART,
            alt="Share right against confidence.",
        )
        st.caption("On the dotted line confidence is what it says. Bars are 95 % intervals.")
    with right:
        rows = [("As trained", found.before, found.before_ci, found.loss_before)]
        if found.after is not None and found.after_ci is not None and found.loss_after is not None:
            rows.append(("With the temperature", found.after, found.after_ci, found.loss_after))
        table = pd.DataFrame(
            [
                {"Probabilities": name, "Calibration error": format_interval(e, *ci), "Log loss": f"{loss:.3f}"}
                for name, e, ci, loss in rows
            ]
        )
        st.dataframe(
            table, hide_index=True, column_config={"Calibration error": st.column_config.TextColumn(help=HELP)}
        )
        if found.temperature is None:
            st.caption(found.reason)
        elif judged.folds:
            st.caption(
                "Each fold's temperature was fitted on the other folds. No predicted class changes, only how sure"
                " it is."
            )
        else:
            st.caption(
                f"The temperature was fitted on {found.n} validation {judged.noun}, never on the test part."
                " No predicted class changes, only how sure it is."
            )


def in_words(found: Calibration) -> str:
    """What one temperature does, in a sentence."""
    if found.temperature is None or found.after is None:
        return f"Confidence and share right lie {found.before:.2f} apart on average."
    way = "too sure of itself" if found.temperature > 1 else "not sure enough"
    if found.after >= found.before:
        return (
            f"Its confidence can be taken as it is: a temperature of {found.temperature:.2f} would not bring it"
            " nearer to the share right."
        )
    return (
        f"It is {way}: a temperature of {found.temperature:.2f} takes the calibration error from {found.before:.2f}"
        f" to {found.after:.2f}."
    )
