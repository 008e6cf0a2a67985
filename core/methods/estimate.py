"""How long a run will take on this machine, estimated from the runs it has already done."""

from statistics import median

from core.errors import InputError
from core.methods.backbones import get_backbone
from core.methods.pretrained import BACKBONES
from core.methods.strategies import STRATEGIES, trains_network
from core.schemas import ResolvedSpec, RunRecord, now
from core.store import runs

# Seconds on two CPU cores, used until this machine has finished a run: start with imports, without and with Keras,
# solving a head on one sample, one image through the smallest backbone at 224 px, one epoch of a head, forward and
# backward pass of one image through the last blocks and through the whole network, and drawing one augmented view.
START = {False: 2.0, True: 6.0}
SOLVE = 1e-3
EMBED = 1 / 150
HEAD_EPOCH = 0.06
TUNE = 1 / 120
WHOLE_EPOCH = 1 / 22
DRAW = 1 / 150
SMALLEST = next(iter(BACKBONES))
REMEMBERED = 8


def baseline_seconds(spec: ResolvedSpec, n: int) -> float:
    """Seconds for a resolved spec on `n` samples, from the constants alone."""
    folds = spec.folds or 1
    strategy = STRATEGIES.get(spec.strategy)  # an ensemble of finished runs has none
    total = START[trains_network(spec)] + folds * spec.epochs * (HEAD_EPOCH + n * 2e-5)
    if strategy and strategy.solved:
        total += folds * n * SOLVE
    if spec.backbone and spec.image_size:
        cost = _cost(spec.backbone, spec.image_size)
        total += n * EMBED * cost
        if spec.views:
            seen = n * 0.6 * spec.views  # the share of training samples
            total += seen * (EMBED + DRAW) * cost
            n = round(n + seen)
        if spec.fine_tune_epochs:
            total += 4 + n * EMBED * cost + folds * spec.fine_tune_epochs * n * TUNE * cost
        if strategy and not strategy.pretrained:
            total += folds * spec.epochs * n * WHOLE_EPOCH * cost
    return total


def _cost(name: str, size: int) -> float:
    """Work per image relative to that of the measurements above; 0.73 for the smallest backbone at 224 px."""
    try:
        backbone = get_backbone(name)
    except InputError:  # its run has been deleted since: estimate as for the smallest
        backbone = get_backbone(SMALLEST)
    return 0.73 * backbone.multiply_adds / 383.9e6 * (size / backbone.input_size) ** 2


def estimated_seconds(spec: ResolvedSpec, n: int) -> float:
    """Seconds, the constants corrected by the times of the last runs on this machine."""
    ratios = []
    for run in runs.list_runs(states=["succeeded"])[:REMEMBERED]:
        if run.duration:
            ratios.append(run.duration / baseline_seconds(run.spec, run.n))
    return baseline_seconds(spec, n) * (min(4.0, max(0.25, median(ratios))) if ratios else 1.0)


def seconds_left(run: RunRecord) -> float | None:
    """Estimated seconds until a running run ends; `None` before it has started."""
    if run.started is None:
        return None
    gone = max(0.0, (now() - run.started).total_seconds())
    return max(1.0, estimated_seconds(run.spec, run.n) - gone)
