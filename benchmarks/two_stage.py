"""Two-stage fine-tuning against the linear probe on five real sets, 1,000 test images where there are.

    python -m benchmarks.two_stage [--seeds 5] [--sets cifar clipart]

Each seed draws its own images. Prints one row a seed and each set's mean gain with its 95 % interval (Student's t).
It also checks that every batch-norm statistic of the saved network is bit for bit the pretrained one.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmarks import image_sets
from benchmarks.harness import Benchmark

BENCHMARK = Benchmark(
    name="two_stage",
    what="two-stage fine-tuning against the linear probe, five data sets, 5 seeds each",
    minutes=90,
)

SIZE = {"clipart": 224}  # of the others, whose images are 8 to 32 px, SMALL
SMALL = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=image_sets.NAMES, default=image_sets.NAMES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        for name in arguments.sets:
            gains, kept = [], 0
            for seed in range(arguments.seeds):
                data = image_sets.prepare(name, Path(home), seed)
                probe = trained(data, "linear_probe", seed, SIZE.get(name, SMALL))
                tuned = trained(data, "two_stage", seed, SIZE.get(name, SMALL))
                gains.append(100 * (tuned.metrics["accuracy"] - probe.metrics["accuracy"]))
                kept += bool(tuned.metrics["stage_two_kept"])
                print(
                    f"{name}, seed {seed}: probe {probe.metrics['accuracy']:.3f},"
                    f" two-stage {tuned.metrics['accuracy']:.3f}, gain {gains[-1]:+.1f} points,"
                    f" stage two {'kept' if tuned.metrics['stage_two_kept'] else 'not kept'},"
                    f" {sum(probe.seconds.values()):.0f} s and {sum(tuned.seconds.values()):.0f} s,"
                    f" batch norm {'unchanged' if batch_norm_unchanged(tuned) else 'CHANGED'}",
                    flush=True,
                )
            print(
                f"{name}: mean gain {mean(gains):+.2f} points ({interval(gains)}),"
                f" stage two kept in {kept} of {arguments.seeds}",
                flush=True,
            )


def trained(data: str, strategy: Any, seed: int, size: int | None, **settings: Any) -> Any:
    from core.jobs import queue
    from core.schemas import TrainingSpec
    from core.store import runs

    spec = TrainingSpec(data=data, preset="balanced", strategy=strategy, image_size=size, seed=seed, **settings)
    run = queue.submit(spec)
    while not run.ended:
        time.sleep(0.5)
        queue.reconcile()
        run = runs.get_run(run.id)
    if run.state != "succeeded":
        raise SystemExit(f"The run {run.state}: {run.failure}")
    return run


def batch_norm_unchanged(run: Any) -> bool:
    import keras

    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone
    from core.store.runs import run_folder

    saved = keras.saving.load_model(run_folder(run.id) / "model.keras", compile=False)
    pretrained = build_backbone(get_backbone(run.spec.backbone), run.spec.image_size)
    names = [x.name for x in pretrained.layers if isinstance(x, keras.layers.BatchNormalization)]
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for name in names
        for a, b in zip(
            saved.get_layer(name).weights[2:],
            pretrained.get_layer(name).weights[2:],
            strict=True,
        )
    )


def interval(values: list[float]) -> str:
    from scipy.stats import t

    if len(values) < 2:
        return "one seed, no interval"
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{mean(values) - half:+.2f} to {mean(values) + half:+.2f}"


if __name__ == "__main__":
    main()
