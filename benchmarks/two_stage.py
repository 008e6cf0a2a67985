"""Two-stage fine-tuning against the linear probe on CIFAR-10: 1,000 photos to learn from, 1,000 others to judge.

    python benchmarks/two_stage.py [--seeds 5]

Each seed draws its own photos. Prints one row a seed and the mean gain with its 95 % interval (Student's t).
It also checks that every batch-norm statistic of the saved network is bit for bit the pretrained one.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import cifar
import numpy as np

SIZE = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        gains = []
        for seed in range(seeds):
            data = prepare(Path(home), seed)
            probe = trained(data, "linear_probe", seed)
            tuned = trained(data, "two_stage", seed)
            gain = 100 * (tuned.metrics["accuracy"] - probe.metrics["accuracy"])
            gains.append(gain)
            print(
                f"seed {seed}: probe {probe.metrics['accuracy']:.3f}, two-stage {tuned.metrics['accuracy']:.3f},"
                f" gain {gain:+.1f} points, stage two {'kept' if tuned.metrics['stage_two_kept'] else 'not kept'},"
                f" {sum(probe.seconds.values()):.0f} s and {sum(tuned.seconds.values()):.0f} s,"
                f" batch norm {'unchanged' if batch_norm_unchanged(tuned) else 'CHANGED'}",
                flush=True,
            )
        print(f"mean gain {mean(gains):+.2f} points ({interval(gains)})")


def prepare(home: Path, seed: int) -> str:
    """Import this seed's photos and give the version whose test part are the 1,000 others."""
    from core.data.importing import import_data
    from core.data.versions import make_version
    from core.schemas import Split

    folder = home / f"photos-{seed}"
    cifar.write_folder(folder, *cifar.sample(100, seed), prefix="train")
    names = cifar.write_folder(folder, *cifar.sample(100, seed, part="test"), prefix="test")
    result = import_data(folder, name=f"CIFAR {seed}")
    version = make_version(
        result.dataset.id, split=Split(train=0.4, validation=0.1, test=0.5, seed=seed, test_ids=tuple(names))
    )
    return f"{version.dataset}@{version.id}"


def trained(data: str, strategy: Any, seed: int) -> Any:
    from core.jobs import queue
    from core.schemas import TrainingSpec
    from core.store import runs

    spec = TrainingSpec(data=data, preset="balanced", strategy=strategy, image_size=SIZE, seed=seed)
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

    from core.models.catalogue import get_backbone
    from core.models.efficientnet_lite import build_backbone
    from core.store.runs import run_folder

    saved = keras.saving.load_model(run_folder(run.id) / "model.keras", compile=False)
    pretrained = build_backbone(get_backbone(run.spec.backbone), SIZE)
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
