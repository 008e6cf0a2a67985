"""The card “How I read it” of images: classes, parts and pictures as they will be, and every decision to change."""

from pathlib import Path

import streamlit as st

from core.data.image_reading.reading import ImageReading, TreeReading, choose_tree, chosen_tree
from core.schemas import PARTS
from core.ui.shell.gallery import show_strip
from core.ui.shell.page import show_errors
from core.ui.shell.reading.image_changes import edit_folders, edit_pattern, edit_rendering, edit_table
from core.ui.shell.reading.image_files import UNDIVIDED, encodings, names, pictures, propose, understood
from core.ui.shell.tables import show_table
from core.ui.shell.text import list_some, literal, plural

_WAYS = {"column": "the label table", "folder": "their folders", "name": "their names", "time": "the time"}
_FEW_CLASSES = 6


def choose_image_reading(
    path: Path, key: str, labelled: bool, before: ImageReading | None = None
) -> ImageReading | None:
    """Show how images are read, and let it be changed; None where they cannot be imported as chosen.

    Args:
        path: their archive or folder.
        key: begins the keys of the widgets.
        labelled: whether classes are wanted.
        before: the reading to start from; found out when left out.
    """
    known = encodings(str(path))
    chosen = st.session_state.get(f"{key}-encoding", before.encoding if before else known[0])
    encoding = chosen if chosen in known else known[0]
    start = before
    if start is None or start.encoding != encoding:
        start = propose(str(path), encoding, labelled)
    _choose_encoding(str(path), key, known, encoding)
    st.markdown("##### How I read it")
    preview = st.container()
    with show_errors():
        reading = _change(str(path), key, start, labelled)
        with preview:
            any_image = _show_preview(str(path), reading or start, labelled)
        if reading is None or not any_image:
            return None
        asked = any(tree.disagrees for tree in start.alternatives)
        return reading.model_copy(update={"proposed": start.proposed and reading == start and not asked})
    return None


def _choose_encoding(path: str, key: str, known: tuple[str, ...], now: str) -> None:
    """Ask for the encoding of names that do not say theirs, where several fit, each with a name as it reads it."""
    if len(known) < 2:
        return

    def example(encoding: str) -> str:
        found = names(path, encoding)
        return f"{next((name for name in found if not name.isascii()), found[0] if found else '')} ({encoding})"

    options = list(dict.fromkeys([*known[:4], now]))
    st.selectbox(
        "Names are written as",
        options,
        index=options.index(now),
        format_func=example,
        key=f"{key}-encoding",
        width=420,
    )


def _change(path: str, key: str, reading: ImageReading, labelled: bool) -> ImageReading | None:
    """The reading with what a person changes of it; None while a question is open."""
    tree = 0
    if labelled:
        chosen = _choose_tree(key, reading)
        if chosen is None:
            return None
        reading, tree = chosen
    for note in (*reading.notes, *reading.open_tables):
        st.caption(literal(note))
    with st.expander("Change how they are read", icon=":material/tune:"):
        if reading.labels != "tables":
            reading = reading.model_copy(update={"layout": edit_folders(path, key, reading, tree)})
        if labelled and reading.labels == "tables":
            tables = tuple(edit_table(path, key, reading, table) for table in reading.tables)
            reading = reading.model_copy(update={"tables": tables})
        if labelled and reading.labels == "names":
            reading = reading.model_copy(update={"pattern": edit_pattern(key, reading.pattern)})
        reading = reading.model_copy(update={"rendering": edit_rendering(key, reading.rendering)})
        if reading.grouping.by != "none" and not st.checkbox(
            f"Keep together what belongs together by {_WAYS[reading.grouping.by]}", value=True, key=f"{key}-together"
        ):
            reading = reading.model_copy(update={"grouping": reading.grouping.model_copy(update={"by": "none"})})
    if reading.grouping.by != "none" and reading.grouping.examples:
        examples = " and ".join(f"`{name}`" for name in reading.grouping.examples[0][:2])
        st.caption(
            f"{plural(reading.grouping.n_groups, 'group')} belong together by {_WAYS[reading.grouping.by]}, such as"
            f" {examples}: each stays on one side of the split."
        )
    return reading


def _choose_tree(key: str, reading: ImageReading) -> tuple[ImageReading, int] | None:
    """Where classes can be found in several ways, the one that is chosen, and its number.

    None until a person has chosen between ways that contradict each other.
    """
    trees = [chosen_tree(reading), *reading.alternatives]
    if len(trees) < 2:
        return reading, 0
    contradictions = [tree.disagrees for tree in trees if tree.disagrees and reading.proposed]
    for text in contradictions:
        st.warning(f"{literal(text)} Which of them are the classes?", icon=":material/warning:")
    place = st.radio(
        "The classes are",
        range(len(trees)),
        index=None if contradictions else 0,
        format_func=lambda i: _describe(trees[i]),
        key=f"{key}-tree",
        help="The folders can be understood in more than one way.",
    )
    if place is None:
        return None
    return (reading if place == 0 else choose_tree(reading, trees[place])), place


def _describe(tree: TreeReading) -> str:
    names = list_some([f"{name} ({n:,})" for name, n in tree.classes.items()], _FEW_CLASSES)
    where = {"tables": "in the label table", "names": "in the files' names"}.get(tree.labels, "folders")
    return f"{plural(len(tree.classes), 'class', 'classes')} ({where}): {names}" if tree.classes else "none"


def _show_preview(path: str, reading: ImageReading, labelled: bool) -> bool:
    """The classes and parts as they will be understood, pictures as they will look, and what is left out.

    Returns whether there are any images.
    """
    values = reading.model_dump_json()
    counts, left_out = understood(path, values)
    if counts.empty:
        why = "No image gets a class in this way" if labelled else "All images are left out in this way"
        st.warning(f"{why}: change how they are read below.", icon=":material/warning:")
    else:
        show_strip(pictures(path, values), alt=Path(path).name)
        order = [part for part in (*PARTS, UNDIVIDED) if part in counts]
        show_table(counts[order].reset_index(), {UNDIVIDED: "Graft divides these into train, validation and test."})
    if left_out:
        st.caption(f"Left out: {list_some(left_out, 5)}.")
    return not counts.empty
