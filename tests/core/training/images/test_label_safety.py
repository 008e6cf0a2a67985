"""A transform is flagged where it makes one class look like another, whatever the classes are called."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.findings.label_safety import LabelSafety, load_label_safety
from core.data.importing import import_data
from core.errors import InputError
from core.schemas import DataRef
from core.store import datasets

SIDE = 64


def loop(rng: np.random.Generator, up: bool) -> Image.Image:
    """A ring with a stem: below it as in 9, or above it as in 6."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 40)))
    draw, x, y, r = ImageDraw.Draw(image), rng.integers(26, 38), rng.integers(18, 24), rng.integers(9, 13)
    ink, width = int(rng.integers(190, 256)), int(rng.integers(3, 6))
    draw.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=width)
    draw.line((x + r - 2, y, x + r - 4, y + 32), fill=ink, width=width)
    return image if up else image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def symmetric(rng: np.random.Generator, kind: str) -> Image.Image:
    """A ring, a cross or two bars about the middle line."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 40)))
    draw, x, r = ImageDraw.Draw(image), rng.integers(26, 38), rng.integers(12, 22)
    ink, width = int(rng.integers(190, 256)), int(rng.integers(3, 6))
    y = SIDE // 2
    if kind == "ring":
        draw.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=width)
    elif kind == "cross":
        draw.line((x - r, y, x + r, y), fill=ink, width=width)
        draw.line((x, y - r, x, y + r), fill=ink, width=width)
    else:
        for at in (y - r // 2, y + r // 2):
            draw.line((x - r, at, x + r, at), fill=ink, width=width)
    return image


def checked(folder: Path, classes: dict[str, list[Image.Image]]) -> LabelSafety:
    from core.training.images.label_safety import label_safety_task

    for name, images in classes.items():
        (folder / name).mkdir(parents=True)
        for i, image in enumerate(images):
            image.save(folder / name / f"{i}.png")
    dataset = import_data(folder).dataset
    label_safety_task({"data": dataset.id}, folder, lambda *_: None)
    found = load_label_safety(datasets.get_version(DataRef(dataset=dataset.id)))
    assert found is not None
    return found


@pytest.mark.training
def test_upside_down_is_flagged_where_it_makes_another_class_under_any_names(workspace: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    six, nine = ([loop(rng, up) for _ in range(30)] for up in (False, True))
    for number, names in enumerate((("six", "nine"), ("*a*", "b|c"))):
        found = checked(tmp_path / str(number), dict(zip(names, (six, nine), strict=True)))
        verdicts = {t.name: t for t in found.transforms}
        flip = verdicts["vertical_flip"]
        assert flip.verdict == "changes"
        assert {(f.label, f.becomes) for f in flip.flips} == {names, names[::-1]}
        assert names[0] in flip.sentence
        assert flip.accuracy < 0.5 < found.accuracy
        assert flip.evidence.low > 0
        assert not verdicts["contrast_0.2"].leave_off
        assert found.at("vertical_flip", 1) == flip
        for method in ("rand_augment", "aug_mix", "erasing"):
            assert found.at(method, 0.1), "what is drawn by lot is judged too"


@pytest.mark.training
def test_upside_down_is_not_flagged_where_the_shapes_are_symmetric(workspace: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {kind: [symmetric(rng, kind) for _ in range(30)] for kind in ("ring", "cross", "bars")}
    found = checked(tmp_path / "shapes", shapes)
    assert found.accuracy > 0.9
    for name in ("vertical_flip", "horizontal_flip"):
        assert next(t for t in found.transforms if t.name == name).verdict == "keeps"


@pytest.mark.training
def test_a_rotation_by_ninety_degrees_is_a_quarter_turn_either_way() -> None:
    from core.training.images.label_safety import transforms

    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    quarter = next(t for t in transforms() if t.name == "rotation_90")
    turned = [change(images).astype(int) for change in quarter.changes]
    wanted = [np.rot90(images, k, axes=(1, 2)).astype(int) for k in (1, 3)]
    for found in (turned, turned[::-1]):
        if all(np.abs(one - other).max() <= 1 for one, other in zip(found, wanted, strict=True)):
            return
    pytest.fail("the two directions are no quarter turns")


@pytest.mark.training
def test_a_table_is_refused(workspace: Path, tmp_path: Path) -> None:
    from core.training.images.label_safety import label_safety_task

    dataset = import_data("sample:penguins").dataset
    with pytest.raises(InputError, match="no labelled images"):
        label_safety_task({"data": dataset.id}, tmp_path, lambda *_: None)


def test_odd_images_that_all_land_in_one_class_are_no_flip() -> None:
    from core.training.images.label_safety import find_flips

    truth = np.repeat([0, 1], 30)
    before = np.log(np.where(np.eye(2)[truth] > 0, 0.95, 0.05))
    after = np.log(np.tile([0.05, 0.95], (60, 1)))
    typical = np.ones((60, 2), bool)
    (flip,) = find_flips(before, after, typical, truth, ("a", "b"))
    assert (flip.label, flip.becomes, flip.moved, flip.n) == ("a", "b", 30, 30)
    assert find_flips(before, after, ~typical, truth, ("a", "b")) == ()
    assert find_flips(before, before, typical, truth, ("a", "b")) == ()


def test_the_lower_bound_is_below_the_share_and_rises_with_the_number() -> None:
    from core.training.images.label_safety import wilson_low

    bounds = [wilson_low(n // 2, n) for n in (4, 20, 100, 1000)]
    assert bounds == sorted(bounds)
    assert bounds[0] > 0 and bounds[-1] < 0.5
    assert wilson_low(0, 0) == 0
