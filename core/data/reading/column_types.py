"""What the cells of each column mean, decided on all of them, and the number marks on all columns together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pyarrow.compute as pc

from core.data.reading import dates, missing_words
from core.data.reading.cells import RawColumn
from core.data.reading.numbers import CONVENTIONS, are_ambiguous, are_codes, conventions, parse_plain
from core.data.reading.record import CellType, ColumnReading, DateOrder, Question

Marks = tuple[str, str]  # the decimal mark and the mark between thousands
_PLAIN: Marks = (".", "")
_CODE = r"^(0\d|\+\d{7})"  # an article or postcode, a telephone number
_FEW_CLASSES = 10
_GLANCE = 50  # values that rule a type out before all are looked at
_BOOLEANS = tuple(
    frozenset(pair.split())
    for pair in ("true false", "yes no", "y n", "t f", "ja nein", "oui non", "sí no", "si no", "sim não",
                 "wahr falsch", "vrai faux", "on off", "tak nie", "ano ne", "da ne", "да нет",
                 "evet hayır", "ναι όχι", "是 否", "はい いいえ", "예 아니오", "verdadero falso", "vero falso")
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What one column may be: `marks` are the ways in which its cells are numbers, `doubtful` where two differ.

    `orders` are those in which its cells are dates; `separate` the ones it holds beside each other, with an example.
    """

    type: CellType
    marks: frozenset[Marks] = frozenset()
    doubtful: str = ""
    has_decimals: bool = False
    missing: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    orders: tuple[DateOrder, ...] = ()
    separate: Mapping[DateOrder, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Meaning:
    """The types of a table's columns, its number marks, and what could not be told."""

    columns: tuple[ColumnReading, ...]
    decimal: str
    thousands: str
    questions: tuple[Question, ...]
    taken_as_missing: dict[str, dict[str, int]]


def propose_columns(names: Sequence[str], columns: Sequence[RawColumn], delimiter: str) -> Meaning:
    """The meaning of every column."""
    looks = [_look(column) for column in columns]
    numeric = [look for look in looks if look.type in ("number", "percent")]
    of_numbers = {word for look in numeric for word in look.missing}
    decimal, thousands = _marks_of_table(numeric, delimiter)
    questions: list[Question] = []
    readings, taken = [], {}
    sure = any(look.has_decimals and not look.doubtful for look in numeric)
    for name, column, look in zip(names, columns, looks, strict=True):
        reading = ColumnReading(name=name, type=look.type, missing=look.missing, words=look.words)
        if look.type in ("number", "percent"):
            reading = _with_marks(reading, look, (decimal, thousands))
            if look.doubtful and not sure:
                questions.append(_ask_marks(name, column, look, reading.decimal or decimal))
        elif look.orders:
            reading = reading.model_copy(update={"date_order": look.orders[0]})
            if len(look.orders) > 1:
                reading = reading.model_copy(update={"type": "text", "date_order": None})
            if look.separate:
                questions.append(_ask_separate(name, column, look))
            elif len(look.orders) > 1:
                questions.append(_ask_order(name, column, look.orders))
        if look.type not in ("number", "percent"):
            missing, values = missing_words.missing_in_text(column.counts, of_numbers)
            reading = reading.model_copy(update={"missing": missing})
            often = [word for word in (*values, *missing) if column.counts[word] >= 3]
            questions += [missing_words.ask(name, word, column.counts[word], word in values) for word in often]
        elif _may_be_classes(column):
            questions += [
                missing_words.ask(name, word, column.counts[word], False)
                for word in reading.missing
                if missing_words.is_frequent(word, column.counts)
            ]
        if reading.missing:
            taken[name] = {word: column.counts[word] for word in reading.missing}
        readings.append(reading)
    return Meaning(tuple(readings), decimal, thousands, tuple(questions), taken)


def _may_be_classes(column: RawColumn) -> bool:
    """Whether a column of numbers may hold classes: few whole ones, besides words."""
    if column.text is None:
        return False
    return sum(value.isdigit() for value in column.counts) <= _FEW_CLASSES


def _look(column: RawColumn) -> Look:
    if column.text is None:
        return Look("number", frozenset([_PLAIN]))
    plain = parse_plain(column.trimmed) if column.numbers is None else None
    if plain is not None and not np.isnan(plain).all():
        look = _look_at_plain(column, plain)
        if look is not None:
            return look
    return _look_at_values(column)


def _look_at_plain(column: RawColumn, numbers: np.ndarray) -> Look | None:
    """A column of numbers as computers write them; None where closer looking is needed."""
    text = column.trimmed
    if pc.any(pc.match_substring_regex(text, _CODE)).as_py() or pc.max(pc.utf8_length(text)).as_py() > 15:
        return None
    present = numbers[~np.isnan(numbers)]
    if (present == np.floor(present)).all() and not pc.any(pc.match_substring(text, ".")).as_py():
        return Look("number", frozenset(CONVENTIONS))
    # A point before three digits may stand between thousands, unless one cell rules that out.
    if are_ambiguous((cell for cell in text.to_pylist() if cell), "."):
        return Look("number", frozenset([_PLAIN, (",", ".")]), doubtful=".")
    return Look("number", frozenset([_PLAIN]), has_decimals=True)


def _look_at_values(column: RawColumn) -> Look:
    counts = column.counts
    numeric_words = missing_words.words_of(counts, numeric=True)
    values = [value for value in counts if value not in numeric_words]
    if not values:
        return Look("text")
    glance = values[:_GLANCE]
    for percent in (False, True):
        if not conventions(glance, percent):
            continue
        marks = conventions(values, percent)
        if not percent and (are_codes(values) or not marks):
            continue
        if marks:
            return _numbers(values, marks, numeric_words, percent)
    if are_codes(values):
        return Look("text")
    orders = dates.fitting_orders(glance) and dates.fitting_orders(values)
    if orders:
        chosen = ("dmy",) if len(orders) == len(dates.ORDERS) else tuple(o for o in dates.ORDERS if o in orders)
        return Look("date", orders=chosen)
    if dates.separate_orders(glance) is not None and (separate := dates.separate_orders(values)):
        # A year in front is told apart from a day or month there; these two are not told from each other.
        fitting = dates.fitting_orders(value for value in values if dates.iso(value, "ymd") is None)
        possible = tuple(order for order in dates.ORDERS if order in (fitting or separate) and order != "ymd")
        return Look("date", missing=numeric_words, orders=possible, separate=separate if len(separate) > 1 else {})
    lower = {value.lower() for value in islice(values, 3)}
    if len(values) == 2 and lower in _BOOLEANS:
        return Look("boolean", words=tuple(values))
    return Look("text")


def _numbers(values: Sequence[str], marks: set[Marks], missing: tuple[str, ...], percent: bool) -> Look:
    """A column of numbers; doubtful where one mark may be of either kind: 1.234 and 1,234."""
    bare = [value.rstrip("% \u00a0") for value in values] if percent else list(values)
    kind: CellType = "percent" if percent else "number"
    look = Look(kind, frozenset(marks), missing=missing)
    used = {mark for mark in ".," if any(mark in value for value in bare)}
    if not used:
        return look
    mark = used.pop()
    if not used and len({decimal for decimal, _ in marks}) > 1 and are_ambiguous(bare, mark):
        return replace(look, doubtful=mark)
    return replace(look, has_decimals=True)


def _marks_of_table(looks: Iterable[Look], delimiter: str) -> Marks:
    """The marks of most columns that tell them."""
    votes: Counter[Marks] = Counter()
    doubtful: set[str] = set()
    for look in looks:
        if look.doubtful:
            doubtful.add(look.doubtful)
        elif look.has_decimals:
            votes.update(_preferred(look.marks))
    if votes:
        return max(votes, key=lambda marks: (votes[marks], bool(marks[1]), -CONVENTIONS.index(marks)))
    # Nothing tells: a semicolon is written where the comma divides decimals, everywhere else the point does.
    if "," in doubtful:
        return (",", "") if delimiter == ";" else (".", ",")
    return _PLAIN


def _preferred(marks: frozenset[Marks]) -> list[Marks]:
    """Of ways that give the same numbers, those without a mark that no cell has, or with one that some have."""
    with_thousands = [one for one in marks if one[1]]
    return with_thousands or list(marks)


def _with_marks(reading: ColumnReading, look: Look, of_table: Marks) -> ColumnReading:
    """The column's own marks where they are not the table's."""
    if of_table in look.marks or not look.marks:
        return reading
    fitting = sorted(
        look.marks, key=lambda one: (one[0] != of_table[0], one[1] != of_table[1], CONVENTIONS.index(one))
    )
    decimal, thousands = fitting[0]
    if decimal == of_table[0] and not thousands:  # the table's mark between thousands may come in later rows
        return reading
    return reading.model_copy(update={"decimal": decimal, "thousands": thousands})


def _ask_marks(name: str, column: RawColumn, look: Look, decimal: str) -> Question:
    example = next(value for value in column.counts if look.doubtful in value)
    mark = look.doubtful
    readings = {"decimals": example.replace(mark, "."), "thousands": example.replace(mark, "")}
    chosen = "decimals" if decimal == mark else "thousands"
    return Question(
        about="numbers",
        column=name,
        text=f"“{name}” has a “{mark}” before three digits in every cell: does it divide decimals or thousands?",
        chosen=chosen,
        alternatives=tuple(readings),
        examples={key: f"{example} is {value}" for key, value in readings.items()},
    )


def _ask_order(name: str, column: RawColumn, orders: Sequence[DateOrder]) -> Question:
    example = next(value for value in column.counts if len({dates.iso(value, order) for order in orders}) > 1)
    readings = {dates.ORDER_WORDS[order]: f"{example} is {dates.iso(example, order)}" for order in orders}
    return Question(
        about="date_order",
        column=name,
        text=f"The dates of “{name}” can be read with the day or the month first: which comes first?",
        chosen="leave as text",
        alternatives=("leave as text", *readings),
        examples=readings,
    )


def _ask_separate(name: str, column: RawColumn, look: Look) -> Question:
    """How to read a column that holds dates in several orders."""
    shown = {order: f"{dates.ORDER_WORDS[order]} (such as {value})" for order, value in look.separate.items()}
    readings = {}
    for order in look.orders:
        lost = [v for v in column.counts if not (v in look.missing or dates.iso(v, order) or dates.iso(v, "ymd"))]
        example = f"{look.separate[order]} is {dates.iso(look.separate[order], order)}"
        n = sum(column.counts[value] for value in lost)
        readings[dates.ORDER_WORDS[order]] = f"{example}; {n:,} such as {lost[0]} missing" if lost else example
    text = f"“{name}” holds dates in several orders: {' and '.join(shown.values())}."
    if len(look.orders) > 1:
        both = [{dates.iso(value, order) for order in look.orders} for value in column.counts]
        doubtful = sum(n for n, found in zip(column.counts.values(), both, strict=True) if len(found - {None}) > 1)
        text += f" {doubtful:,} others may have either." if doubtful else ""
    return Question(
        about="date_order",
        column=name,
        text=f"{text} How shall they be read?",
        chosen="leave as text" if len(look.orders) > 1 else dates.ORDER_WORDS[look.orders[0]],
        alternatives=("leave as text", *readings),
        examples=readings,
    )
