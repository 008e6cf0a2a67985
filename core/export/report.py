"""A report in one HTML file that opens offline: no script, its charts are SVG, light or dark as the system is."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from core.evaluation.scores import Scores
from core.export.summary import Part, Table, summarise
from core.schemas import Event
from core.store import runs

if TYPE_CHECKING:
    from core.export.job import Job

WIDTH, HEIGHT, LEFT, BELOW = 420, 220, 46, 34
MOST_CLASSES = 40  # in a matrix that can still be read
_STYLE = """
:root { color-scheme: light dark; --text: #1b2530; --quiet: #5b6773; --line: #d8dde2; --page: #fff;
  --blue: #0072b2; --orange: #c77700; --cell: 0, 114, 178; }
@media (prefers-color-scheme: dark) { :root { --text: #e8ecf0; --quiet: #a3adb8; --line: #3a444e; --page: #14191f;
  --blue: #56b4e9; --orange: #e69f00; --cell: 86, 180, 233; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 960px; padding: 24px 16px 64px; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; } h2 { font-size: 20px; margin: 36px 0 8px; }
p { margin: 6px 0; } .lead { font-size: 18px; } .quiet { color: var(--quiet); font-size: 14px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 12px 0; font-size: 15px; }
th, td { padding: 5px 14px 5px 0; text-align: left; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
th { font-weight: 600; } td:not(:first-child) { font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix th, .matrix td { padding: 6px 10px; text-align: center; border: 1px solid var(--page); }
.matrix th:first-child { text-align: right; }
.charts { display: flex; flex-wrap: wrap; gap: 16px; }
.charts figure { margin: 0; flex: 1 1 300px; max-width: 460px; }
svg { width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--line); } .validation, .training { fill: none; stroke: var(--blue); stroke-width: 2; }
.training { stroke-dasharray: 2 4; } .phase { stroke: var(--quiet); stroke-dasharray: 4 4; }
"""


def write_report(job: "Job") -> Path:
    summary, path = summarise(job.run), job.file(".html")
    parts = {name: _part(part) for name, part in summary.parts.items()}
    parts["settings"] += _curves(runs.read_events(job.run.id))
    parts["results"] += _matrix(summary.scores)
    path.write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(job.run.name)}</title>\n<style>{_STYLE}</style></head><body>\n"
        f'<h1>{escape(job.run.name)}</h1>\n<p class="lead">{escape(summary.lead)}</p>\n'
        f"{''.join(parts.values())}</body></html>\n",
        encoding="utf-8",
    )
    return path


def _part(part: Part) -> str:
    said = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in part.sentences)
    return f"<h2>{escape(part.title)}</h2>\n{said}{''.join(map(_table, part.tables))}"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in table.rows)
    return f'<div class="wide"><table><tr>{head}</tr>\n{rows}</table></div>\n'


def _matrix(found: Scores) -> str:
    """The confusion matrix: true classes down, predicted ones across, a cell the darker the larger its share."""
    classes = found.classes
    if len(classes) > MOST_CLASSES:
        return '<p class="quiet">The confusion matrix of so many classes is in Graft.</p>\n'
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    rows = []
    for name, counts in zip(classes, found.confusion, strict=True):
        total = sum(counts) or 1
        cells = "".join(
            f'<td style="background: rgba(var(--cell), {0.04 + 0.5 * n / total:.2f})">{n or ""}</td>' for n in counts
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>\n")
    return (
        "<h2>Confusion matrix</h2>\n"
        '<p class="quiet">True classes down, predicted ones across.</p>\n'
        f'<div class="wide"><table class="matrix"><tr><th></th>{head}</tr>\n{"".join(rows)}</table></div>\n'
    )


def _curves(events: Sequence[Event]) -> str:
    """Loss and accuracy over the epochs of all phases, validation solid and training dotted."""
    epochs = [event for event in events if "val_loss" in event.values]
    if len(epochs) < 2:
        return ""
    charts = "".join(_curve(epochs, metric) for metric in ("loss", "accuracy"))
    return (
        f'<h2>Learning</h2>\n<div class="charts">{charts}</div>\n'
        '<p class="quiet">Solid: validation samples. Dotted: training samples.'
        " A dashed line: the next phase begins.</p>\n"
    )


def _curve(epochs: Sequence[Event], metric: str) -> str:
    keys = {"validation": f"val_{metric}", "training": metric}
    values = [event.values[key] for event in epochs for key in keys.values() if key in event.values]
    low, high = (0.0, max(max(values), 1e-9)) if metric == "loss" else (min(*values, 0.99), 1.0)

    def place(number: int, value: float) -> tuple[float, float]:
        right = LEFT + (WIDTH - LEFT - 8) * number / (len(epochs) - 1)
        return right, 10 + (HEIGHT - BELOW - 10) * (high - value) / (high - low)

    marks = []
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        _, y = place(0, value)
        marks.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for number in range(1, len(epochs)):
        if epochs[number].phase != epochs[number - 1].phase:
            x = (place(number, low)[0] + place(number - 1, low)[0]) / 2
            marks.append(f'<line class="phase" x1="{x:.1f}" x2="{x:.1f}" y1="10" y2="{HEIGHT - BELOW}"/>')
    for name, key in keys.items():
        points = [place(i, event.values[key]) for i, event in enumerate(epochs) if key in event.values]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks.append(f'<polyline class="{name}" points="{path}"/>')
    middle, title = (LEFT + WIDTH) / 2, metric.capitalize()
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title} over the epochs">'
        f'{"".join(marks)}<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{title} over'
        f" {len(epochs)} epochs</text></svg></figure>\n"
    )
