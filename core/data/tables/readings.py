"""The reading of a stored import: its own, or one that its schema implies."""

from pathlib import Path

import pandas as pd

from core.data.reading.record import MISSING_WORDS, ColumnReading, Container, TableReading
from core.data.tables.schema import load_schema
from core.store.files import write_text

READING = "reading.json"


def save_reading(folder: Path, reading: TableReading) -> None:
    """Write the reading beside the import's data."""
    write_text(folder / READING, reading.model_dump_json(indent=1, exclude_defaults=True))


def import_reading(folder: Path) -> TableReading:
    """How an import was read; of one made before readings were kept, what its schema tells."""
    path = folder / READING
    if path.exists():
        return TableReading.model_validate_json(path.read_text("utf-8"))
    schema = load_schema(folder)
    labels = pd.read_parquet(folder / "manifest.parquet", columns=["label"])["label"].dropna()
    numbers = bool(len(labels)) and bool(pd.to_numeric(labels, errors="coerce").notna().all())
    columns = [
        ColumnReading(name=c.name, type="number" if c.kind == "numeric" else "text", missing=MISSING_WORDS)
        for c in schema.columns
    ]
    if schema.target:
        columns.append(ColumnReading(name=schema.target, type="number" if numbers else "text", missing=MISSING_WORDS))
    return TableReading(
        container=Container.model_validate(
            {"format": schema.format, "encoding": schema.encoding, "delimiter": schema.delimiter}
        ),
        decimal=schema.decimal,
        thousands=schema.thousands[:1],
        columns=tuple(columns),
        derived=True,
    )
