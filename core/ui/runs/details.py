"""One run in full, and the bin."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.schemas import RunRecord
from core.store import runs
from core.ui.runs.actions import apply_to_all
from core.ui.shell.text import literal, plural, size, state_badge, time_since


def show_details(run: RunRecord) -> None:
    """One run: its failure and notes, settings, times, environment, and the end of its log."""
    st.subheader(literal(run.name), anchor=False)
    st.markdown(f"{state_badge(run)} `{run.id}` · {literal(run.spec.data)}")
    if run.failure:
        st.error(f"{literal(run.failure.message)}  \n{literal(run.failure.hint)}", icon=":material/error:")
    if run.note:
        st.markdown(literal(run.note))
    for note in run.notes:
        st.caption(f":material/info: {literal(note)}")
    settings = run.spec.model_dump(exclude_none=True, exclude={"data", "name"})
    made_with = run.environment.get("libraries", {}) | run.environment.get("hardware", {})
    seconds = {part: f"{value:.1f} s" for part, value in run.seconds.items()}
    columns = st.columns(3, gap="medium")
    for column, title, facts in zip(
        columns, ("Setting", "Part", "Made with"), (settings, seconds, made_with), strict=True
    ):
        if facts:
            values = [", ".join(map(str, v)) or "none" if isinstance(v, list) else str(v) for v in facts.values()]
            table = pd.DataFrame({title: [k.replace("_", " ") for k in facts], "Value": values})
            column.dataframe(table, hide_index=True, height="content")
    log = runs.read_log(run.id)
    if log:
        with st.expander("Log", icon=":material/article:"):
            st.code(log, language=None, wrap_lines=True, height=260)


def show_bin(names: Mapping[str, str]) -> None:
    """The runs in the bin, with buttons to restore them or delete them for good."""
    binned = runs.binned_runs()
    if not binned:
        st.caption("The bin is empty. Runs in the bin can be restored for 30 days.")
        return
    freed = size(sum(runs.run_size(run.id) for run in binned))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{plural(len(binned), 'run')}, {freed}. After 30 days they are deleted.", width="stretch")
        with st.popover("Empty the bin", icon=":material/delete_forever:"):
            st.markdown(f"Delete {plural(len(binned), 'run')} with models and predictions? This cannot be undone.")
            if st.button("Delete for good", type="primary", icon=":material/delete_forever:"):
                apply_to_all(binned, lambda run: runs.delete_run(run.id))
    for run in binned:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            since = time_since(run.binned) if run.binned else ""
            dataset = literal(names.get(run.dataset, run.dataset))
            st.markdown(f"**{literal(run.name)}**  \n{dataset} · binned {since}", width="stretch")
            if st.button("Restore", icon=":material/restore_from_trash:", key=f"restore-{run.id}"):
                apply_to_all([run], lambda run: runs.restore_run(run.id))
