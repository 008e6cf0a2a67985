"""Two-stage fine-tuning on the cached boundary against the plain Keras loop, in turns, on the same photos.

    python -m benchmarks.boundary [--rounds 3] [--size 224]

800 CIFAR-10 photos to learn from, 200 to choose by, 1,000 to be judged by; Lite0, the last 5 blocks unfrozen, 5
epochs of stage two at the same rate, schedule and batch size, no augmentation. Graft's time holds all that it does to
pixels and weights: embeddings, head, activations at the boundary, stage two, predictions. Keras is given the fitted
head and the resized images; its time holds stage two and the predictions alone. Its batch norm is frozen properly.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import image_sets
from benchmarks.two_stage import trained

EPOCHS, UNFREEZE = 5, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        data = image_sets.prepare("cifar", Path(home), seed=0)
        probe = trained(data, "linear_probe", 0, arguments.size)
        ratios = []
        for number in range(arguments.rounds):
            shutil.rmtree(Path(home) / "cache", ignore_errors=True)
            run = trained(data, "two_stage", 0, arguments.size, fine_tune_epochs=EPOCHS, unfreeze=UNFREEZE)
            ours = run.seconds["embed"] + run.seconds["fit"]
            theirs, right, n = plain_loop(data, run, probe)
            ratios.append(theirs / ours)
            print(
                f"round {number + 1}: Graft {ours:.1f} s (images through the backbone {run.seconds['embed']:.1f}),"
                f" Keras {theirs:.1f} s, ratio {ratios[-1]:.2f}; accuracy {scored(run.metrics['accuracy'] * n, n)}"
                f" and {scored(right, n)}",
                flush=True,
            )
        print(f"median ratio {median(ratios):.2f}")


def scored(right: float, n: int) -> str:
    from core.evaluation.scores import format_interval, wilson

    return format_interval(right / n, *wilson(round(right), n))


def plain_loop(data: str, run: Any, probe: Any) -> tuple[float, int, int]:
    """Seconds of five epochs through the whole graph, and how many of how many test photos are right then."""
    import keras

    from core.data.versions import load_samples
    from core.models.networks import freeze_batch_norm, network_blocks
    from core.schemas import DataRef
    from core.store.datasets import get_dataset, get_version
    from core.store.runs import run_folder
    from core.training.version_images import VersionImages
    from core.transfer.fitting.optimization import make_schedule, optimizer_factory
    from core.transfer.parameters.tail import SMALLEST_BATCH, STEPS

    ref = DataRef.parse(data)
    samples = load_samples(ref)
    classes = list(get_version(ref).classes)
    x = VersionImages(get_dataset(ref.dataset), samples).batch(np.arange(len(samples)), run.spec.image_size)
    y = np.eye(len(classes), dtype="float32")[[classes.index(label) for label in samples["label"]]]
    train, validation, test = (np.flatnonzero(samples["part"] == p) for p in ("train", "validation", "test"))

    model = keras.saving.load_model(run_folder(probe.id) / "model.keras", compile=False)
    model.trainable = True
    parts = network_blocks(model)
    first = parts[len(parts) - 1 - UNFREEZE].name
    reached = False
    for layer in model.layers:
        layer.trainable = reached
        reached = reached or layer.name == first
    freeze_batch_norm(model)

    size = min(run.spec.batch_size, max(SMALLEST_BATCH, len(train) // STEPS))
    rate = make_schedule(run.spec.schedule, run.spec.fine_tune_learning_rate, EPOCHS * -(-len(train) // size))
    model.compile(optimizer_factory(run.spec.optimizer)(rate), loss="categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    model.fit(
        x[train], y[train], validation_data=(x[validation], y[validation]), epochs=EPOCHS, batch_size=size, verbose=0
    )
    predicted = model.predict(x[test], batch_size=128, verbose=0).argmax(1)
    seconds = time.perf_counter() - start
    return seconds, int((predicted == y[test].argmax(1)).sum()), len(test)


if __name__ == "__main__":
    main()
