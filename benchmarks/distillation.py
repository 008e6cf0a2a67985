"""What a teacher adds to fine-tuning a small backbone: python -m benchmarks.distillation [--seeds 5] [--size 96]

1,000 photos of CIFAR-10 to learn from and choose by, 1,000 of its test part to be judged by, drawn anew each seed.
Teacher: EfficientNet-Lite2 in two stages. Student: Lite0 in two stages, plain, and with both kinds of distillation.
Prints one row a seed and each kind's mean gain over plain fine-tuning with its 95 % interval (Student's t).
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import mean

from benchmarks import image_sets
from benchmarks.harness import Benchmark
from benchmarks.two_stage import interval, trained

BENCHMARK = Benchmark(
    name="distillation",
    what=("distillation from Lite2 into Lite0, CIFAR-10 (1,000), against two stages without a teacher, 5 seeds"),
    minutes=60,
)

KINDS = ("distillation", "relational_distillation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=96, help="height and width of the images, for all")
    arguments = parser.parse_args()
    gains: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        for seed in range(arguments.seeds):
            data = image_sets.prepare("cifar", Path(home), seed)
            teacher = trained(data, "two_stage", seed, arguments.size, backbone="efficientnet_lite2")
            plain = trained(data, "two_stage", seed, arguments.size)
            told = [f"teacher {teacher.metrics['accuracy']:.3f}", f"plain {plain.metrics['accuracy']:.3f}"]
            for kind in KINDS:
                taught = trained(data, kind, seed, arguments.size, teacher=teacher.id)
                gains[kind].append(100 * (taught.metrics["accuracy"] - plain.metrics["accuracy"]))
                told.append(f"{kind} {taught.metrics['accuracy']:.3f}")
            print(f"seed {seed}: {', '.join(told)}", flush=True)
    for kind, found in gains.items():
        print(f"{kind}: mean gain {mean(found):+.2f} points ({interval(found)})")


if __name__ == "__main__":
    main()
