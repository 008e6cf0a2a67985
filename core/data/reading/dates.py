"""Dates in every common order, decided on a whole column and read as ISO 8601."""

import re
from collections.abc import Iterable
from datetime import date, time
from typing import get_args

from core.data.reading.record import DateOrder

ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)
ORDER_WORDS: dict[DateOrder, str] = {"ymd": "year first", "dmy": "day first", "mdy": "month first"}
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january januar janvier jän jänner enero", "feb february februar février fév febrero",
         "mar march märz mär mrz mars marzo", "apr april avril avr abril", "may mai mayo", "jun june juni juin junio",
         "jul july juli juillet julio", "aug august août agosto", "sep sept september septembre septiembre",
         "oct october oktober okt octobre octubre", "nov november novembre noviembre",
         "dec december dezember dez décembre diciembre"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,6})\d*)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(?P<a>\d{{4}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{4}}|\d{{2}}){_TIME}")
_DAY_WORD = re.compile(rf"(?P<a>\d{{1,2}})\.?[ -]?(?P<b>[^\W\d_]{{3,10}})\.?,?[ -]?(?P<c>\d{{4}}){_TIME}")
_WORD_DAY = re.compile(rf"(?P<b>[^\W\d_]{{3,10}})\.?[ -](?P<a>\d{{1,2}}),?[ -](?P<c>\d{{4}}){_TIME}")


def fitting_orders(values: Iterable[str]) -> set[DateOrder]:
    """The orders in which every value is a date; empty where one is none. 03/04/2025 fits two."""
    fitting = set(ORDERS)
    seen = False
    points_only = True
    for value in values:
        seen = True
        fitting = {order for order in fitting if iso(value, order) is not None}
        points_only = points_only and value.count(".") >= 2
        if not fitting:
            return set()
    if not seen:
        return set()
    if points_only and "dmy" in fitting:  # only where the day comes first are dates divided by points
        fitting.discard("mdy")
    return fitting


def separate_orders(values: Iterable[str]) -> dict[DateOrder, str] | None:
    """The orders without which some of the values are no dates, each with the first that fits no other one.

    None where a value is a date in no order. An order may have no such value: 03/04/2025 fits two.
    """
    needed: dict[DateOrder, str] = {}
    for value in values:
        fitting = [order for order in ORDERS if iso(value, order) is not None]
        if not fitting:
            return None
        if len(fitting) == 1:
            needed.setdefault(fitting[0], value)
    return needed


def iso(value: str, order: DateOrder) -> str | None:
    """A date as 2025-12-31, with its time as 2025-12-31T10:00:00 unless that is midnight; None for all else.

    A month in words needs no order. Two digits of a year are 1969 to 2068, as in POSIX.
    """
    match = _YEAR_FIRST.fullmatch(value) if order == "ymd" else _YEAR_LAST.fullmatch(value)
    if match:
        a, b, c = int(match["a"]), int(match["b"]), int(match["c"])
        if order == "ymd":
            year, month, day = a, b, c
        else:
            (day, month), year = ((a, b) if order == "dmy" else (b, a)), c
            if len(match["c"]) == 2:
                year += 1900 if year >= 69 else 2000
    elif match := _DAY_WORD.fullmatch(value) or _WORD_DAY.fullmatch(value):
        month = _MONTHS.get(match["b"].lower(), 0)
        day, year = int(match["a"]), int(match["c"])
    else:
        return None
    try:
        said = date(year, month, day).isoformat()
        return said + _time_of(match)
    except ValueError:
        return None


def _time_of(match: re.Match[str]) -> str:
    if match["hour"] is None:
        return ""
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] in "pP" else 0)
    zone = match["zone"] or ""
    zone = "+00:00" if zone in ("Z", "UTC") else zone if ":" in zone or not zone else f"{zone[:3]}:{zone[3:]}"
    fraction = int((match["fraction"] or "").ljust(6, "0"))
    moment = time(hour, int(match["minute"]), int(match["second"] or 0), fraction)
    return "" if moment == time() and not zone else f"T{moment.isoformat()}{zone}"
