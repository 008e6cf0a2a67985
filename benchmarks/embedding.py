"""Embeddings of 2,000 photos with Lite0 against Keras' `predict` over `image_dataset_from_directory`, in turns.

    python -m benchmarks.embedding [--rounds 3]

CIFAR-10 photos scaled up to 224 px, as JPEG files in class folders; both sides decode them. Both networks are loaded
and have run once before the clock starts.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks import cifar
from benchmarks.harness import Benchmark, Rounds, in_turns, seconds

BENCHMARK = Benchmark(
    name="embedding",
    what="2,000 JPEG photos to embeddings of Lite0 at 224 px, decoding included",
    opponent="Keras `predict` over `image_dataset_from_directory`",
    unit="s",
    goal="5, which rests on bfloat16 instructions",
    minutes=3,
)

SIZE, N = 224, 2_000


class Files:
    """JPEG files that are decoded when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def batch(self, rows: Sequence[int], size: int) -> np.ndarray:
        from core.data.images.writing import decode_image

        return np.stack([decode_image(self.paths[row].read_bytes()).pixels for row in rows])


def main() -> Rounds:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        from core.embedding.embeddings import limit_threads

        limit_threads()
        return measure(write(Path(home) / "photos"), rounds)


def write(folder: Path) -> Path:
    images, targets = cifar.sample(N // 10, seed=0)
    for number, (image, target) in enumerate(zip(images, targets, strict=True)):
        path = folder / cifar.CLASSES[target] / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


def measure(folder: Path, rounds: int) -> Rounds:
    import keras

    from core.embedding.engines import choose_engine
    from core.methods.backbones import get_backbone
    from core.models.networks import build_backbone

    backbone = get_backbone("efficientnet_lite0")
    files = Files(sorted(folder.rglob("*.jpg")))
    engine, model = choose_engine(backbone, SIZE), build_backbone(backbone, SIZE)
    out = np.empty((N, *engine.shape), np.float32)
    engine.embed_into(Files(files.paths[:64]), SIZE, out)
    model.predict(np.zeros((32, SIZE, SIZE, 3), np.float32), verbose=0)
    theirs_out = np.empty_like(out)

    def predict() -> None:
        photos = keras.utils.image_dataset_from_directory(
            folder, labels=None, image_size=(SIZE, SIZE), batch_size=32, shuffle=False, verbose=False
        )
        theirs_out[:] = model.predict(photos, verbose=0)

    found = in_turns(
        BENCHMARK, lambda: seconds(lambda: engine.embed_into(files, SIZE, out)), lambda: seconds(predict), rounds
    )
    # Two JPEG decoders, of which one is approximate, differ by a grey level or two.
    apart = np.abs(theirs_out - out).mean() / np.abs(out).mean()
    rates = [N / median(values) for values in zip(*((r.ours, r.theirs) for r in found.rounds), strict=True)]
    print(f"{engine.name} {rates[0]:.0f} images/s, Keras {rates[1]:.0f}", flush=True)
    print(f"the embeddings differ by {100 * apart:.1f} % of their size", flush=True)
    return found


if __name__ == "__main__":
    main()
