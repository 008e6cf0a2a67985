"""A reading in words, for notes and pages."""

from core.data.reading.record import Container, TableReading

DELIMITER_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
MARK_WORDS = {".": "points", ",": "commas", " ": "spaces", "'": "apostrophes"}
FORMAT_WORDS = {"csv": "text", "parquet": "Parquet", "excel": "a spreadsheet", "jsonl": "JSON lines", "json": "JSON",
                "feather": "Feather"}  # fmt: skip
PACKING_WORDS = {"gzip": "in gzip", "bz2": "in bzip2", "xz": "in xz", "folder": "in several files"}
ENCODING_WORDS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16",
                  "utf-16-be": "UTF-16", "cp1252": "Windows-1252 (Western Europe)",
                  "cp1250": "Windows-1250 (Central Europe)", "cp1251": "Windows-1251 (Cyrillic)",
                  "cp1253": "Windows-1253 (Greek)", "cp1254": "Windows-1254 (Turkish)",
                  "cp1257": "Windows-1257 (Baltic)", "iso8859_2": "ISO 8859-2 (Central Europe)",
                  "koi8_r": "KOI8-R (Russian)", "cp866": "code page 866 (Russian)", "cp850": "code page 850 (DOS)",
                  "mac_roman": "Mac Roman", "gb18030": "GB 18030 (Chinese)", "big5hkscs": "Big5 (Chinese)",
                  "cp932": "Shift-JIS (Japanese)", "euc_jp": "EUC-JP (Japanese)", "cp949": "EUC-KR (Korean)",
                  "iso2022_jp": "ISO-2022-JP (Japanese)", "mac_turkish": "Mac (Turkish)",
                  "mac_cyrillic": "Mac (Cyrillic)", "mac_greek": "Mac (Greek)", "mac_latin2": "Mac (Central Europe)",
                  "mac_croatian": "Mac (Croatian)", "iso8859_5": "ISO 8859-5 (Cyrillic)",
                  "iso8859_7": "ISO 8859-7 (Greek)", "iso8859_9": "ISO 8859-9 (Turkish)",
                  "iso8859_13": "ISO 8859-13 (Baltic)", "iso8859_15": "ISO 8859-15 (Western Europe)",
                  "iso8859_16": "ISO 8859-16 (Romanian)", "cp852": "code page 852 (Central Europe)",
                  "cp857": "code page 857 (Turkish)", "cp737": "code page 737 (Greek)",
                  "cp1125": "code page 1125 (Ukrainian)", "koi8_u": "KOI8-U (Ukrainian)"}  # fmt: skip


def describe_container(container: Container) -> str:
    """“text in UTF-8, semicolons between cells, 2 lines above the header”."""
    text = FORMAT_WORDS[container.format]
    if container.encoding:
        text += f" in {ENCODING_WORDS.get(container.encoding, container.encoding)}"
    if container.packing:
        text += f", {PACKING_WORDS.get(container.packing) or f'“{container.member}” in an archive'}"
    if container.sheet:
        text += f", sheet “{container.sheet}”"
    if container.delimiter:
        text += f", {DELIMITER_WORDS.get(container.delimiter, container.delimiter)} between cells"
    if container.skip_lines:
        noun = "line" if container.skip_lines == 1 else "lines"
        text += f", {container.skip_lines} {noun} above the header"
    return text if container.header else f"{text}, no header"


def describe_reading(reading: TableReading) -> str:
    """The container, and the marks of numbers where they are not the plain ones."""
    text = describe_container(reading.container)
    if reading.decimal == ",":
        text += ", decimal comma"
    if reading.thousands:
        text += f", {MARK_WORDS.get(reading.thousands, reading.thousands)} between thousands"
    return text


def describe_changes(before: TableReading, now: TableReading) -> str:
    """What differs between two readings of one file, in a few words; empty where nothing does."""
    said = []
    for field in Container.model_fields:
        old, new = getattr(before.container, field), getattr(now.container, field)
        if old != new and field != "skipped":
            said.append(f"{field.replace('_', ' ')} {_quoted(new)} instead of {_quoted(old)}")
    for field in ("decimal", "thousands"):
        old, new = getattr(before, field), getattr(now, field)
        if old != new:
            said.append(f"{field} {_quoted(new)} instead of {_quoted(old)}")
    known = {column.name: column for column in before.columns}
    changed = [c.name for c in now.columns if c.name in known and known[c.name] != c]
    if changed:
        shown = ", ".join(f"“{name}”" for name in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        said.append(f"{shown}{more} read otherwise")
    if set(known) != {column.name for column in now.columns}:
        said.append("other columns")
    return ", ".join(said)


def _quoted(value: object) -> str:
    return "none" if value in ("", False) else "yes" if value is True else f"“{value}”"
