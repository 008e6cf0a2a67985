"""The confusion matrix of a run, and the samples behind a clicked cell."""

import numpy as np
import streamlit as st

from core import charts
from core.charts.matrix import Of
from core.evaluation.confusion import similarity_order
from core.ui.evaluate.judged import Judged, show_predictions
from core.ui.shell.charts import draw
from core.ui.shell.explanation import show_attention
from core.ui.shell.text import literal

FEW_CLASSES = 3  # need no other order
CELL_VALUES: dict[Of, str] = {"all": "Counts", "true": "By true class", "predicted": "By predicted class"}


@st.fragment
def show_matrix(judged: Judged) -> None:
    """The confusion matrix, and beside it, or below where it is narrow, the samples of the last clicked cell."""
    key = f"matrix-{judged.run.id}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        of = choose_cell_values(key)
        places = _order_classes(judged, key)
        draw(
            charts.confusion_matrix(
                judged.scores.matrix[np.ix_(places, places)],
                [judged.scores.classes[place] for place in places],
                of=of,
                selected=st.session_state.get(f"{key}-cell"),
                dark=is_dark(),
            ),
            key=key,
            on_select=lambda: _remember_cell(key),
            alt="Confusion matrix: true classes down, predicted classes across.",
        )
    with right:
        cell = st.session_state.get(f"{key}-cell")
        if cell is None:
            st.info(f"Click a cell to see its {judged.noun} here.", icon=":material/touch_app:")
        else:
            _show_cell(judged, *cell)


def is_dark() -> bool:
    """Whether the page is dark now, by the visitor's choice or that of the system."""
    return st.context.theme.type == "dark"


def choose_cell_values(key: str) -> Of:
    """Ask what the cells of a matrix show."""
    chosen: Of = st.segmented_control(
        "Confusion matrix",
        list(CELL_VALUES),
        default="all",
        required=True,
        format_func=CELL_VALUES.__getitem__,
        key=f"{key}-mode",
        help="By true class, each row adds up to 100 % and its diagonal is recall; by predicted class, each column"
        " does and its diagonal is precision. So large and small classes can be compared.",
    )
    return chosen


def _order_classes(judged: Judged, key: str) -> list[int]:
    """The places of the classes in the matrix, as they come or by similarity."""
    k = len(judged.scores.classes)
    if k <= FEW_CLASSES or not st.toggle(
        "Similar classes side by side", key=f"{key}-order", help="Classes that are often confused with each other."
    ):
        return list(range(k))
    return similarity_order(judged.scores.matrix)


def _remember_cell(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        st.session_state[f"{key}-cell"] = tuple(points[0]["customdata"])


def _show_cell(judged: Judged, true: str, predicted: str) -> None:
    rows = judged.rows[(judged.rows["label"] == true) & (judged.rows["predicted"] == predicted)]
    support = int((judged.rows["label"] == true).sum())
    what = "found" if true == predicted else f"taken for **{literal(predicted)}**"
    st.markdown(f"**{literal(true)}** {what}: {len(rows)} of {support}")
    if rows.empty:
        st.caption("None here.")
    else:
        show_predictions(judged, rows.sort_values("confidence", ascending=False), f"cell-{judged.run.id}", short=True)
        show_attention(judged.run, judged.dataset, rows, f"cell-{judged.run.id}")
