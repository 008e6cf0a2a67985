"""Make `samples/clipart` from the files of Debian's package openclipart-png.

    python -m benchmarks.make_clipart /usr/share/openclipart/png

Four folders of drawings become four classes: transparency on white, longest side at most 224 px, lossless.
"""

import argparse
import re
import warnings
from pathlib import Path

from PIL import Image

CLASSES = {"mammals": "animals/mammals", "fruit": "food/fruit", "birds": "animals/birds", "flowers": "plants/flowers"}
SIDE = 224


def convert(path: Path) -> Image.Image:
    """One drawing as RGB on white, its longest side at most 224 px."""
    with Image.open(path) as image:
        drawing = image.convert("RGBA")
    # Scaled in premultiplied colour, so that the hidden colour of clear pixels does not bleed in.
    drawing = drawing.convert("RGBa")
    drawing.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    drawing = drawing.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the package's folder of PNG files")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "samples" / "clipart")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # two drawings have 168 million pixels
    for name, folder in CLASSES.items():
        out = arguments.out / name
        out.mkdir(parents=True)  # fails where there are images already, so that none is mixed with another run's
        paths = sorted((arguments.source / folder).rglob("*.png"))
        for path in paths:
            place = path.relative_to(arguments.source / folder).with_suffix("").as_posix().lower()
            stem = re.sub(r"[^a-z0-9]+", "_", place).strip("_")
            while (out / f"{stem}.webp").exists():
                stem += "_b"
            convert(path).save(out / f"{stem}.webp", "WEBP", lossless=True, quality=100, method=6)
        print(f"{name}: {len(paths)} images, {sum(f.stat().st_size for f in out.iterdir()) // 1024} kB")


if __name__ == "__main__":
    main()
