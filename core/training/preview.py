"""A look at an augmentation: a person's own images beside views of them, drawn as a run with this seed draws them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images import DatasetImages
from core.data.versions import load_samples
from core.schemas import Augmentation, DataRef
from core.training.views import Views

SHOWN = 4  # images, one a row
COLUMNS = 3  # views of each
SIDE = 160
GAP = 6


def preview(params: dict[str, Any], folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Write `preview.webp`: a row an image, the image itself first, then three views. Transparent between them.

    `params`: `data`, `augmentation` and `seed` as in a `TrainingSpec`.
    """
    ref = DataRef.parse(params["data"])
    samples = load_samples(ref).query("part == 'train'").reset_index(drop=True)
    images = DatasetImages(ref.dataset)

    def originals(positions: np.ndarray, size: int) -> np.ndarray:
        ids = samples["id"].to_numpy()[positions]
        chosen = [Image.fromarray(images.image(str(i))).resize((size, size), Image.Resampling.BILINEAR) for i in ids]
        return np.stack([np.asarray(image) for image in chosen])

    # One image of each class first, then of the next ones.
    order = samples.groupby("label").cumcount().sort_values(kind="stable").index.to_numpy()[:SHOWN]
    augmentation = Augmentation.model_validate(params["augmentation"])
    views = Views(originals, order, COLUMNS, augmentation, int(params["seed"]))
    drawn = views.batch(np.arange(len(views)), SIDE).reshape(COLUMNS, len(order), SIDE, SIDE, 3)
    grid = np.concatenate([originals(order, SIDE)[None], drawn])
    step = SIDE + GAP
    sheet = np.zeros((len(order) * step - GAP, (1 + COLUMNS) * step - GAP, 4), dtype="uint8")
    for column, row in np.ndindex(1 + COLUMNS, len(order)):
        place = sheet[row * step : row * step + SIDE, column * step : column * step + SIDE]
        place[..., :3], place[..., 3] = grid[column, row], 255
    Image.fromarray(sheet).save(folder / "preview.webp", "WEBP", quality=90)
    progress(1, 1)
    return {"images": list(samples["path"].to_numpy()[order])}
