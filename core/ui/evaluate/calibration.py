"""The tab “Calibration”: whether the confidence of a run agrees with its accuracy."""

import pandas as pd
import streamlit as st

from core.charts.probabilities import reliability_diagram
from core.evaluation import calibration as calibrating
from core.evaluation.calibration import Calibration
from core.evaluation.intervals import count_folds, fold_share
from core.evaluation.scores import format_interval
from core.store import runs
from core.ui.evaluate.judged import HELP, Judged
from core.ui.shell.charts import draw
from core.ui.shell.tables import show_table


def validation_rows(judged: Judged) -> pd.DataFrame:
    """The run's validation samples as its predictions hold them; none where it has folds."""
    return _validation(judged.run.id, str(runs.run_folder(judged.run.id)))


@st.cache_data(max_entries=16, show_spinner=False)
def _validation(run_id: str, _folder: str) -> pd.DataFrame:
    predictions = runs.read_predictions(run_id)
    return predictions[predictions["part"] == "validation"].reset_index(drop=True)


@st.cache_data(max_entries=16, show_spinner=False)
def _calibrate(run_id: str, _judged: Judged) -> tuple[Calibration, dict[str, pd.DataFrame]]:
    result = calibrating.calibrate(_judged.rows, validation_rows(_judged))
    probability, truth = calibrating.probabilities(_judged.rows), calibrating.class_indices(_judged.rows)
    worth = fold_share(count_folds(_judged.rows))
    tables = {"As trained": calibrating.reliability_table(probability, truth, worth=worth)}
    if result.scaling is not None:
        predicted = probability.argmax(axis=1)
        tables["Calibrated"] = calibrating.reliability_table(result.scaling(probability), truth, predicted, worth)
    return result, tables


def show_calibration(judged: Judged) -> None:
    """The reliability diagram, and the calibration error before and after scaling, with intervals."""
    result, tables = _calibrate(judged.run.id, judged)
    st.markdown(f"**{describe_calibration(result)}**")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw(reliability_diagram(tables), f"reliability-{judged.run.id}", "Accuracy against confidence.")
        st.caption("On the dotted line confidence equals accuracy. Bars are 95 % intervals.")
    with right:
        rows = [("As trained", result.before, result.before_ci, result.loss_before)]
        if result.after is not None and result.after_ci is not None and result.loss_after is not None:
            rows.append(("Calibrated", result.after, result.after_ci, result.loss_after))
        table = pd.DataFrame(
            [
                {"Probabilities": name, "Calibration error": format_interval(e, *ci), "Log loss": f"{loss:.3f}"}
                for name, e, ci, loss in rows
            ]
        )
        show_table(table, {"Calibration error": HELP["ece"]})
        if result.scaling is None:
            st.caption(result.reason)
        elif judged.folds:
            st.caption(
                "Each fold was calibrated by what was fitted on the other folds. No predicted class changes, only its"
                " confidence."
            )
        else:
            st.caption(
                f"It was fitted on {result.n} validation {judged.noun}, never on the test part."
                " No predicted class changes, only its confidence."
            )


def describe_calibration(result: Calibration) -> str:
    """What calibration does, in a sentence; from few samples it is called a guess."""
    before = format_interval(result.before, *result.before_ci)
    if result.scaling is None or result.after is None or result.after_ci is None:
        return f"Confidence and accuracy are {before} apart on average."
    way = result.scaling.describe()
    guess = f"From only {result.n} samples this is a guess: " if result.scaling.is_guess else ""
    if result.after >= result.before:
        text = f"It is well calibrated, its error {before}: {way} would not bring it nearer to the accuracy."
    else:
        lowers = result.scaling.temperature >= 1
        after = format_interval(result.after, *result.after_ci)
        text = (
            f"It is {'too sure of itself' if lowers else 'not sure enough'}: {way} takes the calibration error from"
            f" {before} to {after}."
        )
    return f"{guess}{text[:1].lower()}{text[1:]}" if guess else text
