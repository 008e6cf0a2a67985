"""The fields with which a person changes how images are read: their folders, label tables and rendering."""

from collections import Counter
from typing import Any

import pandas as pd
import streamlit as st

from core.data.files.decoding import GROUNDS, Rendering
from core.data.image_reading.file_names import check_pattern
from core.data.image_reading.folders import Layout
from core.data.image_reading.label_tables import BOXES, LabelTable
from core.data.image_reading.reading import ImageReading
from core.errors import InputError
from core.ui.shell.reading.image_files import columns, names

HOLDS = {"class": "classes", "train": "training part", "validation": "validation part", "test": "test part",
         "none": "a set, no part", "left_out": "left out"}  # fmt: skip
_LEVELS = {-1: "above the part", 0: "top folder", 1: "second folder", 2: "third folder", 3: "fourth folder"}
_FOLDERS = 200


def edit_folders(path: str, key: str, reading: ImageReading, tree: int) -> Layout:
    """What each folder holds, and which level names the class."""
    layout = reading.layout
    level = layout.class_level
    if reading.labels == "folders":
        level = st.selectbox(
            "Folder that names the class",
            list(_LEVELS),
            index=list(_LEVELS).index(level) if level in _LEVELS else 1,
            format_func=lambda one: _LEVELS[one],
            key=f"{key}-level-{tree}",
            help="Counted inside a part, or from the top where there are no parts.",
            width=260,
        )
    counts = _folder_counts(names(path, reading.encoding), layout)
    held = [_holds(layout, folder) for folder in counts]
    found = pd.DataFrame({"Folder": list(counts), "Images": list(counts.values()), "Holds": held})
    edited = st.data_editor(
        found,
        key=f"{key}-folders-{reading.labels}-{tree}",
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


def _folder_counts(images: list[str], layout: Layout) -> dict[str, int]:
    """Images in each of the folders that a person can decide on: known ones, and those right below the root."""
    depth = (layout.root.count("/") + 2) if layout.root else 1
    known = {*layout.sets, *layout.left_out}
    counts: Counter[str] = Counter()
    for name in images:
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


def edit_table(path: str, key: str, reading: ImageReading, table: LabelTable) -> LabelTable:
    """Which columns of a label table say what."""
    if table.format in BOXES:
        return table
    known = columns(path, reading.encoding, table.model_dump_json())
    st.markdown(f"Columns of `{table.path}`")

    def choose(label: str, field: str, current: str, empty: str) -> str:
        options = ["", *known]
        return str(
            st.selectbox(
                label,
                options,
                index=options.index(current) if current in options else 0,
                format_func=lambda name: name or empty,
                key=f"{key}-{field}-{table.path}",
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


def edit_pattern(key: str, pattern: str) -> str:
    """What finds the class in a file's name."""
    said = st.text_input(
        "Class in the name",
        value=pattern,
        key=f"{key}-pattern",
        help="A regular expression that a whole name without its ending matches; its first group is the class.",
        width=420,
    )
    try:
        return check_pattern(said)
    except ValueError as error:
        raise InputError(
            f"“{said}” finds no class: {error}.", "Write the class as a group in parentheses."
        ) from error


def edit_rendering(key: str, rendering: Rendering) -> Rendering:
    """The range of values, where there are pictures of more than 8 bits, and the ground under transparency."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ground = st.segmented_control(
            "Background behind transparency",
            GROUNDS,
            default=rendering.ground or "white",
            required=True,
            key=f"{key}-ground",
            help="One for all pictures. White drawings need a dark one.",
        )
        low, high = rendering.low, rendering.high
        if low is not None and high is not None:
            help_ = "Pictures hold more than 8 bits: this value becomes {}, one range for all of them."
            low = st.number_input("Black", value=low, key=f"{key}-low", help=help_.format("black"), width=150)
            high = st.number_input("White", value=high, key=f"{key}-high", help=help_.format("white"), width=150)
            if high <= low:
                raise InputError("White must be above black.", "Choose a larger value for white.")
    changed = ground if ground != (rendering.ground or "white") else rendering.ground
    return Rendering(ground=changed, low=low, high=high)
