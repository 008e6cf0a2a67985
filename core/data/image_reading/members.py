"""The images of an archive, each with what its folders say of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from core.data.files.packed import SUFFIXES, Archive
from core.data.image_reading.folders import Layout, place_image, propose_layouts, relative_path
from core.schemas import Skipped


@dataclass(frozen=True)
class Member:
    """An image file in an archive: `name`, `path` below the wrapping folder, and its label, part and group."""

    name: str
    path: str
    label: str | None
    given_split: str | None
    group: str | None = None


def image_members(
    archive: Archive, labelled: bool, layout: Layout | None = None
) -> tuple[list[Member], list[Skipped]]:
    """The images of an archive in the order of their paths, and the files refused by name.

    `layout` says how the folders are understood; it is found out where there is none. `given_split` is the part that
    a folder names, None where all images lie in one.
    """
    skipped = list(archive.refused)
    names = []
    for name in archive.sizes:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            names.append(name)
        else:
            skipped.append(Skipped(path=name, reason=f"not an image file ({suffix or 'no ending'})"))
    layout = layout or propose_layouts(names)[0]
    members = []
    for name in names:
        place = place_image(layout, name)
        path = relative_path(layout, name)
        if place.is_left_out or (labelled and place.reason):
            skipped.append(Skipped(path=path, reason=place.reason, unlabelled=True))
        else:
            members.append(Member(name, path, place.label if labelled else None, place.part))
    return sorted(without_single_part(members), key=lambda member: member.path), skipped


def without_single_part(members: Sequence[Member]) -> list[Member]:
    """The members, without their parts where they are all in the same one: that is no split."""
    if len({member.given_split for member in members} - {None}) > 1:
        return list(members)
    return [replace(member, given_split=None) for member in members]


def describe_left_out(skipped: Sequence[Skipped]) -> list[str]:
    """Why files were left out, the commonest reason first, with their number and where they lie.

    “lies in no class folder (12, in “test” and 1 more folder)”
    """
    folders: dict[str, Counter[str]] = {}
    for one in skipped:
        folders.setdefault(one.reason, Counter())[one.path.rpartition("/")[0]] += 1
    said = []
    for reason, places in sorted(folders.items(), key=lambda item: -item[1].total()):
        place, more = places.most_common(1)[0][0], len(places) - 1
        where = f"in “{place}”" if place else f"such as “{next(s.path for s in skipped if s.reason == reason)}”"
        others = f" and {more:,} more {'folder' if more == 1 else 'folders'}" if more and place else ""
        said.append(f"{reason} ({places.total():,}, {where}{others})")
    return said
