"""A model card in Markdown (Mitchell et al. 2019)."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.export.summary import Part, Table, summarise

if TYPE_CHECKING:
    from core.export.job import Job


def write_card(job: "Job") -> Path:
    summary = summarise(job.run)
    parts = [f"# {_plain(job.run.name)}", _plain(summary.lead), *(_part(part) for part in summary.parts.values())]
    path = job.file(".md")
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _part(part: Part) -> str:
    lines = "\n".join(f"- {_plain(sentence)}" for sentence in part.sentences)
    return "\n\n".join([f"## {part.title}", *([lines] if lines else []), *map(_table, part.tables)])


def _table(table: Table) -> str:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows)


def _plain(text: str) -> str:
    """Text in which nothing is markup; names come from outside."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
