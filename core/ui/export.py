"""The Export tab: what was predicted as CSV, and the network in other formats, each checked before it is offered."""

from pathlib import Path

import streamlit as st

from core.export.formats import Exported, Format, formats_of, obstacle
from core.jobs import tasks
from core.ui import evaluation, version_task
from core.ui.evaluation import Judged
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.words import size


def export(judged: Judged) -> None:
    """CSV files at once; every format of the network at a button, with the figures of its check."""
    evaluation.downloads(judged)
    formats = formats_of(judged.run)
    st.markdown(
        "**The network for elsewhere**",
        help="Each file is loaded by its own engine in a fresh process and compared with the network on up to 300"
        " test samples. One that does not do the same is not offered.",
    )
    _rows(judged, [wanted for wanted in formats if wanted.predicts])
    st.markdown("**The run itself**", help="To repeat it, to tell of it, and to bring it into another Graft.")
    _rows(judged, [wanted for wanted in formats if not wanted.predicts])


def _rows(judged: Judged, formats: list[Format]) -> None:
    for wanted in formats:
        with st.container(border=True), telling_errors():
            _row(judged, wanted)


def _row(judged: Judged, wanted: Format) -> None:
    known: dict[str, str] = st.session_state.setdefault(f"exported-{judged.run.id}", {})
    task = tasks.get(known[wanted.name]) if wanted.name in known else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{wanted.title}**  \n{wanted.purpose}", width="stretch")
        trouble = obstacle(judged.run, wanted)
        if task is not None and task.state == "succeeded":
            _hand_over(judged, wanted, task.id)
        elif task is None or task.ended:
            asked = st.button(
                "Make",
                key=f"make-{wanted.name}",
                icon=":material/build:",
                disabled=bool(trouble),
                help=trouble or None,
            )
            if asked:
                title = f"Export: {judged.run.name}"
                known[wanted.name] = tasks.start("export", title, run=judged.run.id, format=wanted.name).id
                st.rerun()
    if task is None:
        return
    if not task.ended:
        st.fragment(version_task.watch, run_every=0.5)(task.id, wanted.title)
    elif task.state == "succeeded":
        st.caption(in_words(Exported.model_validate(tasks.result(task.id)), judged.noun, wanted))
    else:
        version_task.tell_end(task.id, wanted.title)


def _hand_over(judged: Judged, wanted: Format, task_id: str) -> None:
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


def in_words(found: Exported, noun: str, wanted: Format) -> str:
    """What the check gave, in a sentence."""
    check = found.check
    if check is None:
        return f":material/check: {size(found.bytes)}"
    same = f"the same class on {check.agreement:.1%} of {check.n} test {noun}"
    apart = f"probabilities at most {check.largest_difference:.1g} apart"
    said = same if wanted.integers else f"{same}, {apart}"
    return f":material/check: {size(found.bytes)} · {said} · {check.per_second:.0f} {noun} a second, one at a time"
