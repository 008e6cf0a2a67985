"""Reading a further file by the record of an earlier one: of what its cells mean nothing is guessed again."""

from collections.abc import Sequence
from pathlib import Path

from core.data.files.encoding import candidates
from core.data.reading.applying import TableFile, apply_reading, open_raw
from core.data.reading.cells import RawTable
from core.data.reading.packing import find_packing, format_of, read_bytes
from core.data.reading.proposing import propose_container
from core.data.reading.record import Container, TableReading
from core.data.reading.words import MARK_WORDS, describe_container
from core.errors import InputError

# Of a column's cells, beyond those of the file that was imported; more of them are rather another kind of column.
MOST_UNREADABLE = 0.2


def read_again(path: Path, reading: TableReading, wanted: Sequence[str]) -> tuple[TableFile, tuple[str, ...]]:
    """The table in a further file, and notes on what differs from the first.

    Types, number marks, words for missing cells and orders of dates are those of the reading. Where the file stands
    otherwise (another delimiter, encoding, packing or format, seen by the columns `wanted` not coming out), only that
    is found out anew.

    Raises:
        InputError: the file is no table.
    """
    container, raw = _as_before(path, reading.container, wanted)
    notes = []
    if raw is None:
        container, _, raw = propose_container(path, reading.container.member if _has_member(path, reading) else "")
        if container != reading.container:
            notes.append(f"“{path.name}” is {describe_container(container)}; the first file was"
                         f" {describe_container(reading.container)}.")  # fmt: skip
    elif container.encoding != reading.container.encoding:
        notes.append(f"“{path.name}” is {describe_container(container)}.")
    file = apply_reading(path, raw, reading.model_copy(update={"container": container}))
    if container.format == "csv" and (reading.decimal != "." or reading.thousands):
        between = f", {MARK_WORDS[reading.thousands]} between thousands" if reading.thousands else ""
        before = "a decimal comma" if reading.decimal == "," else "a decimal point"
        notes.append(f"Numbers are read as in the first file: {before}{between}.")
    return file, tuple(notes)


def check_readable(path: Path, file: TableFile, columns: Sequence[str]) -> None:
    """`InputError` when more than 20 % of a column's cells are not what the reading says.

    Those count that are more than in the file that was imported: what was accepted there is accepted here.
    """
    for one in file.unreadable:
        before = file.reading.unreadable.get(one.column, 0.0)
        if one.column in columns and one.share - before > MOST_UNREADABLE:
            rows = ", ".join(map(str, one.rows[:5])) + (" and more" if one.n > 5 else "")
            raise InputError(
                f"{one.n:,} of {one.n_filled:,} cells of “{one.column}” in “{path.name}” are no {one.what}:"
                f" “{one.example}” in row {one.rows[0]}, for one. Is it another column than before?",
                f"Correct rows {rows}; or, to have all of them taken as missing, allow it"
                " (`--allow-unreadable`, or the switch on the page).",
            )


def _as_before(path: Path, stored: Container, wanted: Sequence[str]) -> tuple[Container, RawTable | None]:
    """The cells as the stored container finds them, None where the wanted columns are not among them."""
    try:
        packing, member = find_packing(path, stored.member if stored.packing == "archive" else "")
        container = stored.model_copy(update={"packing": packing, "member": member})
        if (packing, member) != (stored.packing, stored.member):
            return container, None
        if packing != "folder":
            raw = read_bytes(path, container)
            if format_of(path, container, raw) != stored.format:
                return container, None
            container = container.model_copy(update={"encoding": _encoding(raw, stored.encoding)})
        table = open_raw(path, container)
    except InputError:
        return stored, None  # the reason is told when it is looked at anew
    return container, table if set(wanted) <= set(table.names) else None


def _has_member(path: Path, reading: TableReading) -> bool:
    if not reading.container.member:
        return False
    try:
        find_packing(path, reading.container.member)
    except InputError:
        return False
    return True


def _encoding(raw: bytes, stored: str) -> str:
    """The stored encoding; another where the bytes themselves say so: by a mark, or as UTF-8."""
    if not stored or raw.isascii():
        return stored
    found = candidates(raw)
    if found and found[0].encoding.startswith("utf"):
        return found[0].encoding
    return stored
