"""Bring a run: one that another Graft exported as “Whole run”, taken in from its file."""

import streamlit as st

from core.errors import NotFoundError
from core.jobs import tasks
from core.store import runs
from core.ui import uploads
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.version_task import tell_end, watch

SLOT = "run-file"
MINE = "task-run"
DOING = "Bringing it in"


def bring() -> None:
    """A button with a place to drop the file; under it how taking it in goes, and once how that ended."""
    with st.popover("Bring a run", icon=":material/upload:"):
        path = uploads.upload(
            SLOT,
            "A run from another Graft",
            ["zip"],
            help="Made there on Evaluate: Export, Whole run. Its data need not be here. Code inside a file is never"
            " run.",
        )
    mine = st.session_state.get(MINE)
    if path and not mine:
        with telling_errors():
            st.session_state[MINE] = tasks.start("run", f"Run from {path.name}", path=str(path)).id
            st.rerun()
    if not mine:
        return
    try:
        task = tasks.get(mine)
    except NotFoundError:  # cleared away since
        task = None
    if task and not task.ended:
        st.fragment(watch, run_every=0.5)(mine, DOING)
        return
    del st.session_state[MINE]
    uploads.discard(SLOT)
    if task and task.state == "succeeded":
        run = runs.get_run(tasks.result(mine)["run"])
        st.success(f"“{literal(run.name)}” is here.", icon=":material/check:")
    else:
        tell_end(mine, DOING)
