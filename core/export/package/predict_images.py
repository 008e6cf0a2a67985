"""Predict the classes of pictures with the model beside this file.

    python predict.py FILE_OR_FOLDER… [--out predictions.csv]

It needs the packages in requirements.txt. `preprocessing.json` says what is done to a picture; the folder
`graft_reading` holds the modules that do it. Pictures that cannot be read are named on the error output.
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "graft_reading"))

import numpy as np  # noqa: E402

from core.data.files.decoding import Limits, Rendering, UnreadableError, decode  # noqa: E402
from core.data.files.names import SUFFIXES, free_name, is_clutter, printable_name  # noqa: E402
from core.data.image_reading.folders import propose_layouts, relative_path  # noqa: E402
from core.data.images.resizing import resize  # noqa: E402
from core.evaluation.scaling import Scaling  # noqa: E402
from core.export.package.engines import ENGINES  # noqa: E402


class Model:
    """The network in its engine, with what is done before and after it."""

    def __init__(self, folder: Path = HERE) -> None:
        said = json.loads((folder / "preprocessing.json").read_text("utf-8"))
        self.classes: list[str] = said["classes"]
        self.size, self.dtype = said["input"]["size"], said["input"]["dtype"]
        self.limits = Limits.model_validate(said["limits"])
        self.rendering = Rendering.model_validate(said["rendering"])
        self.scaling = Scaling.model_validate(said["calibration"]) if said["calibration"] else None
        self.predict = ENGINES[said["engine"]](folder / said["model"])

    def probabilities(self, data: bytes) -> np.ndarray:
        """Of every class, `(classes,)`, for the bytes of an image file."""
        pixels = resize(decode(data, self.limits, self.rendering).pixels, self.size)
        return np.asarray(self.predict(pixels[None].astype(self.dtype))[0], dtype="float64")

    def row(self, name: str, probability: np.ndarray) -> list[object]:
        """A row of the table that is written, as `core predict --out` writes it."""
        calibrated = probability if self.scaling is None else self.scaling(probability[None])[0]
        best = int(probability.argmax())
        # What is unlike the training pictures is told by the pictures themselves, which stay in Graft.
        return [name, self.classes[best], calibrated[best], "", "", *probability, *calibrated]

    @property
    def header(self) -> list[str]:
        probabilities = [f"{kind}:{name}" for kind in ("p", "calibrated") for name in self.classes]
        return ["file", "predicted", "confidence", "unlike", "distance", *probabilities]


def find_files(paths: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The files that were named, and those in folders that were named, called and sorted as `core predict` does."""
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = printable_name(file.relative_to(path).as_posix() if path.is_dir() else path.name)
            if not path.is_dir() or (file.is_file() and not is_clutter(name)):
                found[free_name(name, found)] = file
    pictures = {name for name in found if name.lower().endswith(SUFFIXES)}
    layout = propose_layouts(sorted(pictures))[0]
    yield from sorted((relative_path(layout, name) if name in pictures else name, found[name]) for name in found)


def main() -> int:
    parser = argparse.ArgumentParser(description="Predict the classes of pictures.")
    parser.add_argument("files", nargs="+", help="pictures, or folders of pictures")
    parser.add_argument("--out", help="write a CSV file here instead of printing it")
    args = parser.parse_args()
    model, predicted, begun = Model(), 0, time.perf_counter()
    with open(args.out, "w", newline="", encoding="utf-8") if args.out else sys.stdout as out:
        table = csv.writer(out)
        table.writerow(model.header)
        for name, path in find_files(args.files):
            try:
                if not path.name.lower().endswith(SUFFIXES):
                    raise UnreadableError("not an image file; unpack archives, and give the folder")
                table.writerow(model.row(name, model.probabilities(path.read_bytes())))
                predicted += 1
            except (UnreadableError, OSError) as error:
                print(f"{name}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
    print(f"{predicted} pictures, {predicted / (time.perf_counter() - begun):.1f} a second", file=sys.stderr)
    return 0 if predicted else 1


if __name__ == "__main__":
    sys.exit(main())
