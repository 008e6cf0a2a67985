"""Whether the recommended backbone is as good as the best one, by fine-tuning them all on five real sets.

    python -m benchmarks.rank [--sets clipart digits] [--seed 0]

Each of the backbones that come with Graft is fine-tuned in two stages with the balanced preset, one seed. Prints a
row a backbone, how far the recommended one stays behind the best on test images, and Kendall's τ of every score with
the accuracy on them. The ranking itself sees no test image and no run.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from scipy.stats import kendalltau

from benchmarks import image_sets
from benchmarks.harness import Benchmark
from benchmarks.two_stage import trained

BENCHMARK = Benchmark(
    name="rank",
    what=("the recommended of the three offline backbones against the best by two-stage fine-tuning, one seed"),
    minutes=60,
)

BACKBONES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
SETS = ("clipart", "digits", "mnist", "cifar", "fashion")
POINT = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    behind = {}
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as home:  # each its own: finished runs are ranked as well
            os.environ["GRAFT_HOME"] = home
            behind[name] = judged(name, image_sets.prepare(name, Path(home), arguments.seed), arguments.seed)
    within = sum(lost <= POINT for lost in behind.values())
    print(
        f"within a point of the best: {within} of {len(behind)}; mean {100 * sum(behind.values()) / len(behind):.2f}"
    )


def judged(name: str, data: str, seed: int) -> float:
    """How much of the best accuracy the recommended backbone loses."""
    from core.advice.transferability.backbone_ranking import rank_backbones
    from core.methods.backbones import get_backbone
    from core.schemas import DataRef

    start = time.perf_counter()
    found = rank_backbones(DataRef.parse(data))
    seconds = time.perf_counter() - start
    scores = {r.name: r for r in found.backbones}
    reached = {b: trained(data, "two_stage", seed, None, backbone=b).metrics["accuracy"] for b in BACKBONES}
    for b in BACKBONES:
        r = scores[b]
        print(
            f"{name}, {b}: probe {r.probe:.3f}, LogME {r.logme:.3f}, LEEP {r.leep:.3f}, H-score {r.hscore:.2f};"
            f" fine-tuned {reached[b]:.3f}",
            flush=True,
        )
    columns = {
        score: [getattr(scores[b], score) for b in BACKBONES] for score in ("probe", "logme", "leep", "hscore")
    }
    columns["imagenet"] = [get_backbone(b).top1 for b in BACKBONES]
    truth = list(reached.values())
    tau = ", ".join(f"{score} {kendalltau(values, truth).statistic:+.2f}" for score, values in columns.items())
    lost = max(truth) - reached[found.recommended]
    print(
        f"{name}: {found.recommended} recommended, {100 * lost:.1f} points behind; τ {tau}; {seconds:.0f} s",
        flush=True,
    )
    return float(lost)


if __name__ == "__main__":
    main()
