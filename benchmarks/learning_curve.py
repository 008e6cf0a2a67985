"""How far the accuracy told for twice the images is from the one reached: python -m benchmarks.learning_curve

    [--seeds 5] [--first 0] [--sets cifar mnist digits]

Lite0's embeddings at 96 px of 100 images a class; the curve of their cross-validated linear probe tells the accuracy
at 200 a class. What is reached there: a probe on those 100 and as many new ones, judged on 300 others a class. Of
scikit-learn's digits, whose smallest class has 174, 70 tell of 140 and 34 judge. Seeds from 100 on served to
choose the form of the law.
"""

import argparse
import os
import tempfile

import numpy as np

from benchmarks import cifar, image_sets
from benchmarks.expectation import Given
from benchmarks.harness import Benchmark

BENCHMARK = Benchmark(
    name="learning_curve",
    what=(
        "accuracy of a linear probe on 200 images a class, foretold by the learning curve of 100 (digits: "
        "140 by 70), seeds 0 to 4"
    ),
    minutes=15,
)

SIZE = 96
# Images of a class that the curve is drawn from, and that judge.
PER_CLASS = {"cifar": (100, 300), "mnist": (100, 300), "digits": (70, 34)}


def images(name: str, seed: int, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of ten classes, class by class."""
    if name == "cifar":
        return cifar.sample(per_class, seed)
    known = image_sets.digits() if name == "digits" else image_sets.mnist("train")
    return image_sets.drawn(*known, per_class, seed)


def figures(name: str, seed: int) -> tuple[float, tuple[float, float], float, float]:
    """Accuracy told at twice the images with its interval, the one reached, and the one before."""
    from core.advice.transferability.learning_curve import extrapolate, measure_probes, subset_shares
    from core.data.findings.label_errors import fit_probe, normalize_embeddings, principal_components
    from core.embedding.embeddings import embed
    from core.evaluation.bootstrap import percentile_interval
    from core.methods.backbones import get_backbone

    few, judging = PER_CLASS[name]
    pixels, labels = images(name, seed, 2 * few + judging)
    place = np.tile(np.arange(2 * few + judging), 10)
    x = normalize_embeddings(embed(Given(pixels), get_backbone("efficientnet_lite0"), SIZE))
    known, twice, judged = place < few, place < 2 * few, place >= 2 * few
    groups = np.arange(known.sum())
    shares = subset_shares(labels[known], groups, [str(i) for i in range(10)])
    sizes, right = measure_probes(principal_components(x[known]), labels[known], groups, shares, lambda *_: None)
    whole, _ = extrapolate(sizes, right, labels[known], groups, np.array([known.sum(), 2.0 * known.sum()]))
    z = principal_components(x)
    reached = fit_probe(z[twice], labels[twice]).score_predictions(z[judged], labels[judged])
    return whole[0, 1], percentile_interval(whole[1:, 1]), reached, whole[0, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--sets", nargs="+", choices=PER_CLASS, default=list(PER_CLASS))
    arguments = parser.parse_args()
    every = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        for name in arguments.sets:
            off, held = [], 0
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                told, (low, high), reached, now = figures(name, seed)
                off.append(100 * (told - reached))
                held += low <= reached <= high
                print(f"{name}, seed {seed}: now {now:.3f}, told {told:.3f}, reached {reached:.3f}", flush=True)
            every += off
            print(
                f"{name}: off by {np.mean(np.abs(off)):.2f} points on average, bias {np.mean(off):+.2f};"
                f" interval held {held} of {arguments.seeds}",
                flush=True,
            )
    print(f"all: mean absolute error {np.mean(np.abs(every)):.2f} points")


if __name__ == "__main__":
    main()
