"""Linear probe, transferability scores and the map of 1,000 photos whose embeddings are cached.

    python -m benchmarks.scores [--rounds 5]

Photos of CIFAR-10 at the size that Graft chooses, each backbone that comes with it. What `rank` does of a backbone
(reading the embeddings, five-fold probe, LogME, LEEP, H-score) and the map that one looks at on the Data page.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import cifar
from benchmarks.harness import Benchmark
from benchmarks.image_files import write

BENCHMARK = Benchmark(
    name="scores",
    what="cross-validated probe with all scores, and the map, of 1,000 photos with cached embeddings",
    minutes=2,
)

N = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        measure(Path(home), rounds)


def measure(home: Path, rounds: int) -> None:
    from core.advice.transferability.backbone_ranking import known_samples, rank_backbones
    from core.data.findings.label_errors import normalize_embeddings
    from core.data.images.map import map_coordinates
    from core.data.importing import import_data
    from core.data.versions import make_version
    from core.embedding.embeddings import limit_threads
    from core.methods.backbones import get_backbone
    from core.schemas import DataRef, Split
    from core.training.version_images import VersionImages

    limit_threads()
    images, targets = cifar.sample(N // 9, 0)
    write(home / "photos", images, [cifar.CLASSES[t] for t in targets], "photo")
    dataset = import_data(home / "photos").dataset
    version = make_version(dataset.id, split=Split(train=0.7, validation=0.2, test=0.1))
    ref = DataRef(dataset=dataset.id, version=version.id)
    rank_backbones(ref)  # fills the cache
    scores: dict[str, list[float]] = {}
    sizes = {}
    for _ in range(rounds):
        for found in rank_backbones(ref).backbones:
            scores.setdefault(found.name, []).append(found.seconds)
            sizes[found.name] = found.image_size
    samples, _ = known_samples(dataset, version)
    for name, seconds in scores.items():
        x = normalize_embeddings(VersionImages(dataset, samples).outputs(get_backbone(name), sizes[name]))
        maps = []
        for _ in range(rounds):
            start = time.perf_counter()
            map_coordinates(x, list(samples["id"]))
            maps.append(time.perf_counter() - start)
        print(
            f"{name}, {len(x)} photos: probe and scores {median(seconds):.1f} s, map {median(maps):.1f} s,"
            f" together {median(seconds) + median(maps):.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
