"""Classes that stand in the names of image files: `cat_001.jpg`, `dog.12.png`, `003 oak.jpg`."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

_NAME = r"([^\W\d_](?:.*[^\W\d_])?)"  # begins and ends with a letter
_PATTERNS = (
    rf"{_NAME}[ _.-]*\(?\d+\)?",  # cat_001, dog.12, cat (3), cat7
    rf"\d+[ _.-]+{_NAME}",  # 001_cat
)
_CAMERA = re.compile(
    r"(img|image|images|dsc[nf]?|wa|vid|pano|pxl|photo|pic|picture|screenshot|whatsapp|frame|scan|file|untitled|"
    r"sample|train|test|val|crop|tile|page|[\W\d_])*",
    re.IGNORECASE,
)
_FEWEST = 3  # images that each class needs
_MOST = 50  # classes
_EACH = 5  # images a class has on average


def check_pattern(pattern: str) -> str:
    """The pattern, a regular expression with a group that finds what is wanted; `ValueError` where it is none."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from error
    if pattern and not groups:
        raise ValueError("it needs a group in parentheses, which finds what is wanted")
    return pattern


def class_in_name(pattern: str, name: str) -> str | None:
    """What the first group of the pattern finds in a file's name without its ending; None where it does not fit."""
    match = re.fullmatch(pattern, PurePosixPath(name).stem)
    return match[1] if match else None


def propose_pattern(names: Sequence[str]) -> str:
    """The pattern by which every name tells one of a few classes; empty where none does.

    Names that cameras and programs give tell no class: all that they tell apart is devices.
    """
    for pattern in _PATTERNS:
        classes = [class_in_name(pattern, name) for name in names]
        counts = Counter(classes)
        if None in counts or not 2 <= len(counts) <= min(_MOST, len(names) // _EACH):
            continue
        if min(counts.values()) >= _FEWEST and not any(_CAMERA.fullmatch(str(one)) for one in counts):
            return pattern
    return ""
