"""Pictures that belong together, such as those of one patient, plant, burst or film.

A column of a table, their folders, their names or the time they were taken tell. A network that has seen one of them
knows the others, so that a split through the middle flatters the score.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

import pandas as pd
from pydantic import field_validator

from core.data.image_reading.file_names import check_pattern
from core.data.image_reading.members import Member
from core.schemas import Frozen

_PATTERNS = (
    r"([^ _.-]*\d[^ _.-]*)[ _.-].+",  # P12_left_003
    r"(.+?)[ _.-]+(?:[A-Za-z]{0,6}[ _-]?)\d{1,6}[A-Za-z]?",  # scene 4_frame_0012
    r"(.+?) ?\(\d+\)",  # plant 7 (3)
    r"(.*?\d+)[A-Za-z]+[ _-]*\d+",  # P01S03
)
_CAMERA = re.compile(
    r"(img|image|dsc[nf]?|wa|vid|pano|pxl|photo|screenshot|whatsapp|(19|20)\d\d[-_]?\d\d[-_]?\d\d|[\W_])*",
    re.IGNORECASE,
)
_FEWEST = 5  # groups that a class needs, so that a pattern is hardly chance, and can be divided
_TOGETHER = 0.6  # share of the pictures in groups of two or more
_SURE = 0.95  # the same where groups have words for names, which different pictures share as well
_BURST = 5.0  # seconds between pictures of a burst
_EXAMPLES = 3


class Grouping(Frozen):
    """What belongs together: pictures of one value of a table's column, of one folder, or whose names match in what
    the first group of `pattern` finds, or that follow each other within `seconds`.

    `level` counts the folders of a picture's path from 0. `examples` are names of a few groups.
    """

    by: Literal["none", "column", "folder", "name", "time"] = "none"
    pattern: str = ""
    level: int = 0
    seconds: float = _BURST
    n_groups: int = 0
    examples: tuple[tuple[str, ...], ...] = ()

    @field_validator("pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        return check_pattern(pattern)


def propose_grouping(members: Sequence[Member]) -> Grouping:
    """The coarsest grouping that divides every class into at least five groups, most of several pictures."""
    found: list[tuple[Grouping, list[str | None]]] = []
    given = [member.group for member in members]
    if _divides(members, given, fewest=3):
        return _described(Grouping(by="column"), members, given)
    depth = max((member.path.count("/") for member in members), default=0)
    options = [Grouping(by="folder", level=level) for level in range(depth)]
    for grouping in (*options, *(Grouping(by="name", pattern=pattern) for pattern in _PATTERNS)):
        keys = _keys(members, grouping)
        numbered = grouping.by == "folder" or all(re.search(r"\d", key) for key in keys if key)
        if _divides(members, keys, _FEWEST, _TOGETHER if numbered else _SURE):
            found.append((grouping, keys))
    if not found:
        return Grouping()
    grouping, keys = min(found, key=lambda one: len(set(one[1])))
    return _described(grouping, members, keys)


def group_names(members: Sequence[Member], grouping: Grouping) -> list[Member]:
    """The members with the groups that the reading says; without them where it says none."""
    keys = _keys(members, grouping)
    return [replace(member, group=key) for member, key in zip(members, keys, strict=True)]


def group_by_time(taken: pd.Series, seconds: float = _BURST) -> pd.Series:
    """Groups of pictures taken within `seconds` of each other, in epoch seconds; NA for a picture on its own."""
    known = taken.dropna().sort_values(kind="stable")
    burst = (known.diff() > seconds).cumsum()
    several = burst[burst.map(burst.value_counts()) > 1]
    return ("burst " + (several + 1).astype("str")).reindex(taken.index)


def propose_by_time(members: Sequence[Member], taken: pd.Series) -> Grouping:
    """Bursts by the time that EXIF data tell, where most pictures are in one."""
    keys = [None if pd.isna(key) else str(key) for key in group_by_time(taken)]
    if not _divides(members, keys, _FEWEST, share=0.3):
        return Grouping()
    return _described(Grouping(by="time"), members, keys)


def groups_across_parts(members: Sequence[Member], grouping: Grouping) -> int:
    """How many groups have pictures in several of the given parts."""
    parts = defaultdict(set)
    for member, key in zip(members, _keys(members, grouping), strict=True):
        if key and member.given_split:
            parts[key].add(member.given_split)
    return sum(len(one) > 1 for one in parts.values())


def _keys(members: Sequence[Member], grouping: Grouping) -> list[str | None]:
    of: Callable[[Member], str | None] = {
        "none": lambda member: None,
        "time": lambda member: None,
        "column": lambda member: member.group,
        "folder": lambda member: _folder(member, grouping.level),
        "name": lambda member: _match(member, grouping.pattern),
    }[grouping.by]
    return [of(member) for member in members]


def _folder(member: Member, level: int) -> str | None:
    """The path down to the folder at this level, where that is below the class folder or above it, not the class."""
    folders = member.path.split("/")[:-1]
    if level >= len(folders) or folders[level] == member.label:
        return None
    kept = [name for name in folders[: level + 1] if name != member.label]
    return "/".join([member.label or "", *kept] if member.label in folders[:level] else kept)


def _match(member: Member, pattern: str) -> str | None:
    match = re.fullmatch(pattern, PurePosixPath(member.path).stem)
    return match[1] if match and match[1] and not _CAMERA.fullmatch(match[1]) else None


def _divides(members: Sequence[Member], keys: Sequence[str | None], fewest: int, share: float = _TOGETHER) -> bool:
    """Whether these groups are worth keeping together, and leave every class divisible."""
    sizes = Counter(key for key in keys if key)
    together = sum(n for n in sizes.values() if n > 1)
    if not members or together < share * len(members):
        return False
    classes: dict[str | None, set[str]] = defaultdict(set)
    for place, (member, key) in enumerate(zip(members, keys, strict=True)):
        classes[member.label].add(key or f"#{place}")
    return min(map(len, classes.values())) >= fewest


def _described(grouping: Grouping, members: Sequence[Member], keys: Sequence[str | None]) -> Grouping:
    names: dict[str, list[str]] = defaultdict(list)
    for member, key in zip(members, keys, strict=True):
        if key:
            names[key].append(member.path)
    several = [paths for paths in names.values() if len(paths) > 1]
    examples = tuple(tuple(paths[:_EXAMPLES]) for paths in several[:_EXAMPLES])
    return grouping.model_copy(update={"n_groups": len(several), "examples": examples})
