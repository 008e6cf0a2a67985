"""The review of a finding: one case at a time, decided with a key or a click; the decisions make a version."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.data.findings.saved import Case, VersionCheck
from core.data.images.store import DatasetImages
from core.data.reviewing import Decision, cases_of, count_touched_tests, steps_of
from core.data.versions import load_cells
from core.schemas import DatasetRecord, Finding, VersionRecord
from core.store.datasets import get_dataset
from core.ui.data import version_making
from core.ui.shell import gallery
from core.ui.shell.gallery import version_samples
from core.ui.shell.handoff import review_decisions
from core.ui.shell.text import literal, plural, shorten

BESIDE = 3
LARGE = 260  # pixels of the picture in question
DONE = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}


def reviewed_number(version: VersionRecord) -> int | None:
    """The number of the finding that is reviewed, or `None`."""
    number: int | None = st.session_state.get(f"reviewing-{version.id}")
    return number


def begin_review(version: VersionRecord, number: int) -> None:
    st.session_state[f"reviewing-{version.id}"] = number


def end_review(version: VersionRecord) -> None:
    st.session_state.pop(f"reviewing-{version.id}", None)


def show_review(dataset: DatasetRecord, version: VersionRecord, finding: Finding, check: VersionCheck | None) -> None:
    """The first undecided case, with its evidence and its buttons."""
    samples = version_samples(dataset.id, version.id)
    cases = cases_of(finding, samples, check)
    done = {decision.sample for decision in review_decisions(version) if decision.finding == finding.kind}
    left = [case for case in cases if case.sample not in done]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Back to the findings", icon=":material/arrow_back:", on_click=end_review, args=(version,))
        st.markdown(literal(finding.message), width="stretch")
    if not left:
        st.success(
            f"All {len(cases)} are decided." if cases else "Nothing is left to decide.", icon=":material/check:"
        )
        _show_undo(version)
    else:
        number = len(cases) - len(left)
        st.progress(number / len(cases), text=f"{number + 1} of {len(cases)}")
        with st.container(border=True):
            _show_buttons(dataset, version, left)  # above the pictures, so that they stay under the pointer
            if dataset.kind == "table":
                _show_rows(version, samples, left[0])
            else:
                _show_images(dataset, version, samples, left[0])
    show_decisions(dataset, version)


def _show_images(dataset: DatasetRecord, version: VersionRecord, samples: pd.DataFrame, case: Case) -> None:
    known = samples.set_index("id")[["path", *(["label", "part"] if dataset.labelled else [])]].to_dict("index")
    beside = [name for name in case.beside if name in known][:BESIDE]
    copies = case.finding in ("exact_duplicate", "near_duplicate", "leak")
    images = DatasetImages(dataset.id, version.imports)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        with st.container(width=LARGE, gap="xsmall"):
            gallery.show_picture(dataset, images, case.sample, LARGE, alt=case.sample)
            st.markdown(_describe_case(dataset, known[case.sample], case))
        for name in beside:
            with st.container(width=gallery.TILE, gap="xsmall"):
                gallery.show_picture(dataset, images, name, gallery.TILE, alt=name)
                row = known[name]
                label = f"**{literal(row['label'])}** · {row['part']}  \n" if dataset.labelled else ""
                st.caption(f"{'copy' if copies else 'looks like it'}  \n{label}{literal(_file_name(row['path']))}")


def _show_rows(version: VersionRecord, samples: pd.DataFrame, case: Case) -> None:
    """The row in question and those most like it, a column each, so that they can be read side by side."""
    known = samples.set_index("id", drop=False)
    ids = [case.sample, *(name for name in case.beside if name in known.index)][: BESIDE + 1]
    shown = known.loc[ids]
    st.markdown(_describe_case(get_dataset(version.dataset), known.loc[case.sample].to_dict(), case))
    cells = load_cells(version, shown.reset_index(drop=True))
    cells = cells.map(
        lambda cell: "missing" if pd.isna(cell) else f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    ).T
    cells = pd.concat([shown["label"].to_frame("Class").T, cells])  # a column may have that name too
    cells.columns = pd.Index(["This row" if i == 0 else f"Like it: {row}" for i, row in enumerate(shown["path"])])
    st.dataframe(cells.rename_axis("Column"), height="content")


def _describe_case(dataset: DatasetRecord, row: Mapping[Hashable, Any], case: Case) -> str:
    lines = [literal(_file_name(row["path"], 32))]
    if dataset.labelled:
        lines.append(f"labelled **{literal(row['label'])}** · {row['part']}")
    if case.suggested is not None:
        lines.append(f"looks like **{literal(case.suggested)}** ({case.probability:.0%}, own label {case.score:.0%})")
    return "  \n".join(lines)


def _file_name(path: str, length: int = 18) -> str:
    return shorten(path.rpartition("/")[2], length)


def _show_buttons(dataset: DatasetRecord, version: VersionRecord, left: Sequence[Case]) -> None:
    case = left[0]

    def decide(action: str, label: str | None = None, rest: bool = False) -> None:
        for each in left if rest else left[:1]:
            given = each.suggested if rest and action == "relabel" else label
            decision = {"finding": each.finding, "sample": each.sample, "action": action, "label": given}
            review_decisions(version).append(Decision.model_validate(decision))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Keep", shortcut="K", icon=":material/check:", on_click=decide, args=("keep",), key="review-keep")
        if case.suggested is not None:
            st.button(
                f"Relabel as {literal(case.suggested)}",
                shortcut="L",
                icon=":material/label:",
                type="primary",
                on_click=decide,
                args=("relabel", case.suggested),
                key="review-relabel",
            )
        st.button("Drop", shortcut="D", icon=":material/delete:", on_click=decide, args=("drop",), key="review-drop")
        _show_undo(version)
        if dataset.labelled:
            with st.popover("Another class", icon=":material/label:"):
                label = st.selectbox("Class", version.classes, key=f"other-{case.sample}")
                st.button("Relabel", on_click=decide, args=("relabel", label), key="review-other")
        if len(left) > 1:
            with st.popover(f"All {len(left)} left", icon=":material/done_all:"):
                if case.suggested is not None:
                    st.button(
                        "Relabel as suggested", on_click=decide, args=("relabel", None, True), key="rest-relabel"
                    )
                st.button("Keep them", on_click=decide, args=("keep", None, True), key="rest-keep")
                st.button("Drop them", on_click=decide, args=("drop", None, True), key="rest-drop")


def _show_undo(version: VersionRecord) -> None:
    def undo() -> None:
        review_decisions(version).pop()

    if review_decisions(version):
        st.button("Undo", shortcut="U", icon=":material/undo:", on_click=undo, key="review-undo")


def show_decisions(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The decisions so far, how they change the test set, and the button that makes a version of them."""
    decisions = review_decisions(version)
    if not decisions:
        return
    last = {decision.sample: decision.action for decision in decisions}
    counts = pd.Series(list(last.values())).value_counts()
    summary = ", ".join(f"{counts[action]:,} {word}" for action, word in DONE.items() if action in counts)
    n_tests = count_touched_tests(decisions, version_samples(dataset.id, version.id))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Decided: {summary}.", width="stretch")
            if st.button("Make this version", icon=":material/commit:", type="primary", key="review-make"):
                _make_version(version, decisions)
        if n_tests:
            verb = "is a test sample" if n_tests == 1 else "are test samples"
            st.caption(
                f":material/info: {n_tests} of them {verb}: the new version has another test set,"
                " and runs judged on the old one can't be compared with new ones."
            )


def _make_version(version: VersionRecord, decisions: list[Decision]) -> None:
    def forget() -> None:
        st.session_state.pop(f"decisions-{version.id}", None)
        end_review(version)

    version_making.add_steps(version, steps_of(decisions), f"{plural(len(decisions), 'decision')} applied", forget)
