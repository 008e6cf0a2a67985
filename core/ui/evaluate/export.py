"""The tab “Export”: predictions as CSV, and the network in other formats, each checked before it is offered."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.evaluation import scores
from core.export.formats import Exported, Format, export_obstacle, formats_of
from core.jobs import tasks
from core.ui.evaluate.judged import Judged
from core.ui.shell import task_panel
from core.ui.shell.downloads import download_csv
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal, size

TASK = "export"


def show_export(judged: Judged) -> None:
    """CSV files at once; each format of the network has a button and then the figures of its check."""
    _show_csv_buttons(judged)
    formats = formats_of(judged.run)
    st.markdown(
        "**The model, to predict without Graft**",
        help="A ZIP with the model, a README, and a script that predicts files without Graft. The script is run in a"
        " fresh process on up to 300 test samples; where it gives other results, the export is not offered.",
    )
    _show_formats(judged, [each for each in formats if each.predicts])
    st.markdown("**The run itself**", help="To repeat it, to describe it, and to import it into another Graft.")
    _show_formats(judged, [each for each in formats if not each.predicts])


def _show_csv_buttons(judged: Judged) -> None:
    files: dict[str, tuple[str, Callable[[], str]]] = {
        "Predictions": ("predictions", lambda: judged.rows.drop(columns="confidence").to_csv(index=False)),
        "Confusion matrix": ("confusion", lambda: scores.confusion_table(judged.scores).to_csv()),
        "Table per class": ("classes", lambda: scores.class_table(judged.scores).to_csv(index=False)),
    }
    with st.container(horizontal=True):
        for label, (name, text) in files.items():
            download_csv(label, text, f"{judged.run.id}-{name}.csv")


def _show_formats(judged: Judged, formats: list[Format]) -> None:
    for each in formats:
        with st.container(border=True), show_errors():
            _show_format(judged, each)


def _show_format(judged: Judged, wanted: Format) -> None:
    key = f"{judged.run.id}-{wanted.name}"
    task_id = task_panel.find_started(TASK, key)
    task = tasks.get_task(task_id) if task_id else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{wanted.title}**  \n{wanted.purpose}", width="stretch")
        reason = export_obstacle(judged.run, wanted)
        if task and task.state == "succeeded":
            _show_download(judged, wanted, task.id)
        elif (task is None or task.ended) and st.button(
            "Make the file",
            key=f"make-{wanted.name}",
            icon=":material/build:",
            disabled=bool(reason),
            help=reason or None,
        ):
            task_panel.forget(TASK, key)
            title = f"Export: {judged.run.name}"
            task_panel.start_once(TASK, key, title, run=judged.run.id, format=wanted.name)
            st.rerun()
    if task and task_panel.show_task(task.id, wanted.title):
        st.caption(describe_check(Exported.model_validate(tasks.result(task.id)), judged.noun, wanted))


def _show_download(judged: Judged, wanted: Format, task_id: str) -> None:
    path = Path(Exported.model_validate(tasks.result(task_id)).path)
    st.download_button(
        "Download",
        path.read_bytes,
        file_name=f"{literal(judged.run.name)}-{wanted.name}{path.suffix}",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"take-{wanted.name}",
    )


def describe_check(exported: Exported, noun: str, wanted: Format) -> str:
    """What the check found, in a sentence."""
    check = exported.check
    if check is None:
        return f":material/check: {size(exported.bytes)}"
    same = f"the same class on {check.agreement:.1%} of {check.n} {noun}"
    gap = check.largest_difference
    difference = f"probabilities at most {gap:.1g} apart" if gap else "and the same probabilities"
    agreement = same if wanted.integers else f"{same}, {difference}"
    speed = f"{check.per_second:,.0f} {noun} a second, read from files"
    kept = "" if check.originals else " (as Graft keeps them: the original files are not kept)"
    return f":material/check: {size(exported.bytes)} · {agreement}{kept} · {speed}"
