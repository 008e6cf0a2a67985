"""What is measured of an image follows from its pixels."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from core.data.images.quality import HASHES, MEASURES, image_hashes, measure_image, measure_images, reduce_image
from core.data.images.store import measurements
from core.data.importing import import_data
from core.data.versions import load_samples
from core.schemas import DataRef
from core.store.datasets import dataset_folder


@pytest.fixture
def photo() -> np.ndarray:
    """Random blobs of colour, as smooth as a photo."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype="uint8"))
    return np.asarray(small.resize((160, 120), Image.Resampling.BICUBIC))


def test_the_mirrored_hash_is_the_hash_of_the_mirror_image(photo):
    assert image_hashes(photo)[1] == image_hashes(np.ascontiguousarray(photo[:, ::-1]))[0]
    assert image_hashes(photo)[0] != image_hashes(photo)[1]


def test_an_even_grey_has_a_level_and_nothing_else():
    seen = measure_image(np.full((40, 30, 3), 77, "uint8"))
    assert (seen["brightness"], seen["darkest"], seen["lightest"], seen["border_blue"]) == (77, 77, 77, 77)
    assert all(seen[name] == pytest.approx(0, abs=1e-3) for name in ("contrast", "sharpness", "entropy"))
    assert seen["colourfulness"] == 0


def test_brightness_percentiles_and_contrast_follow_a_gamma_curve(photo):
    darker = (255 * (photo / 255) ** 3).astype("uint8")
    for name in ("brightness", "darkest", "lightest"):
        assert measure_image(darker)[name] < measure_image(photo)[name]


def test_blur_lowers_sharpness_and_little_else(photo):
    blurred = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(3)))
    assert measure_image(blurred)["sharpness"] < measure_image(photo)["sharpness"] / 4
    assert measure_image(blurred)["brightness"] == pytest.approx(measure_image(photo)["brightness"], abs=2)


def test_grey_images_have_no_colourfulness(photo):
    grey = np.repeat(photo.mean(axis=2, keepdims=True).astype("uint8"), 3, axis=2)
    assert measure_image(grey)["colourfulness"] == 0
    assert measure_image(photo)["colourfulness"] > 10


def test_what_is_measured_of_an_image_does_not_depend_on_those_measured_with_it(photo):
    others = [photo, np.ascontiguousarray(photo[::-1, :, ::-1]), np.full((40, 30, 3), 77, "uint8")]
    together = measure_images([reduce_image(pixels) for pixels in others])
    for seen, pixels in zip(together, others, strict=True):
        alone = measure_image(pixels)
        assert {name: seen[name] for name in MEASURES} == pytest.approx({name: alone[name] for name in MEASURES})


def test_the_border_colour_is_that_of_the_background():
    pixels = np.full((64, 64, 3), (10, 200, 30), "uint8")
    pixels[12:52, 12:52] = 255
    seen = measure_image(pixels)
    assert (seen["border_red"], seen["border_green"], seen["border_blue"]) == (10, 200, 30)


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (3, 3), (320, 7)])
def test_any_shape_can_be_measured(shape):
    (seen,) = measure_images([reduce_image(np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype="uint8"))])
    assert all(np.isfinite(seen[name]) for name in MEASURES)


def test_an_import_from_before_something_was_measured_is_measured_once(workspace, make_zip, two_classes):
    dataset = import_data(make_zip(two_classes)).dataset
    folder = dataset_folder(dataset.id)
    samples = load_samples(DataRef(dataset=dataset.id))
    now = measurements(dataset, folder, samples)
    manifest = folder / "imports" / "0001" / "manifest.parquet"
    pd.read_parquet(manifest).drop(columns=[HASHES[1], *MEASURES]).to_parquet(manifest)
    pd.testing.assert_frame_equal(measurements(dataset, folder, samples), now)
    (cached,) = (workspace / "cache" / "measurements").iterdir()
    before = cached.stat().st_mtime_ns
    measurements(dataset, folder, samples)
    assert cached.stat().st_mtime_ns == before
