"""Pictures to predict are rendered as the training pictures were, and what that leaves out is told."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.files.decoding import Ground, Rendering
from core.data.images.store import ImageStore
from core.errors import InputError
from core.inference.predicting.pictures import rendering_notes, store_pictures


def write(path: Path, values: np.ndarray) -> Path:
    out = io.BytesIO()
    Image.fromarray(values).save(out, path.suffix[1:].replace("tif", "tiff"))
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize(
    ("rendering", "stored", "said"),
    [
        (
            Rendering(low=0, high=1000),
            [0, 128, 255, 255],
            ["1 picture holds grey values outside 0 to 1000", "1 pixel."],
        ),
        (Rendering(low=0, high=4000), [0, 32, 64, 255], []),
        (Rendering(), [0, 2, 4, 16], ["1 picture has grey values of more than 8 bits", "from 0 to 65,535"]),
    ],
)
def test_range_of_the_run_is_applied_and_told(
    workspace: Path, tmp_path: Path, rendering: Rendering, stored: list[int], said: list[str]
) -> None:
    deep = write(tmp_path / "deep.tif", np.array([[0, 500, 1000, 4000]], "uint16"))
    plain = write(tmp_path / "plain.png", np.array([[0, 50, 100, 250]], "uint8"))
    manifest, skipped = store_pictures([deep, plain], tmp_path, rendering)
    assert not skipped
    images = ImageStore(tmp_path)
    by_name = {path: images.image(row)[0, :, 0].tolist() for row, path in enumerate(manifest["path"])}
    assert by_name == {"deep.tif": stored, "plain.png": [0, 50, 100, 250]}
    notes = " ".join(rendering_notes(manifest, rendering))
    assert all(words in notes for words in said) and bool(notes) == bool(said)


def test_ground_of_the_run_lies_under_transparency(workspace: Path, tmp_path: Path) -> None:
    clear = write(tmp_path / "clear.png", np.zeros((2, 2, 4), "uint8"))
    for ground, level in (("dark", 0), ("grey", 128), (None, 255)):
        store_pictures([clear], tmp_path, Rendering(ground=ground))
        assert ImageStore(tmp_path).image(0).max() == level


@pytest.mark.parametrize(("ink", "ground", "n"), [(255, None, 1), (255, "dark", 0), (0, "dark", 1), (0, "white", 0)])
def test_drawings_that_vanish_on_the_ground_are_told(
    workspace: Path, tmp_path: Path, ink: int, ground: Ground | None, n: int
) -> None:
    alpha = np.zeros((24, 24, 1), "uint8")
    alpha[6:18, 6:18] = 255
    drawn = write(tmp_path / "drawn.png", np.concatenate([np.full((24, 24, 3), ink, "uint8"), alpha], axis=2))
    blank = write(tmp_path / "blank.png", np.zeros((24, 24, 4), "uint8"))  # on every ground, so nothing is lost
    rendering = Rendering(ground=ground)
    manifest, _ = store_pictures([drawn, blank], tmp_path, rendering)
    notes = " ".join(rendering_notes(manifest, rendering))
    assert manifest["vanished"].sum() == n == notes.count("1 picture looks blank")


def test_pictures_of_the_same_name_are_all_predicted(workspace: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
    paths = [write(tmp_path / str(i) / "image.png", np.full((2, 2), i, "uint8")) for i in range(3)]
    manifest, _ = store_pictures(paths, tmp_path, Rendering())
    assert sorted(manifest["path"]) == ["image 2.png", "image 3.png", "image.png"]


@pytest.mark.parametrize("folder", ["pred", "thumbs", "test", "unlabelled"])
def test_pictures_beside_folders_of_parts_are_predicted(workspace: Path, tmp_path: Path, folder: str) -> None:
    names = [f"{part}/{kind}/{i}.png" for part in ("train", "val") for kind in "ab" for i in range(2)]
    for i, name in enumerate([*names, f"{folder}/new.png"]):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / "all" / name, np.full((2, 2), i, "uint8"))
    manifest, skipped = store_pictures([tmp_path / "all"], tmp_path, Rendering())
    assert (set(manifest["path"]), skipped) == ({*names, f"{folder}/new.png"}, [])


def test_frames_that_are_not_predicted_are_told(workspace: Path, tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(np.full((2, 2), i, "uint8")) for i in range(3))
    first.save(tmp_path / "stack.tif", save_all=True, append_images=rest)
    manifest, _ = store_pictures([tmp_path / "stack.tif"], tmp_path, Rendering())
    assert "1 file holds several pages or frames" in " ".join(rendering_notes(manifest, Rendering()))


def test_no_picture_is_a_sentence(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"There is no picture .* “a.png”: not an image Graft can read"):
        store_pictures([tmp_path / "a.png"], tmp_path, Rendering())
