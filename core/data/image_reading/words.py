"""A reading of images in words, for notes and pages."""

from core.data.image_reading.reading import ImageReading

_SOURCES = {"folders": "classes by folders", "tables": "classes by the label table",
            "names": "classes by the files' names", "none": "no classes"}  # fmt: skip
_TOGETHER = {"none": "nothing", "column": "the label table", "folder": "folders", "name": "names", "time": "time"}


def describe_image_reading(reading: ImageReading) -> str:
    """“classes by folders, dark background behind transparency, groups by names”."""
    said = [_SOURCES[reading.labels]]
    if reading.rendering.ground:
        said.append(f"{reading.rendering.ground} background behind transparency")
    if reading.rendering.low is not None:
        said.append(f"grey values of {reading.rendering.low:g} to {reading.rendering.high:g}")
    if reading.grouping.by != "none":
        said.append(f"groups by {_TOGETHER[reading.grouping.by]}")
    return ", ".join(said)


def describe_image_changes(before: ImageReading, now: ImageReading) -> str:
    """What differs between two readings of one archive, in a few words; empty where nothing does."""
    said = []
    if before.labels != now.labels:
        said.append(f"{_SOURCES[now.labels]} instead of {_SOURCES[before.labels].removeprefix('classes ')}")
    elif before.layout != now.layout:
        said.append("folders understood otherwise")
    if before.labels == now.labels and before.tables != now.tables:
        said.append("other columns of the label table")
    if before.rendering.ground != now.rendering.ground:
        old, new = (one.rendering.ground or "white" for one in (before, now))
        said.append(f"{new} background instead of {old}")
    if (before.rendering.low, before.rendering.high) != (now.rendering.low, now.rendering.high):
        said.append("another range of grey values")
    if before.encoding != now.encoding:
        said.append(f"names in {now.encoding} instead of {before.encoding}")
    if before.grouping.by != now.grouping.by:
        said.append(f"kept together by {_TOGETHER[now.grouping.by]}")
    return ", ".join(said)
