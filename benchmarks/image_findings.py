"""Whether planted flaws of images are found: python -m benchmarks.image_findings

(a) 250 each of exact, re-encoded (JPEG, quality 70), 80 %-resized, cropped (5 % off every side) and mirrored copies,
planted among 5,000 CIFAR photos at 96 px. Copies that CIFAR holds itself are looked for first and set aside: pairs
found before planting are left out of the photos.
(b) 5 % wrong labels planted uniformly in 2,000 photos of 10 classes, Lite0 at 128 px, 5 seeds: how many of the first
50 that are named are wrong.

Thresholds were chosen on the second and third training batch; this measures on the fourth (a) and fifth (b).
"""

import io
import os
import tempfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmarks import cifar
from benchmarks.harness import Benchmark
from core.data.findings.embedding import near_groups
from core.data.findings.label_errors import (
    confident_learning,
    normalize_embeddings,
    predict_out_of_fold,
    principal_components,
)
from core.data.images.near_duplicates import parse_hashes
from core.data.images.quality import image_hashes
from core.data.images.writing import content_hash
from core.embedding.embeddings import embed
from core.methods.pretrained import BACKBONES

BENCHMARK = Benchmark(
    name="image_findings",
    what="planted copies and wrong labels in CIFAR",
    minutes=10,
)

KINDS = ("exact", "re-encoded", "80 %-resized", "5 %-cropped", "mirrored")
PHOTOS, EACH, SIDE, SIZE = 5_000, 250, 96, 128
LITE0 = BACKBONES["efficientnet_lite0"]


class Images:
    def __init__(self, pixels: Sequence[np.ndarray]) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rows: Sequence[int], size: int) -> np.ndarray:
        square = (size, size)
        found = [Image.fromarray(self.pixels[row]).resize(square, Image.Resampling.BILINEAR) for row in rows]
        return np.stack([np.asarray(image) for image in found])


def copy_of(pixels: np.ndarray, kind: str) -> np.ndarray:
    image = Image.fromarray(pixels)
    cut = round(0.05 * SIDE)
    match kind:
        case "re-encoded":
            out = io.BytesIO()
            image.save(out, "JPEG", quality=70)
            return np.asarray(Image.open(out).convert("RGB"))
        case "80 %-resized":
            return np.asarray(image.resize((round(0.8 * SIDE),) * 2, Image.Resampling.BICUBIC))
        case "5 %-cropped":
            return np.asarray(image.crop((cut, cut, SIDE - cut, SIDE - cut)))
        case "mirrored":
            return np.ascontiguousarray(pixels[:, ::-1])
    return pixels


def grouped(pixels: Sequence[np.ndarray], x: np.ndarray) -> np.ndarray:
    seen = [image_hashes(image) for image in pixels]
    exact = np.unique([content_hash(image) for image in pixels], return_inverse=True)[1]
    plain, mirrored = (parse_hashes([pair[k] for pair in seen]) for k in (0, 1))
    return near_groups(x, plain, mirrored, exact, lambda i: pixels[i])


def copies() -> None:
    rng = np.random.default_rng(0)
    small = cifar.batch("data_batch_4")
    photos = [
        np.asarray(Image.fromarray(small[i]).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for i in rng.permutation(len(small))[: PHOTOS + 500]
    ]
    x = normalize_embeddings(embed(Images(photos), LITE0, SIZE))
    groups = grouped(photos, x)
    alone = np.bincount(groups)[groups] == 1
    print(f"{(~alone).sum()} photos have copies in CIFAR itself and are left out")
    single = np.flatnonzero(alone)[:PHOTOS]
    photos, x = [photos[i] for i in single], x[single]
    sources = rng.permutation(PHOTOS)[: EACH * len(KINDS)]
    kinds = np.repeat(KINDS, EACH)
    planted = [copy_of(photos[source], kind) for source, kind in zip(sources, kinds, strict=True)]
    groups = grouped(
        [*photos, *planted], np.concatenate([x, normalize_embeddings(embed(Images(planted), LITE0, SIZE))])
    )
    found = groups[PHOTOS:] == groups[sources]
    for kind in KINDS:
        print(f"    {kind}: recall {found[kinds == kind].mean():.3f}")
    sizes = np.bincount(groups)
    pairs = int((sizes * (sizes - 1) // 2).sum())
    print(f"copies: recall {found.mean():.3f}, precision {found.sum() / pairs:.3f} ({pairs} pairs named)", flush=True)


def labels() -> None:
    pixels, truth = cifar.batch("data_batch_5"), cifar.labels("train")[40_000:]
    shares, named, right = [], [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = np.concatenate([rng.permutation(np.flatnonzero(truth == c))[:200] for c in range(10)])
        given = truth[rows].copy()
        wrong = rng.permutation(len(rows))[: len(rows) // 20]
        given[wrong] = (given[wrong] + rng.integers(1, 10, len(wrong))) % 10
        x = principal_components(normalize_embeddings(embed(Images(list(pixels[rows])), LITE0, SIZE)))
        errors = confident_learning(predict_out_of_fold(x, given, np.arange(len(rows))), given)
        hits = np.isin(errors.rows, wrong)
        shares.append(hits[:50].mean())
        named.append(len(hits))
        right.append(hits.sum())
        print(
            f"    seed {seed}: {hits[:50].sum()} of the first 50, {hits.sum()} of all {len(hits)} named", flush=True
        )
    print(f"wrong labels: mean precision among the first 50 {np.mean(shares):.3f}")
    print(f"    named {np.mean(named):.0f} on average, of which {np.mean(right):.0f} of the 100 wrong ones")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        copies()
        labels()


if __name__ == "__main__":
    main()
