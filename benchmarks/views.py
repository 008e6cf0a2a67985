"""Three cached views a sample against the whole graph at every step: the same images and steps.

    python -m benchmarks.views [--set cifar] [--size 224] [--epochs 5]

Two-stage fine-tuning of Lite0's last blocks with the light augmentation, in one process: once the activations of
samples and views at the frozen boundary are computed once and kept, once every image passes the frozen layers in
every epoch, as it does where memory has no room for them.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from benchmarks import image_sets
from benchmarks.harness import Benchmark, Rounds, in_turns

BENCHMARK = Benchmark(
    name="views",
    what="three cached views of each image, two-stage fine-tuning of Lite0 on the clip art, 224 px",
    opponent="the same images and steps through the whole network",
    unit="s",
    minutes=8,
)


def main() -> Rounds:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=image_sets.NAMES, default="clipart")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        data = image_sets.prepare(arguments.set, Path(home), seed=0)

        def side(name: str, room: float) -> float:
            shutil.rmtree(Path(home) / "cache" / "embeddings", ignore_errors=True)
            return measure(name, data, room, arguments.size, arguments.epochs)

        return in_turns(
            BENCHMARK, lambda: side("cached views", 0.5), lambda: side("whole graph", 0.0), arguments.rounds
        )


def measure(name: str, data: str, room: float, size: int, epochs: int) -> float:
    from core.embedding.embeddings import limit_threads
    from core.jobs import queue

    limit_threads()
    from core.data.augmentation import AUGMENTATIONS
    from core.schemas import TrainingSpec
    from core.training.images.task import train_images
    from core.training.recorder import Recorder
    from core.transfer.parameters import tail

    spec = TrainingSpec(
        data=data,
        preset="balanced",
        strategy="two_stage",
        image_size=size,
        fine_tune_epochs=epochs,
        precision="float32",
        augmentation=AUGMENTATIONS["light"],
        views=3,
    )
    run = queue.enqueue(spec.model_copy(update={"name": name}))
    recorder = Recorder(run.id)
    tail.MEMORY_SHARE = room
    result = train_images(run, recorder)
    told = result.predictions[result.predictions["part"] == "test"]
    print(
        f"{name}: {sum(recorder.seconds.values()):.0f} s"
        f" ({', '.join(f'{part} {s:.0f}' for part, s in recorder.seconds.items())}),"
        f" {(told['predicted'] == told['label']).mean():.3f} of {len(told)} right",
        flush=True,
    )
    return sum(recorder.seconds.values())


if __name__ == "__main__":
    main()
