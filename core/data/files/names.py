"""Names of files in archives and folders: in one form of Unicode, each once, without what systems add."""

import re
import unicodedata
from collections.abc import Container
from pathlib import PurePosixPath

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm",
            ".heic", ".heif")  # fmt: skip
_HIDDEN = re.compile(r"\.(?!\d)")  # as systems name what they hide; “.5” is a number


def is_clutter(name: str) -> bool:
    """Whether this file is not meant to be imported: operating systems' metadata, readmes and licences."""
    parts = name.split("/")
    file = PurePosixPath(parts[-1])
    if file.stem.lower() in ("readme", "licence", "license") and file.suffix.lower() not in SUFFIXES:
        return True
    if file.name.startswith("~$"):  # a document that is open elsewhere
        return True
    return "__MACOSX" in parts or parts[-1] in ("Thumbs.db", "desktop.ini") or any(map(_HIDDEN.match, parts))


def read_name(raw: bytes, encoding: str) -> str:
    """A name as text that can be stored; bytes that do not fit the encoding become replacement characters."""
    return unicodedata.normalize("NFC", raw.decode(encoding, "replace"))


def free_name(name: str, taken: Container[str]) -> str:
    """The name, with a number behind it where it is taken: two ways to write a name may come out as one."""
    stem, dot, ending = name.rpartition(".")
    if not dot or "/" in ending:
        stem, dot, ending = name, "", ""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{stem} {number}{dot}{ending}"
    return free


def printable_name(name: str) -> str:
    """A name as text that can be stored, letters and marks joined; bytes that are no UTF-8 become question marks."""
    return read_name(name.encode("utf-8", "surrogateescape"), "utf-8")
