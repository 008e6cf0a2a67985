"""What a comparison of two domains says, as pages read it."""

import pandas as pd

from core.evaluation.intervals import Interval
from core.jobs import tasks
from core.schemas import Frozen, Kind

SAMPLES, COLUMNS = "samples.parquet", "columns.parquet"


class ColumnShift(Frozen):
    """How one column, or one thing measured of images, differs between source and target.

    `psi` is the population stability index (Siddiqi 2006) over the source's deciles or over the categories, missing
    cells among them. `gap` is the largest difference of the distribution functions (Kolmogorov and Smirnov), or half
    the sum of the differences of shares, `p` that of its test or of the χ² test, `p_adjusted` after Holm's correction
    over the columns. `wasserstein` counts in standard deviations of the source. None where it cannot be had.
    """

    name: str
    numeric: bool
    psi: float
    gap: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    wasserstein: float | None = None
    missing: tuple[float, float] = (0.0, 0.0)


class Expectation(Frozen):
    """The accuracy that a run is expected to reach on `n` target samples, with its 95 % interval.

    From `n_held_out` samples of the source that it had not learnt from, a share `on_held_out` of them right. Where
    the target has labels, `actual` is what it reaches.
    """

    run: str
    name: str
    n_held_out: int
    on_held_out: float
    n: int
    accuracy: float
    accuracy_ci: Interval
    actual: float | None = None
    actual_ci: Interval | None = None


class Distance(Frozen):
    """The result of the task `distance`: how far the target's samples are from the source's.

    `source` and `target` name data with its version; of `of_source` and `of_target` samples `n_source` and `n_target`
    were compared. `mmd` is the unbiased estimate of the squared maximum mean discrepancy, at most 2 and below 0 where
    there is none, `mmd_p` its permutation test. `domain_auc` is how well a cross-validated classifier tells the two
    apart, with its 95 % interval. `unexpected` is why nothing is expected of a run that was named. `consistency`
    tells how often probes of the source, the target and both agree on the target (`core.advice.domain.consistency`).
    Of tables, `dimensions` counts the prepared columns. See `core.advice.domain.distances`.
    """

    source: str
    target: str
    kind: Kind
    n_source: int
    n_target: int
    of_source: int
    of_target: int
    shared: int = 0
    dimensions: int
    backbone: str = ""
    image_size: int = 0
    mmd: float
    mmd_p: float
    domain_auc: float
    domain_auc_ci: Interval
    a_distance: float
    coral: float
    frechet: float
    columns: tuple[ColumnShift, ...] = ()
    expectation: Expectation | None = None
    unexpected: str = ""
    consistency: dict[str, float] | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """What `python -m core distance` prints."""
        found = self.expectation
        expected = {
            "expected_accuracy": found.accuracy if found else None,
            "expected_accuracy_ci": found.accuracy_ci if found else None,
        }
        return self.model_dump(mode="json") | expected


class Candidate(Frozen):
    """A dataset that a target could learn from, `source` with its version, `n` of its samples looked at.

    `domain_auc` and `mmd` as in `Distance`. `alone` is the accuracy of a probe of the source on the target's samples,
    None where the source lacks classes of the target; `own` that of cross-validated probes of the target's
    own labels, on the very same samples, `together` that of both, and `gain` the difference. Intervals are of 95 %,
    `gain_ci` for all candidates at once. Where a figure is None, `note` says why.
    """

    source: str
    name: str
    n: int = 0
    domain_auc: float | None = None
    domain_auc_ci: Interval | None = None
    mmd: float | None = None
    alone: float | None = None
    alone_ci: Interval | None = None
    own: float | None = None
    together: float | None = None
    gain: float | None = None
    gain_ci: Interval | None = None
    note: str = ""


class Candidates(Frozen):
    """The result of the task `candidates`, the largest gain first.

    Of `of` training and validation samples of the target `n` were looked at, and no test samples. `recommended` is
    the `source` whose gain is largest and surely one, None where no gain is sure.
    """

    data: str
    n: int
    of: int
    folds: int
    sources: tuple[Candidate, ...]
    recommended: str | None = None

    def as_json(self) -> dict[str, object]:
        """What `python -m core rank --sources` prints."""
        return self.model_dump(mode="json")


class Remedy(Frozen):
    """A method against a shift, and what it made of it.

    `domain_auc` is how well a linear classifier then tells source and target apart, as the method weighs and moves
    their samples; `effective_size` as how many source samples of equal weight the weighted ones tell. `accuracy` is
    that of a probe that learnt the source with its help on the target, `gain` the difference to one without,
    `gain_ci` its 95 % interval for all methods at once. Where figures are None, `note` says why.
    """

    strategy: str
    title: str
    method: str | None = None
    domain_auc: float | None = None
    effective_size: float | None = None
    accuracy: float | None = None
    gain: float | None = None
    gain_ci: Interval | None = None
    note: str = ""


class Remedies(Frozen):
    """The result of the task `remedies`, the largest gain first: `n` samples of the target, and no test samples.

    `domain_auc` and `accuracy` are those of the source as it is.
    """

    source: str
    target: str
    n_source: int
    n: int
    domain_auc: float
    accuracy: float
    accuracy_ci: Interval
    remedies: tuple[Remedy, ...]

    @property
    def recommended(self) -> Remedy | None:
        """The largest gain that is surely one."""
        return next((r for r in self.remedies if r.gain_ci and r.gain_ci[0] > 0), None)


def read_comparison(task_id: str) -> tuple[Distance, pd.DataFrame, pd.DataFrame]:
    """What a task that succeeded has found, its samples, and their columns in the same order.

    Of each sample: side, id, path, label, score (how much it looks like the target), and its places on the map.
    """
    folder = tasks.task_folder(task_id)
    found = Distance.model_validate(tasks.result(task_id))
    return found, pd.read_parquet(folder / SAMPLES), pd.read_parquet(folder / COLUMNS)
