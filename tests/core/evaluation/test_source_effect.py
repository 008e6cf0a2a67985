"""What a source did: told from the same test samples, and never as a gain that is not shown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import NotFoundError
from core.evaluation.source_effect import source_effect
from core.schemas import ResolvedSpec, RunRecord
from core.store import runs


def predictions(right: np.ndarray) -> pd.DataFrame:
    """Two classes by turns, predicted as `right` says."""
    label = np.where(np.arange(len(right)) % 2, "b", "a")
    predicted = np.where(right, label, np.where(label == "a", "b", "a"))
    rows = pd.DataFrame({"id": [f"{i:04d}" for i in range(len(right))], "path": "", "part": "test", "fold": 0})
    rows = rows.assign(label=label, predicted=predicted, confidence=0.9)
    return rows.assign(**{f"p:{c}": np.where(predicted == c, 0.9, 0.1) for c in "ab"})


def run_with(workspace: Path, mine: float, target: float | None, source: float = 0.6, n: int = 400) -> RunRecord:
    """A run right on the first share of its samples, and its baselines right on theirs."""
    spec = ResolvedSpec(data="rows", source=("others",), strategy="instance_weighting")
    run = runs.create_run(spec, name="weighed", dataset="rows", version="v1", test_hash="h", n=n)
    share = np.arange(n) / n
    folder = runs.run_folder(run.id)
    predictions(share < mine).to_parquet(folder / "predictions.parquet")
    baselines = [predictions(share < source).assign(baseline="source_only")]
    if target is not None:
        baselines.append(predictions(share < target).assign(baseline="target_only"))
    pd.concat(baselines).to_parquet(folder / "baselines.parquet")
    return run


@pytest.mark.parametrize(
    ("mine", "target", "told"),
    [
        (0.9, 0.8, "The source helped: +10"),
        (0.8, 0.9, "Negative transfer"),
        (0.9, 0.895, "No difference to your data alone is shown"),
        (0.895, 0.9, "The source did not help"),
        (0.9, None, "is unknown"),
    ],
)
def test_the_source_is_said_to_help_or_to_harm_only_where_that_is_shown(workspace, mine, target, told):
    found = source_effect(run_with(workspace, mine, target))
    assert told in found.in_words()
    assert found.scores["With the source"].accuracy == pytest.approx(mine)
    assert found.scores["The source alone"].accuracy == pytest.approx(0.6)
    assert found.effective_size is None


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (0.8, "Against the source alone it gains +10"),
        (0.99, "The source alone would have done better: −9"),
        (0.895, "Against the source alone, no difference is shown"),
    ],
)
def test_the_source_alone_is_named_beside_it(workspace, source, told):
    assert told in source_effect(run_with(workspace, 0.9, 0.7, source=source)).in_words()


def test_few_heavy_rows_are_worth_few(workspace):
    run = run_with(workspace, 0.9, 0.8)
    weights = pd.DataFrame({"fold": 0, "label": "a", "weight": [10.0, 10.0, *[0.0] * 98]})
    weights.to_parquet(runs.run_folder(run.id) / "weights.parquet")
    assert source_effect(run).effective_size == pytest.approx(2)


def test_a_run_without_baselines_says_so(workspace):
    run = run_with(workspace, 0.9, 0.8)
    (runs.run_folder(run.id) / "baselines.parquet").unlink()
    with pytest.raises(NotFoundError, match="no baselines"):
        source_effect(run)
