"""Uploads: a dropped file or folder is copied to disk at once and waits there until it is imported."""

import errno
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import DiskError, GraftError
from core.settings import get_settings
from core.store.files import need_disk
from core.ui.shell.page import show_error

_ABANDONED_SECONDS = 24 * 3600


def upload_field(
    slot: str, label: str, types: list[str] | None, help: str | None = None, several: bool = False
) -> Path | None:
    """A place to drop a file, or without `types` a folder. Returns where it is on disk, until `discard_upload`.

    With `several` files can be dropped, and the folder is returned that holds them.

    An upload is held in the server's memory: it is copied to disk first and then removed from there, and the widget
    gets a new key so that the browser drops it too.
    """
    key = f"{slot}-{st.session_state.get(f'{slot}-count', 0)}"
    how: bool | Literal["directory"] = several if types else "directory"
    st.file_uploader(
        label, type=types, key=key, on_change=_store, args=(slot, key), help=help, accept_multiple_files=how
    )
    return _show_upload_error(slot)


def camera_field(slot: str, label: str) -> Path | None:
    """The camera; a picture that is taken stays on disk until `discard_upload`."""
    key = f"{slot}-{st.session_state.get(f'{slot}-count', 0)}"
    st.camera_input(label, key=key, on_change=_store, args=(slot, key), label_visibility="collapsed")
    return _show_upload_error(slot)


def _show_upload_error(slot: str) -> Path | None:
    error = st.session_state.pop(f"{slot}-error", None)
    if error:
        show_error(error)
    return find_upload(slot)


def find_upload(slot: str) -> Path | None:
    """The file that was dropped and not yet imported or discarded."""
    path: Path | None = st.session_state.get(f"{slot}-file")
    return path if path and path.exists() else None


def keep_upload(slot: str, path: Path) -> None:
    """Have a file on disk wait as if it had been dropped there."""
    st.session_state[f"{slot}-file"] = path


def release_upload(slot: str) -> Path | None:
    """Leave the file that waits, if any, to somebody else, who removes it in the end."""
    path: Path | None = st.session_state.pop(f"{slot}-file", None)
    return path


def discard_upload(slot: str) -> None:
    """Remove the file that waits, if any."""
    path = release_upload(slot)
    if path:
        shutil.rmtree(path.parent, ignore_errors=True)


def _store(slot: str, key: str) -> None:
    given = st.session_state[key]
    if not given:
        return
    files: list[UploadedFile] = given if isinstance(given, list) else [given]
    st.session_state[f"{slot}-count"] = st.session_state.get(f"{slot}-count", 0) + 1
    discard_upload(slot)
    try:
        keep_upload(slot, _copy_to_disk(files, as_folder=isinstance(given, list)))
    except GraftError as error:
        st.session_state[f"{slot}-error"] = error
    finally:
        context = get_script_run_ctx()
        if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
            # Otherwise the bytes would stay until the session ends.
            for file in files:
                context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
                file.close()


def _copy_to_disk(files: list[UploadedFile], as_folder: bool) -> Path:
    """Copy uploads to disk. Names of a folder's files hold their path below the folder's own name."""
    need_disk(sum(file.size for file in files))
    folder = make_upload_folder()
    names = [_path_parts(file.name) for file in files]
    if as_folder and not (len({parts[0] for parts in names}) == 1 and all(len(parts) > 1 for parts in names)):
        names = [("Folder", *parts) for parts in names]
    try:
        for file, parts in zip(files, names, strict=True):
            path = folder.joinpath(*(parts if as_folder else parts[-1:]))
            path.parent.mkdir(parents=True, exist_ok=True)
            path = _free_name(path)
            with path.open("wb") as out:
                shutil.copyfileobj(file, out, 2**20)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskError(
            f"The disk became full while “{file.name}” was stored; nothing of it was kept.",
            "Delete datasets or runs that are no longer needed.",
        ) from error
    return folder / names[0][0] if as_folder else path


def _free_name(path: Path) -> Path:
    """The path, with a number behind its name where another file has it: phones call every picture the same."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem} {number}")
    return free


def _path_parts(name: str) -> tuple[str, ...]:
    """The parts of a path as a browser gives it, without those that lead out of the folder."""
    parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
    return parts or ("upload",)


def make_upload_folder() -> Path:
    """A new folder for uploads; those abandoned long ago are removed."""
    root = get_settings().cache / "uploads"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        with suppress(FileNotFoundError):  # another visitor's sweep may be faster
            if time.time() - old.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=root))
