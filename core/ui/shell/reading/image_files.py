"""What the card of images looks up in their archive; kept for as long as it waits, as a page is drawn often."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import streamlit as st

from core.data.files.archives import open_archive
from core.data.files.decoding import UnreadableError
from core.data.image_reading.label_tables import LabelTable, read_cells
from core.data.image_reading.members import describe_left_out
from core.data.image_reading.reading import ImageReading, image_names, list_members, propose_image_reading
from core.data.images.writing import decode_image
from core.ui.shell.gallery import crop_square

UNDIVIDED = "not divided yet"
_STRIP = 6


@st.cache_data(max_entries=8, show_spinner=False)
def encodings(path: str) -> tuple[str, ...]:
    with open_archive(Path(path)) as archive:
        return archive.encodings


@st.cache_data(max_entries=8, show_spinner=False)
def propose(path: str, encoding: str, labelled: bool) -> ImageReading:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return propose_image_reading(archive, labelled=labelled)


@st.cache_data(max_entries=8, show_spinner=False)
def names(path: str, encoding: str) -> list[str]:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return image_names(archive)


@st.cache_data(max_entries=32, show_spinner=False)
def understood(path: str, reading: str) -> tuple[pd.DataFrame, Sequence[str]]:
    """How many images each class has in each given part, and why and where files are left out."""
    read = ImageReading.model_validate_json(reading)
    with open_archive(Path(path)) as archive:
        archive.use_encoding(read.encoding)
        members, skipped = list_members(archive, read)
    found = pd.DataFrame(
        {
            "Class": [member.label or "without" for member in members],
            "Part": [member.given_split or UNDIVIDED for member in members],
        }
    )
    counts = pd.crosstab(found["Class"], found["Part"]) if len(found) else pd.DataFrame()
    return counts, describe_left_out(skipped)


@st.cache_data(max_entries=32, show_spinner=False)
def columns(path: str, encoding: str, table: str) -> tuple[str, ...]:
    with open_archive(Path(path)) as archive:
        archive.use_encoding(encoding)
        return read_cells(archive, LabelTable.model_validate_json(table)).columns


@st.cache_data(max_entries=32, show_spinner=False)
def pictures(path: str, reading: str) -> list[bytes]:
    """A few pictures as they will be rendered, spread over the classes."""
    read = ImageReading.model_validate_json(reading)
    shown = []
    with open_archive(Path(path)) as archive:
        archive.use_encoding(read.encoding)
        members = sorted(list_members(archive, read)[0], key=lambda member: member.label or "")
        for member in members[:: max(1, len(members) // _STRIP)][:_STRIP]:
            with suppress(UnreadableError, OSError):  # named when it is imported
                picture = decode_image(archive.read(member.name), rendering=read.rendering)
                shown.append(crop_square(picture.pixels))
    return shown
