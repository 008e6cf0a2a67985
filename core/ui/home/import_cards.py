"""Home's cards for importing photos, a table or a sample, and the help for large files."""

import os
import shutil
import sys
from pathlib import Path

import streamlit as st

from core.data.files.samples import SAMPLES, get_sample
from core.data.image_reading.members import image_members
from core.data.images.writing import decode_image
from core.data.reading.packing import TABLE_SUFFIXES
from core.data.sources import server_path
from core.settings import get_settings
from core.ui.shell.gallery import crop_square, show_strip
from core.ui.shell.importing import ARCHIVE_TYPES, TABLE_SLOT, TABLE_TYPES, import_source
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal
from core.ui.shell.uploads import discard_upload, keep_upload, make_upload_folder, upload_field

_STRIP = 6  # pictures
_ROOT = Path(__file__).resolve().parents[3]


def show_photo_card() -> None:
    """The card for an archive or a folder of images; how they are read is shown next, by `image_reading`."""
    st.markdown("#### :material/photo_library: Photos")
    st.caption(
        "A ZIP or TAR with one folder of images per class: `cats/tom.jpg`, `dogs/rex.jpg` and so on; or images and a"
        " CSV or Excel file of `file` and `label`; or images named after their class: `cat_001.jpg`. Folders `train`,"
        " `val` and `test` are kept as the split."
    )
    upload_field("photos", "ZIP or TAR of images", ARCHIVE_TYPES)
    with st.popover("Pick a folder", icon=":material/folder_open:", width="stretch"):
        upload_field("folder", "Folder of images", None)


def show_table_card() -> None:
    """The card for a table; its target is asked for next, by `table_target`."""
    st.markdown("#### :material/table: Table")
    st.caption("CSV, TSV, Excel, Parquet or JSON lines, one row a sample. You choose next which column to predict.")
    upload_field(TABLE_SLOT, "Table", TABLE_TYPES)


def show_sample_card() -> None:
    """The card of the samples that come with Graft; the first one is the primary button."""
    st.markdown("#### :material/science: Try a sample")
    for place, sample in enumerate(SAMPLES.values()):
        if place == 0:
            show_strip(_sample_pictures(sample.name), alt=sample.title)
        what = "images" if sample.kind == "image" else "rows"
        st.caption(f"{sample.about} {sample.n:,} {what} · {literal(sample.licence)}")
        if st.button(
            f"Try the {sample.title.lower().replace(' ', '-')} sample",
            key=f"sample-{sample.name}",
            type="primary" if place == 0 else "secondary",
            icon=":material/play_arrow:" if place == 0 else None,
            width="stretch",
        ):
            import_source(f"sample:{sample.name}")


@st.cache_data(max_entries=8, show_spinner=False)
def _sample_pictures(name: str) -> list[bytes]:
    """A few of a sample's images, spread over its classes."""
    with get_sample(name).open() as archive:
        members, _ = image_members(archive, labelled=True)
        chosen = members[:: max(1, len(members) // _STRIP)][:_STRIP]
        return [crop_square(decode_image(archive.read(member.name)).pixels) for member in chosen]


def show_large_file_help() -> None:
    """The limit for uploads, and how to import larger files: by a path, where settings allow it, or a command."""
    limit = st.get_option("server.maxUploadSize")
    allowed = get_settings().importable
    how = "import from a path or a shell" if allowed else "import from a shell"
    with st.expander(f"Uploads: up to {limit} MB a file. For more, {how}", icon=":material/terminal:"):
        if allowed:
            _from_path(allowed)
        st.caption(
            "Run this on the machine that Graft runs on, in Graft's folder. PATH is an archive or folder of images or"
            " a table; a table also needs `--target COLUMN`."
        )
        st.code(f"{_python_command()} -m core import PATH", language="bash", wrap_lines=True)


def _from_path(allowed: tuple[Path, ...]) -> None:
    """Import what is on the machine already; a table waits for its target like an upload."""
    with st.form("server-path", border=False):
        below = " or ".join(f"`{folder}`" for folder in allowed)
        text = st.text_input("Path on the machine that Graft runs on", key="path", help=f"Below {below}.")
        unlabelled = st.checkbox("Without classes", key="path-unlabelled")
        if not st.form_submit_button("Import", icon=":material/download:"):
            return
    with show_errors():
        path = server_path(text)
        if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
            link = make_upload_folder() / path.name  # only the link is removed when the table was imported
            try:
                link.symlink_to(path)
            except OSError:  # Windows lets only administrators make links
                shutil.copyfile(path, link)
            discard_upload(TABLE_SLOT)
            keep_upload(TABLE_SLOT, link)
            st.rerun()
        import_source(path, unlabelled=unlabelled)


def _python_command() -> str:
    """How to call this Python from Graft's folder, for this workspace."""
    python = Path(sys.executable)
    name = str(python.relative_to(_ROOT)) if python.is_relative_to(_ROOT) else "python"
    home = os.environ.get("GRAFT_HOME")
    return f"GRAFT_HOME={home} {name}" if home else name
