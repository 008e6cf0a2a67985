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
from typing import Any

import numpy as np

from benchmarks import image_sets
from benchmarks.harness import Benchmark, Rounds, in_turns
from benchmarks.two_stage import trained

BENCHMARK = Benchmark(
    name="boundary",
    what="two-stage fine-tuning of Lite0 on cached activations, 224 px, last 5 blocks, 5 epochs",
    opponent="the plain Keras loop through the whole network",
    unit="s",
    goal="3",
    minutes=20,
)

EPOCHS, UNFREEZE = 5, 5


def main() -> Rounds:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        data = image_sets.prepare("cifar", Path(home), seed=0)
        probe = trained(data, "linear_probe", 0, arguments.size)
        runs: list[Any] = []

        def graft() -> float:
            shutil.rmtree(Path(home) / "cache", ignore_errors=True)
            run = trained(data, "two_stage", 0, arguments.size, fine_tune_epochs=EPOCHS, unfreeze=UNFREEZE)
            runs.append(run)
            n = judged(run.id)
            print(f"Graft: {run.seconds}, accuracy {scored(run.metrics['accuracy'] * n, n)}", flush=True)
            return float(run.seconds["embed"] + run.seconds["fit"])

        def keras() -> float:
            taken, right, n = plain_loop(data, runs[-1], probe)
            print(f"Keras: accuracy {scored(right, n)}", flush=True)
            return taken

        graft()  # so that Keras has a run whose settings it takes when it begins; not counted
        return in_turns(BENCHMARK, graft, keras, arguments.rounds)


def judged(run_id: str) -> int:
    """How many samples judged a run."""
    from core.store.runs import read_predictions

    return int((read_predictions(run_id)["part"] == "test").sum())


def scored(right: float, n: int) -> str:
    from core.evaluation.intervals import wilson
    from core.evaluation.scores import format_interval

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
