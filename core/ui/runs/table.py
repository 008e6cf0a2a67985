"""The table of runs, in which rows are chosen."""

import zlib
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.errors import NotFoundError
from core.methods import backbones as own
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_version
from core.ui.shell.text import duration, format_accuracy, size

_SELDOM = ("★", "Strategy", "Test set", "Tags")  # columns that are left out where none of the runs has any


def curve_and_size(run_id: str) -> tuple[list[float], int]:
    """Validation accuracy over the epochs, and bytes on disk."""
    values = [e.values["val_accuracy"] for e in runs.read_events(run_id) if "val_accuracy" in e.values]
    return values, runs.run_size(run_id)


@st.cache_data(max_entries=512, show_spinner=False)
def _final_curve_and_size(run_id: str, folder: str) -> tuple[list[float], int]:
    """The same for a run that has ended and does not change any more; `folder` keeps workspaces apart."""
    return curve_and_size(run_id)


@st.cache_data(ttl=5, show_spinner=False)
def _newest_test(dataset: str, home: str) -> str:
    """The hash of the newest version's test part; empty where there is none. `home` keeps workspaces apart."""
    try:
        return get_version(DataRef(dataset=dataset)).test_hash
    except NotFoundError:
        return ""


def _compare_test_set(run: RunRecord) -> str:
    """“other test set” where a run was tested on other samples or labels than those of the newest version."""
    newest = _newest_test(run.dataset, str(runs.run_folder("")))
    return "other test set" if newest and run.test_hash.split("-folds")[0] != newest else ""


def _row(run: RunRecord, names: Mapping[str, str]) -> dict[str, object]:
    spec = run.spec
    folder = str(runs.run_folder(run.id))
    curve, n_bytes = _final_curve_and_size(run.id, folder) if run.ended else curve_and_size(run.id)
    method = own.backbone_title(spec.backbone) if spec.backbone else None
    learner = LEARNERS[spec.learner].title if spec.learner in LEARNERS else spec.learner
    accuracy = format_accuracy(run)
    titles = {name: known.title for name, known in (STRATEGIES | COMBINATIONS).items()}
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Dataset": names.get(run.dataset, run.dataset),
        "Model": f"{len(spec.members)} runs" if spec.members else method or learner,
        "Strategy": titles.get(spec.strategy or "", spec.strategy or ""),
        "Accuracy": f"⚠ one class · {accuracy}" if run.metrics.get("one_class") else accuracy,
        "State": f"{run.state} {run.epoch}/{run.epochs}" if run.active and run.epochs else run.state,
        "Started": run.started or run.created,
        "Test set": _compare_test_set(run),
        "Curve": curve,
        "Tags": list(run.tags),
        "Took": "" if run.duration is None else duration(run.duration),
        "On disk": size(n_bytes),
    }


def choose_rows(shown: list[RunRecord], names: Mapping[str, str]) -> list[RunRecord]:
    """The table. The address says which runs are chosen, so that they stay chosen when a run is added or deleted."""
    ids = [r.id for r in shown]
    asked = st.query_params.get("chosen", "").split(",")
    # Rows are chosen by place, so another list needs another table.
    key = f"runs-table-{zlib.crc32(','.join(ids).encode())}"

    def keep() -> None:
        st.query_params["chosen"] = ",".join(ids[i] for i in st.session_state[key].selection.rows)

    table = pd.DataFrame([_row(run, names) for run in shown])
    event = st.dataframe(
        table.drop(columns=[name for name in _SELDOM if not table[name].astype(bool).any()]),
        hide_index=True,
        key=key,
        on_select=keep,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(i) for i in asked if i in ids]}},
        column_config={
            "★": st.column_config.TextColumn(width=32, help="Starred."),
            "Name": st.column_config.TextColumn(pinned=True),
            "Tags": st.column_config.ListColumn(),
            "Accuracy": st.column_config.TextColumn(
                help="On the test samples, with its 95 % interval. One class: it predicts the same class for every"
                " sample."
            ),
            "Test set": st.column_config.TextColumn(
                help="Other: tested on other samples or labels than the newest version's test part, so that it cannot"
                " be compared with runs on that."
            ),
            "Curve": st.column_config.LineChartColumn(help="Validation accuracy over the epochs.", y_min=0, y_max=1),
            "Started": st.column_config.DatetimeColumn(format="distance"),
        },
    )
    return [shown[i] for i in event.selection.rows if i < len(shown)]
