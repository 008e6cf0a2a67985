"""Every planted flaw is found in the image that has it; clean sets give no findings."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from core.data.importing import import_data
from core.data.versions import load_samples, make_version
from core.schemas import DataRef, Recipe, Step
from core.store import datasets


def scene(seed: int, width: int = 96, height: int = 80) -> Image.Image:
    """Coloured shapes with texture on a coloured ground, as unlike the next one as two photos."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(20, 235, (4, 5, 3), dtype="uint8")).resize((width, height), 3)
    fine = Image.fromarray(rng.integers(0, 256, (height // 3, width // 3, 3), dtype="uint8")).resize((width, height))
    return Image.blend(coarse, fine, 0.3)


def as_bytes(image: Image.Image, file_format: str = "PNG", **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


@pytest.fixture
def clean() -> dict[str, bytes]:
    return {f"{name}/{i}.png": as_bytes(scene(100 * c + i)) for c, name in enumerate(("a", "b")) for i in range(20)}


@pytest.fixture
def found(workspace, make_zip):
    def run(files):
        return {f.kind: f for f in import_data(make_zip(files)).findings}

    return run


def test_clean_scenes_have_no_findings(found, clean):
    assert found(clean) == {}


FLAWS = {
    "dark": lambda image: image.point(lambda level: level // 5),
    "bright": lambda image: image.point(lambda level: 246 + level // 30),
    "blurry": lambda image: image.filter(ImageFilter.GaussianBlur(6)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "low_information": lambda image: ImageOps.posterize(image.convert("L"), 1).convert("RGB"),
    "odd_size": lambda image: image.resize((12, 10)),
    "odd_aspect_ratio": lambda image: scene(999, 300, 40),
}


@pytest.mark.parametrize("kind", FLAWS)
def test_a_planted_flaw_is_found_and_its_remedy_does_away_with_it(found, clean, kind):
    clean["b/flaw.png"] = as_bytes(FLAWS[kind](scene(500)))
    findings = found(clean)
    assert findings[kind].samples == ("b/flaw.png",)
    assert len(findings[kind].scores) == 1
    (dataset,) = datasets.list_datasets()
    version = make_version(dataset.id, Recipe(steps=(findings[kind].remedy,)))
    assert kind not in {f.kind for f in version.findings}
    assert version.n == 40


def test_a_dataset_in_which_all_are_dark_has_no_dark_ones(found):
    files = {
        f"{name}/{i}.png": as_bytes(FLAWS["dark"](scene(100 * c + i)))
        for c, name in enumerate("ab")
        for i in range(20)
    }
    assert "dark" not in found(files)


def test_near_copies_are_found_kept_on_one_side_and_not_chained(found, clean):
    original = scene(7)
    clean["a/7.png"] = as_bytes(original)
    clean["a/jpeg.jpg"] = as_bytes(original, "JPEG", quality=70)
    clean["a/small.png"] = as_bytes(original.resize((77, 64), Image.Resampling.BICUBIC))
    clean["a/mirror.png"] = as_bytes(ImageOps.mirror(original))
    findings = found(clean)
    assert set(findings) == {"near_duplicate"}
    assert set(findings["near_duplicate"].samples) == {"a/7.png", "a/jpeg.jpg", "a/small.png", "a/mirror.png"}
    (dataset,) = datasets.list_datasets()
    samples = load_samples(DataRef(dataset=dataset.id)).set_index("path")
    copies = samples.loc[list(findings["near_duplicate"].samples)]
    assert copies["group"].nunique() == copies["part"].nunique() == 1
    assert samples["group"].nunique() == len(samples) - 3
    version = make_version(dataset.id, Recipe(steps=(findings["near_duplicate"].remedy,)))
    assert (version.n, version.findings) == (40, ())


def test_near_copies_in_two_classes_are_an_error_without_a_remedy(found, clean):
    clean["b/copy.jpg"] = as_bytes(scene(7), "JPEG", quality=70)
    finding = found(clean)["near_duplicate"]
    assert (finding.severity, finding.remedy) == ("error", None)
    assert set(finding.samples) == {"a/7.png", "b/copy.jpg"}


def test_a_kept_sample_is_not_named_again(found, clean):
    clean["b/flaw.png"] = as_bytes(FLAWS["dark"](scene(500)))
    (sample,) = found(clean)["dark"].remedy.params["samples"]
    (dataset,) = datasets.list_datasets()
    before = datasets.get_version(DataRef(dataset=dataset.id))
    step = Step(kind="keep", params={"finding": "dark", "samples": [sample]})
    version = make_version(dataset.id, Recipe(steps=(step,)))
    assert version.findings == ()
    assert (version.n, version.test_hash) == (before.n, before.test_hash)


def test_a_background_that_tells_the_class_is_named_and_shuffled_labels_are_not(found, clean):
    def on(colour: str, seed: int) -> bytes:
        return as_bytes(ImageOps.expand(scene(seed), 12, colour))

    told = {f"{c}/{i}.png": on(colour, i + 50 * (c == "b")) for c, colour in zip("ab", ("navy", "olive"), strict=True)
            for i in range(25)}  # fmt: skip
    assert "background colour" in found(told)["spurious"].message
    names = np.random.default_rng(0).permutation(list(told))
    shuffled = dict(zip(told, (told[name] for name in names), strict=True))
    assert "spurious" not in found(shuffled)


def test_one_size_per_class_is_named(found):
    files = {f"a/{i}.png": as_bytes(scene(i, 60, 60)) for i in range(20)}
    files |= {f"b/{i}.png": as_bytes(scene(100 + i, 64, 64)) for i in range(20)}
    assert "the image size" in found(files)["spurious"].message
