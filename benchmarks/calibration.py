"""How much surer than right probabilities are that few samples calibrated: `python -m benchmarks.calibration`

Logistic regressions, with scikit-learn's penalty and with a hundredth of it, trained on 60 samples of real data; 20,
50 and 100 others calibrate them, the rest judges. Each set is taken with its labels and with shuffled ones, which
nothing tells. What is told is the mean over the draws of the confidence in the predicted class less the accuracy.
"""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import Benchmark
from benchmarks.vector_sets import SETS, Rows
from core.evaluation.scaling import fit_scaling

BENCHMARK = Benchmark(
    name="calibration",
    what=(
        "mean confidence less accuracy after calibration on 20 / 50 / 100 validation samples, real data and the same"
        " with shuffled labels, 400 draws"
    ),
    goal="at most 3 points",
    minutes=12,
)

SEED, DRAWS, TRAINED = 2026, 400, 60
SIZES = (20, 50, 100)
PENALTIES = {"usual penalty": 1.0, "hardly any penalty": 100.0}
NAMES = ("digits", "breast cancer", "wine", "penguins", "clip art")


def excess(rows: Rows, shuffled: bool, c: float) -> np.ndarray:
    """Points of confidence above the accuracy, `(draws, 1 + sizes)`; the first is that without calibration."""
    x, y = rows
    found = np.zeros((DRAWS, 1 + len(SIZES)))
    for draw in range(DRAWS):
        rng = np.random.default_rng((SEED, draw))
        labels = rng.permutation(y) if shuffled else y
        train, rest = train_test_split(np.arange(len(y)), train_size=TRAINED, stratify=labels, random_state=draw)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=300)).fit(x[train], labels[train])
        share = model.predict_proba(x[rest])
        for place, n in enumerate((0, *SIZES)):
            judged = np.arange(len(rest))
            mended = share
            if n:
                known, judged = train_test_split(judged, train_size=n, stratify=labels[rest], random_state=draw)
                mended = fit_scaling(share[known], labels[rest][known])(share)
            predicted = share[judged].argmax(axis=1)
            confidence = mended[judged, predicted]
            found[draw, place] = 100 * np.mean(confidence - (predicted == labels[rest][judged]))
    return found


def main() -> None:
    warnings.filterwarnings("ignore")
    for name in NAMES:
        rows = SETS[name]()
        for shuffled in (False, True):
            for title, c in PENALTIES.items():
                found = excess(rows, shuffled, c)
                means = found.mean(axis=0)
                error = found[:, 1:].std(axis=0).max() / np.sqrt(DRAWS)
                print(
                    f"{name}{', shuffled labels' if shuffled else ''}, {title}:"
                    f" {' / '.join(f'{value:+.1f}' for value in means[1:])} points (without calibration"
                    f" {means[0]:+.1f}; standard error at most {error:.1f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
