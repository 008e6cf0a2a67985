"""Do intervals of ROC AUC and average precision hold for cross-validated runs? `python -m benchmarks.fold_areas`

As `benchmarks.folds`, of which it takes two distributions of two classes, logistic regression and the tree; what is
estimated is the mean area of the procedure at this number of rows. Nothing was chosen by it.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.folds import BLOCKS, DISTRIBUTIONS, FOLDS, FRESH, LEARNERS, SIZES, Rows, drawn
from benchmarks.harness import Benchmark
from core.evaluation.areas import average_precision, roc_auc
from core.evaluation.intervals import fold_share

BENCHMARK = Benchmark(
    name="fold_areas",
    what=(
        "how often 95 % intervals of ROC AUC and average precision of a cross-validation in five folds hold, 500"
        " draws each of 60 / 150 / 600 rows"
    ),
    goal="93 % and more",
    minutes=4,
)

SEED, DRAWS, TAUGHT = 2027, 500, 100
COLUMNS = BLOCKS[0]


def simulated(rows: Callable[..., Rows], make: Callable[[int], Any], n: int) -> np.ndarray:
    """Percent of draws whose interval holds: of ROC AUC as if samples were independent and corrected; then of AP."""
    rng = np.random.default_rng((SEED, n))
    fresh, answers = drawn(rows, rng, FRESH)
    true, ends = [], []
    for draw in range(DRAWS):
        x, y = drawn(rows, rng, n)
        score = np.zeros(n)
        for learnt, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=draw).split(x, y):
            model = make(draw).fit(x[learnt][:, COLUMNS], y[learnt])
            score[judged] = model.predict_proba(x[judged][:, COLUMNS])[:, 1]
        if draw < TAUGHT:
            sure = make(draw).fit(x[:, COLUMNS], y).predict_proba(fresh[:, COLUMNS])[:, 1]
            true.append((roc_auc_score(answers, sure), average_precision_score(answers, sure)))
        ends.append(
            [area(score, y == 1, w)[1] for area in (roc_auc, average_precision) for w in (1, fold_share(FOLDS))]
        )
    low, high = np.array(ends).transpose(2, 0, 1)
    area = np.repeat(np.mean(true, axis=0), 2)
    held: np.ndarray = 100 * np.mean((low <= area) & (area <= high), axis=0)
    return held


def main() -> None:
    warnings.filterwarnings("ignore")
    for place in ("interactions", "rare class"):
        for name in ("logistic regression", "tree"):
            found = np.array([simulated(DISTRIBUTIONS[place], LEARNERS[name], n) for n in SIZES])
            pooled, auc, pooled_precision, precision = (" / ".join(f"{v:.1f}" for v in kind) for kind in found.T)
            print(
                f"{place}, {name}: ROC AUC {auc} % (as of independent samples {pooled}), average precision"
                f" {precision} % ({pooled_precision})",
                flush=True,
            )


if __name__ == "__main__":
    main()
