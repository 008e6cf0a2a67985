"""Numbers, times and names as people read them."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from core.evaluation.comparison import format_points
from core.evaluation.intervals import Interval
from core.evaluation.scores import format_interval
from core.jobs.devices import Gpu
from core.methods.estimate import seconds_left
from core.schemas import RunRecord, RunState, now
from core.store import datasets

STATES: dict[RunState, tuple[str, str]] = {  # colour and icon
    "queued": ("gray", ":material/hourglass_empty:"),
    "starting": ("blue", ":material/play_circle:"),
    "running": ("blue", ":material/play_circle:"),
    "succeeded": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/cancel:"),
    "interrupted": ("orange", ":material/power_off:"),
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|$:~<>&])")


def literal(text: str) -> str:
    """`text` escaped, so that Markdown shows it unchanged; class and file names come from outside."""
    return _MARKDOWN.sub(r"\\\1", text)


def shorten(name: str, length: int = 18) -> str:
    """A name cut to what fits on one line under a picture."""
    return name if len(name) <= length else name[: length - 1] + "…"


def list_some(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(literal, names[:most])) + more


def duration(seconds: float, about: str = "about ") -> str:
    """“40 s”, “about 3 min”, “about 2 h”; `about` is put before a rounded value."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{about}{round(seconds / 60)} min"
    return f"{about}{round(seconds / 3600)} h"


def time_left(run: RunRecord) -> str:
    """“20 s left”; “nearly done” where a run takes longer than estimated; nothing before it has started."""
    left = seconds_left(run)
    if left is None:
        return ""
    return f"{duration(left)} left" if left > 1 else "nearly done"


def format_accuracy(run: RunRecord) -> str:
    """“0.84 (0.72–0.91)”: the accuracy on the run's test samples; "" before it has been judged."""
    m = run.metrics
    return format_interval(m["accuracy"], m["accuracy_low"], m["accuracy_high"]) if m else ""


def label_runs(records: Iterable[RunRecord]) -> dict[str, str]:
    """“Random forest · Penguins” for each run, by its id; a dataset that is gone goes by its id."""
    names = {dataset.id: dataset.name for dataset in datasets.list_datasets()}
    return {run.id: f"{run.name} · {names.get(run.dataset, run.dataset)}" for run in records}


def size(n_bytes: float) -> str:
    """“3.1 MB”, “240 kB”."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= step:
            value = n_bytes / step
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{n_bytes:.0f} bytes"


def gpu_usage(gpu: Gpu) -> str:
    """“GPU 0: 43 %, 12 of 80 GB”, a dash for what the driver does not report."""
    use = "–" if gpu.use is None else f"{gpu.use:.0f} %"
    used, all_ = ("–" if mb is None else f"{mb / 1024:.0f}" for mb in (gpu.memory_used, gpu.memory))
    return f"GPU {gpu.index}: {use}, {used} of {all_} GB"


def time_since(moment: datetime) -> str:
    """“just now”, “5 min ago”, “2 h ago”, or the date."""
    seconds = (now() - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 24 * 3600:
        return f"{int(seconds // 3600)} h ago"
    return f"{moment:%d %b %Y}"


def state_badge(run: RunRecord) -> str:
    """The state as a Markdown badge with its icon."""
    colour, icon = STATES[run.state]
    return f":{colour}-badge[{icon} {run.state}]"


def plural(n: int, one: str, many: str | None = None) -> str:
    """“1 image”, “2 images”."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def format_gain(gain: float | None, interval: Interval | None) -> str:
    """A difference of two shares in points, with its interval; nothing where there is none."""
    if gain is None or interval is None:
        return ""
    return format_points(gain, *interval)
