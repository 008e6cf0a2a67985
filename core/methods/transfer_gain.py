"""The gain from pretrained weights: a run compared with the same network trained from random weights.

By the three measures of Torrey and Shavlik (2010), “Transfer learning”: higher start, higher slope, higher asymptote.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.evaluation.comparison import Pair, compare_predictions
from core.evaluation.scores import judged_rows
from core.methods.presets import PRESETS
from core.methods.strategies import STRATEGIES
from core.schemas import Event, Frozen, ResolvedSpec, RunRecord
from core.store import runs

BASELINE = next(strategy.name for strategy in STRATEGIES.values() if not strategy.pretrained)
PERCENT = 100


class Course(Frozen):
    """A run's validation accuracy: after the first epoch, at its best, and the time to reach a threshold.

    `epochs` and `seconds` are None if the threshold was never reached; `gap` is training minus validation accuracy
    in the best epoch.
    """

    first: float
    best: float
    epochs: int | None
    seconds: float | None
    gap: float


class Gain(Frozen):
    """A run and its baseline: both courses, and the difference on the test samples with its confidence interval.

    `unfair` says in what the baseline had less of a chance; empty where it is a fair one.
    """

    run: Course
    baseline: Course
    accuracy: Pair
    unfair: tuple[str, ...] = ()

    @property
    def negative(self) -> bool:
        """Whether random weights are significantly better: negative transfer."""
        return self.accuracy.significant and self.accuracy.difference < 0


def baseline_of(run: RunRecord) -> RunRecord | None:
    """The newest fair baseline: the same network from random weights on the same test samples; else the newest."""
    if not run.spec.strategy or run.spec.strategy == BASELINE or run.spec.folds:
        return None
    known = runs.list_runs(dataset=run.dataset, states=["succeeded"])
    wanted = (BASELINE, run.spec.backbone, run.test_hash)
    found = [r for r in known if (r.spec.strategy, r.spec.backbone, r.test_hash) == wanted]
    return next((r for r in found if not differences(run, r)), found[0] if found else None)


def differences(run: RunRecord, baseline: RunRecord) -> tuple[str, ...]:
    """In what the baseline had less of a chance than the run, as parts of a sentence.

    A fair one learns from the same samples at the same image size, and for at least as many epochs as the run in all
    its stages, unless early stopping ended it before.
    """
    ours, theirs = run.spec, baseline.spec
    found = []
    if baseline.version != run.version:
        found.append("it learnt from another version of the data")
    if theirs.image_size != ours.image_size:
        found.append(f"it saw images of {theirs.image_size} px, the run of {ours.image_size} px")
    if theirs.epochs < fair_epochs(ours) and not stopped_early(baseline):
        found.append(
            f"it ended after {theirs.epochs} epochs without having come to a stop; {fair_epochs(ours)} would be fair"
        )
    return tuple(found)


def fair_epochs(spec: ResolvedSpec) -> int:
    """Epochs that a baseline must be allowed: those of the run, and those that the presets give one of its own."""
    usual: int = PRESETS["image"]["quick"]["epochs"]
    return max(spec.epochs + spec.fine_tune_epochs, usual)


def stopped_early(run: RunRecord) -> bool:
    """Whether the run's last fit ended by itself before all its epochs were done."""
    events = [event for event in runs.read_events(run.id) if event.values]
    asked = any("on request" in note for note in run.notes)
    return bool(events) and not asked and events[-1].epoch < events[-1].epochs


def fair_baseline(run: RunRecord) -> dict[str, Any]:
    """The fields of a spec that trains a fair baseline for the run, beside its data, image size and seed."""
    return {"strategy": BASELINE, "backbone": run.spec.backbone, "epochs": fair_epochs(run.spec)}


def compare_with_baseline(run: RunRecord, baseline: RunRecord) -> Gain:
    """Compare a run with its baseline. `InputError` if they were not evaluated on the same samples."""
    rows = {r.id: judged_rows(runs.read_predictions(r.id)) for r in (baseline, run)}
    accuracy = next(pair for pair in compare_predictions(rows) if pair.metric == "accuracy")
    events = {r.id: _epochs(runs.read_events(r.id)) for r in (baseline, run)}
    mark = max((e.values["val_accuracy"] for e in events[baseline.id]), default=0.0)
    courses = [learning_course(events[r.id], mark, r.started or r.created) for r in (run, baseline)]
    return Gain(run=courses[0], baseline=courses[1], accuracy=accuracy, unfair=differences(run, baseline))


def _epochs(events: Sequence[Event]) -> list[Event]:
    """The epochs among a run's events; of the penalties that were tried for a solved head the one that was kept."""
    steps = [event for event in events if "val_accuracy" in event.values]
    tried = [event for event in steps if "l2" in event.values]
    kept = [min(tried, key=lambda event: event.values["val_loss"])] if tried else []
    return kept + [event for event in steps if "l2" not in event.values]


def learning_course(events: Sequence[Event], mark: float, began: datetime) -> Course:
    """Summary of the epochs, in order; `mark` is the validation accuracy to be reached."""
    values = [e.values["val_accuracy"] for e in events]
    if not values:
        return Course(first=0.0, best=0.0, epochs=None, seconds=None, gap=0.0)
    there = next((i for i, value in enumerate(values) if value >= mark), None)
    best = max(range(len(values)), key=values.__getitem__)
    return Course(
        first=values[0],
        best=values[best],
        epochs=None if there is None else there + 1,
        seconds=None if there is None else (events[there].time - began).total_seconds(),
        gap=events[best].values.get("accuracy", values[best]) - values[best],
    )


def describe_gain(gain: Gain) -> str:
    """Whether the pretrained weights helped, as a sentence."""
    pair = gain.accuracy
    low, high = (PERCENT * bound for bound in pair.ci)
    points = f"{PERCENT * pair.difference:+.1f} points ({low:+.1f} to {high:+.1f})"
    if gain.unfair:
        return f"Not a fair comparison: of the baseline, {'; '.join(gain.unfair)}. The difference is {points}."
    if gain.negative:
        return f"Negative transfer: random weights did better, {points} on the test samples, p = {pair.p:.2g}."
    if pair.significant:
        return f"The pretrained weights helped: {points} on the test samples, p = {pair.p:.2g}."
    return f"No gain over random weights is shown: {points} on the test samples, p = {pair.p:.2g}."
