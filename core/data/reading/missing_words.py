"""Words for a missing cell, and where the same words are values: a class “None”, a continent “NA”."""

import re
from collections.abc import Collection, Mapping
from statistics import median

from core.data.reading.record import MISSING_WORDS, Question

# In a column of numbers these cannot be values.
NUMERIC_MISSING = frozenset(
    (*MISSING_WORDS, "-", "--", "---", "–", "—", "?", ".", "..", "...", "…", "na", "n.a.", "N.A.", "n.a", "n/d", "nd",
     "k.A.", "k. A.", "NIL", "nil", "(null)", "(leer)", "(blank)", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?",
     "#NULL!", "NaT", "none")
)  # fmt: skip
_FEW = 20  # different values of a column of categories
_OFTEN = 0.05
_AT_LEAST = 3  # cells with a word that may be a value


def words_of(counts: Mapping[str, int], numeric: bool) -> tuple[str, ...]:
    """The words in a column that may stand for a missing cell; `counts` are the cells of each value."""
    known = NUMERIC_MISSING if numeric else MISSING_WORDS
    return tuple(word for word in known if word in counts)


def missing_in_text(
    counts: Mapping[str, int], of_numbers: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a column of text taken as missing, and those that are values though they might be missing.

    A word is a value where the others are few and it is about as frequent as they, or where all have its form, as
    codes of countries. `of_numbers` are words that stand for a missing cell in the file's columns of numbers.
    """
    words = words_of(counts, numeric=False)
    others = {value: n for value, n in counts.items() if value not in words}
    values = [word for word in words if word not in of_numbers and _is_value(word, counts[word], others)]
    if not others and len(words) > 1:  # only such words: none of them is the mark of the other
        values = []
    return tuple(word for word in words if word not in values), tuple(values)


def ask(name: str, word: str, n: int, as_value: bool) -> Question:
    """Whether a word is a value or a missing cell."""
    readings = ("a value", "a missing cell")
    return Question(
        about="missing",
        column=name,
        text=f"“{word}” stands in {n:,} cells of “{name}”: is it a value or a missing cell?",
        chosen=readings[0 if as_value else 1],
        alternatives=readings,
        examples={"word": word},
    )


def is_frequent(word: str, counts: Mapping[str, int]) -> bool:
    """Whether a word stands in so many cells of a column that it may be a value."""
    others = {value: n for value, n in counts.items() if value != word}
    return word in MISSING_WORDS and _is_value(word, counts[word], others)


def _is_value(word: str, n: int, others: Mapping[str, int]) -> bool:
    total = n + sum(others.values())
    if n < _AT_LEAST or not others:
        return False
    if len(others) <= _FEW and n >= _OFTEN * total and n >= 0.2 * median(others.values()):
        return True
    form = re.compile(re.sub("[A-Z]", "[A-Z]", word)) if word.isalpha() and word.isupper() else None
    return bool(form and len(others) >= 5 and all(form.fullmatch(value) for value in others))
