"""Home's form for images that wait to be imported: how their folders and tables are read, and what can be changed."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.data.files.archives import open_archive
from core.data.files.decoding import GROUNDS, Rendering, UnreadableError
from core.data.image_reading.folders import Layout
from core.data.image_reading.label_tables import LabelTable, read_cells
from core.data.image_reading.reading import (
    ImageReading,
    TreeReading,
    choose_tree,
    image_names,
    list_members,
    propose_image_reading,
)
from core.data.images.writing import decode_image
from core.errors import GraftError, InputError
from core.schemas import PARTS
from core.ui.shell.gallery import crop_square, show_strip
from core.ui.shell.importing import import_source
from core.ui.shell.page import show_error, show_errors
from core.ui.shell.tables import show_table
from core.ui.shell.text import list_some, literal, plural
from core.ui.shell.uploads import discard_upload, find_upload

SLOTS = ("photos", "folder")
UNLABELLED, ENCODING = "photos-unlabelled", "photos-encoding"
HOLDS = {"class": "classes", "train": "training part", "validation": "validation part", "test": "test part",
         "none": "a set, no part", "left_out": "left out"}  # fmt: skip
_WAYS = {"column": "the label table", "folder": "their folders", "name": "their names", "time": "the time"}
_LEVELS = {-1: "above the part", 0: "top folder", 1: "second folder", 2: "third folder", 3: "fourth folder"}
UNDIVIDED = "not divided yet"
_FEW_CLASSES = 6
_STRIP = 6
_FOLDERS = 200


def ask_how_to_read() -> bool:
    """Show how the images that wait are read, let that be changed, and import them. False when none wait."""
    slot = next((slot for slot in SLOTS if find_upload(slot)), None)
    path = find_upload(slot) if slot else None
    if slot is None or path is None:
        return False
    labelled = not st.session_state.get(UNLABELLED, False)
    try:
        with st.spinner("Looking at the files"):
            encodings = _encodings(str(path))
            encoding = st.session_state.get(ENCODING, encodings[0])
            proposal = _proposal(str(path), encoding if encoding in encodings else encodings[0], labelled)
    except GraftError as error:
        show_error(error)
        discard_upload(slot)
        return False
    with st.container(border=True):
        st.markdown(f"#### :material/photo_library: {literal(path.name)}")
        st.checkbox(
            "Without classes",
            key=UNLABELLED,
            help="Import all images without labels. Such a dataset can be predicted and compared with others; it"
            " cannot be trained on.",
        )
        _choose_encoding(str(path), encodings)
        st.markdown("##### How I read it")
        preview, reading = st.container(), proposal
        with show_errors():
            reading = _change(str(path), proposal, labelled)
            with preview:
                _show_preview(str(path), reading)
        rest = labelled and st.checkbox(
            "Import images without a class as a second dataset",
            key="photos-rest",
            help="Those that lie in folders of their own, such as a test part without labels. Unlabelled, they can be"
            " predicted.",
        )
        with st.container(horizontal=True):
            confirmed = st.button("Import", key="photos-import", type="primary", icon=":material/download_done:")
            if st.button("Cancel", key="photos-cancel", icon=":material/close:"):
                discard_upload(slot)
                st.rerun()
        if confirmed:
            values = reading.model_copy(update={"proposed": reading == proposal}).model_dump(mode="json")
            try:
                import_source(path, slot=slot, unlabelled=not labelled, reading=values, rest=rest)
            except BaseException:  # Streamlit switches pages by raising: the import is done
                discard_upload(slot)
                raise
    return True


@st.cache_data(max_entries=8, show_spinner=False)
def _encodings(path: str) -> tuple[str, ...]:
    with open_archive(Path(path)) as archive:
        return archive.encodings


@st.cache_data(max_entries=8, show_spinner=False)
def _proposal(path: str, encoding: str, labelled: bool) -> ImageReading:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return propose_image_reading(archive, labelled=labelled)


@st.cache_data(max_entries=8, show_spinner=False)
def _names(path: str, encoding: str) -> list[str]:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return image_names(archive)


@st.cache_data(max_entries=32, show_spinner=False)
def _understood(path: str, reading: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """How many images each class has in each given part, and how many files are left out for each reason."""
    understood = ImageReading.model_validate_json(reading)
    with open_archive(Path(path)) as archive:
        archive.use_encoding(understood.encoding)
        members, skipped = list_members(archive, understood)
    found = pd.DataFrame(
        {
            "Class": [member.label or "without" for member in members],
            "Part": [member.given_split or UNDIVIDED for member in members],
        }
    )
    counts = pd.crosstab(found["Class"], found["Part"]) if len(found) else pd.DataFrame()
    return counts, dict(Counter(one.reason for one in skipped))


@st.cache_data(max_entries=32, show_spinner=False)
def _columns(path: str, encoding: str, table: str) -> tuple[str, ...]:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return read_cells(archive, LabelTable.model_validate_json(table)).columns


def _choose_encoding(path: str, encodings: tuple[str, ...]) -> None:
    """Ask for the encoding of names that do not say theirs, where several fit, each with a name as it reads it."""
    if len(encodings) < 2:
        return

    def example(encoding: str) -> str:
        names = _names(path, encoding)
        return f"{next((name for name in names if not name.isascii()), names[0] if names else '')} ({encoding})"

    st.selectbox("Names are written as", encodings[:4], format_func=example, key=ENCODING, width=420)


def _change(path: str, reading: ImageReading, labelled: bool) -> ImageReading:
    """The reading with what a person changes of it."""
    tree = 0
    if labelled:
        reading, tree = _choose_tree(reading)
    for note in (*reading.notes, *reading.open_tables):
        st.caption(literal(note))
    with st.expander("Change how they are read", icon=":material/tune:"):
        if reading.labels != "tables":
            reading = reading.model_copy(update={"layout": _edit_folders(path, reading, tree)})
        if labelled and reading.labels == "tables":
            tables = tuple(_edit_table(path, reading, table) for table in reading.tables)
            reading = reading.model_copy(update={"tables": tables})
        reading = reading.model_copy(update={"rendering": _edit_rendering(reading.rendering)})
        if reading.grouping.by != "none" and not st.checkbox(
            f"Keep together what belongs together by {_WAYS[reading.grouping.by]}", value=True, key="photos-together"
        ):
            reading = reading.model_copy(update={"grouping": reading.grouping.model_copy(update={"by": "none"})})
    if reading.grouping.by != "none" and reading.grouping.examples:
        examples = " and ".join(f"`{name}`" for name in reading.grouping.examples[0][:2])
        st.caption(
            f"{plural(reading.grouping.n_groups, 'group')} belong together by {_WAYS[reading.grouping.by]}, such as"
            f" {examples}: each stays on one side of the split."
        )
    return reading


def _choose_tree(reading: ImageReading) -> tuple[ImageReading, int]:
    """Where the folders can be understood in several ways, the one that is chosen, and its number."""
    had = TreeReading(labels=reading.labels, layout=reading.layout, tables=reading.tables, classes=reading.classes)
    trees = [had, *reading.alternatives]
    if len(trees) < 2:
        return reading, 0
    place = st.radio(
        "The classes are",
        range(len(trees)),
        format_func=lambda i: _describe(trees[i]),
        key="photos-tree",
        help="The folders can be understood in more than one way.",
    )
    return (reading if place == 0 else choose_tree(reading, trees[place])), place


def _describe(tree: TreeReading) -> str:
    names = list_some([f"{name} ({n:,})" for name, n in tree.classes.items()], _FEW_CLASSES)
    where = "in the label table" if tree.labels == "tables" else "folders"
    return f"{plural(len(tree.classes), 'class', 'classes')} ({where}): {names}" if tree.classes else "none"


def _edit_folders(path: str, reading: ImageReading, tree: int) -> Layout:
    """What each folder holds, and which level names the class."""
    layout = reading.layout
    level = layout.class_level
    if reading.labels == "folders":
        level = st.selectbox(
            "Folder that names the class",
            list(_LEVELS),
            index=list(_LEVELS).index(level) if level in _LEVELS else 1,
            format_func=lambda one: _LEVELS[one],
            key=f"photos-level-{tree}",
            help="Counted inside a part, or from the top where there are no parts.",
            width=260,
        )
    counts = _folder_counts(_names(path, reading.encoding), layout)
    held = [_holds(layout, folder) for folder in counts]
    found = pd.DataFrame({"Folder": list(counts), "Images": list(counts.values()), "Holds": held})
    edited = st.data_editor(
        found,
        key=f"photos-folders-{reading.labels}-{tree}",
        hide_index=True,
        disabled=["Folder", "Images"],
        column_config={
            "Holds": st.column_config.SelectboxColumn(
                options=list(HOLDS.values()),
                required=True,
                help="A folder of a part holds class folders. What is left out is not imported.",
            )
        },
    )
    return change_layout(layout, level, dict(zip(edited["Folder"], edited["Holds"], strict=True)))


def _folder_counts(names: list[str], layout: Layout) -> dict[str, int]:
    """Images in each of the folders that a person can decide on: known ones, and those right below the root."""
    depth = (layout.root.count("/") + 2) if layout.root else 1
    known = {*layout.sets, *layout.left_out}
    counts: Counter[str] = Counter()
    for name in names:
        folders = name.split("/")[:-1]
        for n in range(1, len(folders) + 1):
            folder = "/".join(folders[:n])
            if n == depth or folder in known:
                counts[folder] += 1
    return {folder: counts[folder] for folder in sorted(counts)[:_FOLDERS]}


def _holds(layout: Layout, folder: str) -> str:
    if folder in layout.left_out:
        return HOLDS["left_out"]
    if folder in layout.sets:
        return HOLDS[layout.sets[folder] or "none"]
    return HOLDS["class"]


def change_layout(layout: Layout, level: int, holds: dict[str, str]) -> Layout:
    """The layout in which each folder holds what `holds`, in the words of `HOLDS`, says."""
    sets, left_out = dict(layout.sets), dict(layout.left_out)
    words = {word: name for name, word in HOLDS.items()}
    for folder, word in holds.items():
        held = words[word]
        sets.pop(folder, None)
        reason = left_out.pop(folder, "left out on import")
        if held == "left_out":
            left_out[folder] = reason
        elif held != "class":
            sets[folder] = None if held == "none" else held  # type: ignore[assignment]
    return layout.model_copy(update={"class_level": level, "sets": sets, "left_out": left_out})


def _edit_table(path: str, reading: ImageReading, table: LabelTable) -> LabelTable:
    """Which columns of a label table say what."""
    if table.format in ("coco", "yolo"):
        return table
    columns = _columns(path, reading.encoding, table.model_dump_json())
    st.markdown(f"Columns of `{table.path}`")

    def choose(label: str, field: str, current: str, empty: str) -> str:
        options = ["", *columns]
        return str(
            st.selectbox(
                label,
                options,
                index=options.index(current) if current in options else 0,
                format_func=lambda name: name or empty,
                key=f"photos-{field}-{table.path}",
                width=220,
            )
        )

    with st.container(horizontal=True):
        changed: dict[str, Any] = {
            "file": choose("File", "file", table.file, "none"),
            "label": choose("Class", "label", table.label, "one column a class" if table.one_hot else "none"),
            "part_column": choose("Part", "part", table.part_column, "none"),
            "group": choose("Belongs together", "group", table.group, "none"),
        }
    return table.model_copy(update=changed | ({"one_hot": ()} if changed["label"] else {}))


def _edit_rendering(rendering: Rendering) -> Rendering:
    """The range of values, where there are pictures of more than 8 bits, and the ground under transparency."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ground = st.segmented_control(
            "Background behind transparency",
            GROUNDS,
            default=rendering.ground or "white",
            required=True,
            key="photos-ground",
            help="One for all pictures. White drawings need a dark one.",
        )
        low, high = rendering.low, rendering.high
        if low is not None and high is not None:
            help_ = "Pictures hold more than 8 bits: this value becomes {}, one range for all of them."
            low = st.number_input("Black", value=low, key="photos-low", help=help_.format("black"), width=150)
            high = st.number_input("White", value=high, key="photos-high", help=help_.format("white"), width=150)
            if high <= low:
                raise InputError("White must be above black.", "Choose a larger value for white.")
    changed = ground if ground != (rendering.ground or "white") else rendering.ground
    return Rendering(ground=changed, low=low, high=high)


def _show_preview(path: str, reading: ImageReading) -> None:
    """The classes and parts as they will be understood, pictures as they will look, and what is left out."""
    understood = reading.model_dump_json()
    counts, left_out = _understood(path, understood)
    if counts.empty:
        st.warning("No image gets a class in this way: change how they are read below.", icon=":material/warning:")
    else:
        show_strip(_pictures(path, understood), alt=Path(path).name)
        order = [part for part in (*PARTS, UNDIVIDED) if part in counts]
        show_table(counts[order].reset_index(), {UNDIVIDED: "Graft divides these into train, validation and test."})
    if left_out:
        reasons = list_some([f"{reason} ({n:,})" for reason, n in left_out.items()], 5)
        st.caption(f"Left out: {reasons}.")


@st.cache_data(max_entries=32, show_spinner=False)
def _pictures(path: str, reading: str) -> list[bytes]:
    """A few pictures as they will be rendered, spread over the classes."""
    understood = ImageReading.model_validate_json(reading)
    shown = []
    with open_archive(Path(path)) as archive:
        archive.use_encoding(understood.encoding)
        members = sorted(list_members(archive, understood)[0], key=lambda member: member.label or "")
        for member in members[:: max(1, len(members) // _STRIP)][:_STRIP]:
            with suppress(UnreadableError, OSError):  # named when it is imported
                picture = decode_image(archive.read(member.name), rendering=understood.rendering)
                shown.append(crop_square(picture.pixels))
    return shown
