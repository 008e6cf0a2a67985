"""The preview shows the very views that a run would train on."""

import numpy as np
import pytest
from PIL import Image

from core.data.augmentation import AUGMENTATIONS

pytestmark = pytest.mark.training


def test_the_first_column_is_the_images_and_the_same_seed_gives_the_same_sheet(textures, tmp_path):
    from core.training.preview import GAP, SIDE, preview

    def sheet(name, seed):
        folder = tmp_path / f"{name}-{seed}"
        folder.mkdir(exist_ok=True)
        params = {"data": textures.id, "seed": seed, "augmentation": AUGMENTATIONS[name].model_dump()}
        shown = preview(params, folder, lambda *_: None)["images"]
        return shown, np.asarray(Image.open(folder / "preview.webp").convert("RGBA")).astype(int)

    shown, first = sheet("strong", 0)
    assert first.shape == (4 * (SIDE + GAP) - GAP, 4 * (SIDE + GAP) - GAP, 4)
    assert len({name.split("/")[0] for name in shown[:3]}) == 3, "one image of each class comes first"
    assert (sheet("strong", 0)[1] == first).all()
    others = [sheet("strong", 1)[1], sheet("light", 0)[1]]
    for other in others:
        assert np.abs(other[:, :SIDE] - first[:, :SIDE]).mean() < 8, "the images themselves stay"
        assert np.abs(other[:, SIDE:] - first[:, SIDE:]).mean() > 8
