"""Numbers as people write them: a decimal mark, a mark between thousands, a percent sign."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SPACES = " \u00a0\u202f\u2009"
# What may stand between thousands beside each decimal mark.
THOUSANDS = {".": ("", ",", " ", "'"), ",": ("", ".", " ", "'")}
CONVENTIONS = tuple((decimal, mark) for decimal, marks in THOUSANDS.items() for mark in marks)
_SAME = {" ": SPACES, "'": "'’"}  # marks that are the same to people
_TELEPHONE = re.compile(r"\+\d{7,}")
_LEADING_ZERO = re.compile(r"0\d+")
_PERCENT = "[ \u00a0]?%"
_WITH_UNIT = re.compile(
    r"(?P<before>(?:[€$£¥₽₺₩₹]|[A-Z]{2,3}\b)?\s*)(?P<number>[+\-−]?\d[\d.,'’ \u00a0\u202f]*?)"
    r"(?P<behind>\s*(?:[^\W\d_°%µμ€$£¥₽₺₩₹]|[°%µμ€$£¥₽₺₩₹‰])[^\d\s,;]{0,9}(?:/[^\s,;]{1,6})?[²³23]?)?"
)
_LONGEST = 15  # digits that float64 holds exactly


@cache
def pattern(decimal: str, thousands: str, percent: bool = False) -> str:
    """The regular expression, RE2's as well as Python's, of a whole number with these marks."""
    point = re.escape(decimal)
    digits = rf"\d{{1,3}}(?:[{_class(thousands)}]\d{{3}})*|\d+" if thousands else r"\d+"
    number = rf"[+\-−]?(?:(?:{digits})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
    return rf"^(?:{number}){_PERCENT if percent else ''}$"


def conventions(values: Iterable[str], percent: bool = False) -> set[tuple[str, str]]:
    """The pairs of marks (decimal, thousands) under which each of the values is a number.

    A mark between thousands is taken only where a value has one.
    """
    array = pa.array(list(values), pa.large_string())
    fitting = set()
    for decimal, thousands in CONVENTIONS:
        if thousands and not pc.any(pc.match_substring_regex(array, rf"\d[{_class(thousands)}]\d{{3}}")).as_py():
            continue
        if pc.all(pc.match_substring_regex(array, pattern(decimal, thousands, percent))).as_py():
            fitting.add((decimal, thousands))
    return fitting


def parse(text: pa.Array, decimal: str, thousands: str, percent: bool = False) -> np.ndarray:
    """The numbers of text cells, `(n,)` float64: NaN for an empty cell and for one that is no number.

    Of a percentage it is the number before the sign.
    """
    if not percent and not thousands and decimal == ".":
        plain = parse_plain(text)
        if plain is not None:
            return plain
    is_number = pc.fill_null(pc.match_substring_regex(text, pattern(decimal, thousands, percent)), False)
    if percent:
        text = pc.replace_substring_regex(text, _PERCENT + "$", "")
    if thousands:
        text = pc.replace_substring_regex(text, f"[{_class(thousands)}]", "")
    if decimal != ".":
        text = pc.replace_substring(text, decimal, ".")
    text = pc.replace_substring_regex(text, r"^\+", "")
    text = pc.replace_substring(text, "−", "-")
    text = pc.if_else(is_number, text, pa.scalar(None, text.type))
    return np.asarray(pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False), dtype="float64")


def parse_plain(text: pa.Array) -> np.ndarray | None:
    """The numbers of cells that all are empty or numbers as computers write them; None where one is not."""
    try:
        numbers = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None
    found = np.asarray(numbers.to_numpy(zero_copy_only=False), dtype="float64")
    return found if int(np.isnan(found).sum()) == text.null_count else None  # “nan” is a word


def are_codes(values: Iterable[str]) -> bool:
    """Whether texts of digits name things: one begins with a zero, or all are longer than numbers are exact."""
    values = list(values)
    if values and all(_TELEPHONE.fullmatch(value) for value in values):
        return True
    if any(_LEADING_ZERO.fullmatch(value) for value in values):
        return all(value.isdigit() for value in values)
    return bool(values) and all(value.isdigit() and len(value) > _LONGEST for value in values)


def are_ambiguous(values: Iterable[str], mark: str) -> bool:
    """Whether the mark may divide thousands as well as decimals in every value that has it: 1.234, 12.500."""
    group = re.compile(rf"[+\-−]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}")
    n = 0
    for value in values:
        if mark in value:
            if not group.fullmatch(value):
                return False
            n += 1
    return n > 0


def _class(thousands: str) -> str:
    return "".join(re.escape(mark) for mark in _SAME.get(thousands, thousands))


@dataclass(frozen=True)
class Measured:
    """How the values of a column are numbers with one unit or currency, `before` or behind them."""

    unit: str
    before: bool
    decimal: str
    thousands: str


def find_unit(values: Iterable[str]) -> Measured | None:
    """The unit of a column whose values all are numbers with the same one; None for other columns."""
    units: set[tuple[str, str]] = set()
    numbers = []
    for value in values:
        match = _WITH_UNIT.fullmatch(value.strip())
        if not match:
            return None
        units.add((match["before"].strip(), (match["behind"] or "").strip()))
        numbers.append(match["number"])
        if len(units) > 1:
            return None
    if not units or (pair := units.pop()) == ("", "") or all(pair):
        return None
    marks = sorted(conventions(numbers), key=CONVENTIONS.index)
    if not marks:
        return None
    with_thousands = [one for one in marks if one[1]]
    decimal, thousands = (with_thousands or marks)[0]
    return Measured(pair[0] or pair[1], bool(pair[0]), decimal, thousands)


def strip_unit(text: pa.Array, measured: Measured) -> np.ndarray:
    """The numbers of such a column, `(n,)`; NaN for an empty cell, another unit and what is no number."""
    unit = re.escape(measured.unit)
    behind, before = (r"\s*$", rf"^\s*{unit}\s*") if measured.before else (rf"\s*{unit}\s*$", r"^\s*")
    has_unit = pc.fill_null(pc.match_substring_regex(text, before if measured.before else behind), False)
    bare = pc.replace_substring_regex(pc.replace_substring_regex(text, before, ""), behind, "")
    numbers = parse(bare, measured.decimal, measured.thousands)
    return np.where(np.asarray(has_unit), numbers, np.nan)
