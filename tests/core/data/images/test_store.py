"""Decoding to upright RGB, once, and reading back exactly that."""

import contextlib
import io
import os
import signal
import struct
import zipfile
import zlib

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.files.archives import MemoryArchive, open_archive
from core.data.files.decoding import UnreadableError
from core.data.files.samples import FOLDER
from core.data.image_reading.members import image_members
from core.data.images import writing as storing
from core.data.images.quality import perceptual_hash
from core.data.images.store import ImageStore
from core.data.images.writing import content_hash, store_images
from core.data.images.writing import decode_image as decode


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


@pytest.fixture
def photo() -> Image.Image:
    """A smooth picture, wider than high, no two quarters alike."""
    y, x = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([x * 4, y * 6, (x + y) * 2], axis=-1).astype("uint8"))


@pytest.mark.usefixtures("workspace")
class TestDecoding:
    def test_lossless_rgb_is_kept_to_the_pixel(self, photo):
        picture = decode(encoded(photo))
        assert np.array_equal(picture.pixels, np.asarray(photo))
        assert (picture.width, picture.height, picture.format, picture.mode) == (60, 40, "PNG", "RGB")

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_every_exif_orientation_comes_out_upright(self, photo, orientation):
        turn = {
            2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }  # fmt: skip
        as_held = photo.transpose(turn[orientation]) if orientation in turn else photo
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture = decode(encoded(as_held, exif=exif))
        assert np.array_equal(picture.pixels, np.asarray(photo))
        assert (picture.width, picture.height) == (60, 40)

    def test_transparency_is_laid_on_white(self):
        image = Image.new("RGBA", (3, 1))
        image.putdata([(10, 20, 30, 255), (0, 0, 0, 0), (0, 0, 0, 128)])
        pixels = decode(encoded(image)).pixels[0].tolist()
        assert pixels[:2] == [[10, 20, 30], [255, 255, 255]]
        assert pixels[2] == pytest.approx([127, 127, 127], abs=1)

    def test_palette_with_a_clear_colour_is_laid_on_white(self):
        image = Image.new("P", (2, 1))
        image.putpalette([200, 0, 0, 0, 0, 200])
        image.putdata([0, 1])
        assert decode(encoded(image, transparency=1)).pixels[0].tolist() == [[200, 0, 0], [255, 255, 255]]

    def test_grey_with_alpha_is_laid_on_white(self):
        image = Image.new("LA", (2, 1))
        image.putdata([(50, 255), (0, 0)])
        assert decode(encoded(image)).pixels[0].tolist() == [[50] * 3, [255] * 3]

    def test_sixteen_bits_are_scaled_not_cut(self):
        grey = np.array([[0, 257 * 100, 65535]], dtype="uint16")
        assert decode(encoded(Image.fromarray(grey))).pixels[0, :, 0].tolist() == [0, 100, 255]

    def test_cmyk_keeps_its_colours(self):
        image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
        picture = decode(encoded(image, "JPEG", quality=95))
        assert picture.mode == "CMYK"
        assert picture.pixels[4, 4].tolist() == pytest.approx([255, 0, 0], abs=12)

    def test_black_and_white_becomes_0_and_255(self):
        image = Image.fromarray(np.array([[True, False]]))
        assert decode(encoded(image)).pixels[0, :, 0].tolist() == [255, 0]

    def test_of_an_animation_the_first_frame_is_taken(self):
        frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
        data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert decode(data).pixels[0, 0].tolist() == [255, 0, 0]

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
    def test_longest_side_is_capped_and_proportions_stay(self, monkeypatch, file_format):
        monkeypatch.setenv("GRAFT_IMAGE_SIDE", "32")
        picture = decode(encoded(Image.new("RGB", (400, 200), "teal"), file_format))
        assert picture.pixels.shape == (16, 32, 3)
        assert (picture.width, picture.height) == (400, 200)

    def test_too_many_pixels_are_refused_before_they_are_decoded(self, monkeypatch, photo):
        monkeypatch.setenv("GRAFT_MAX_PIXELS", "2000")
        with pytest.raises(UnreadableError, match="60 × 40 pixels"):
            decode(encoded(photo))

    def test_header_that_claims_gigapixels_is_refused(self):
        header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        chunk += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        with pytest.raises(UnreadableError, match="pixels"):
            decode(b"\x89PNG\r\n\x1a\n" + chunk)

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
    def test_file_cut_short_is_unreadable(self, photo, file_format):
        data = encoded(photo, file_format)
        with pytest.raises(UnreadableError):
            decode(data[: len(data) // 2])

    @pytest.mark.filterwarnings("ignore::UserWarning")
    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
    def test_changed_bytes_are_decoded_or_refused_but_never_break_off(self, photo, file_format):
        data, random = encoded(photo, file_format), np.random.default_rng(0)
        for _ in range(100):
            changed = bytearray(data)
            for place in random.integers(0, min(len(data), 200), 5):
                changed[place] = random.integers(0, 256)
            with contextlib.suppress(UnreadableError):
                assert decode(bytes(changed)).pixels.shape[2] == 3

    @pytest.mark.parametrize("orientation", [1, 6])
    def test_heic_comes_out_upright(self, photo, orientation):
        from pillow_heif import from_pillow

        as_held = photo.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else photo
        exif = Image.Exif()
        exif[0x0112] = orientation
        out = io.BytesIO()
        from_pillow(as_held).save(out, quality=100, exif=exif.tobytes())
        picture = decode(out.getvalue())
        assert np.abs(picture.pixels.astype(int) - np.asarray(photo)).max() < 12
        assert (picture.format, picture.width, picture.height) == ("HEIF", 60, 40)
        with pytest.raises(UnreadableError):
            decode(out.getvalue()[:-200])

    def test_sixteen_bit_tiff_is_scaled_not_cut(self):
        grey = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype="uint16"))
        assert decode(encoded(grey, "TIFF")).pixels[0, :, 0].tolist() == [0, 100, 255]

    def test_sixteen_bit_colour_is_scaled_not_cut(self):
        samples = np.array([[0, 257 * 100, 65535], [65535, 0, 257 * 10]], dtype="<u2").tobytes()
        bits, strip = 8 + 2 + 9 * 12 + 4, 8 + 2 + 9 * 12 + 4 + 6
        tags = [(256, 4, 1, 2), (257, 4, 1, 1), (258, 3, 3, bits), (259, 4, 1, 1), (262, 4, 1, 2), (273, 4, 1, strip),
                (277, 4, 1, 3), (278, 4, 1, 1), (279, 4, 1, len(samples))]  # fmt: skip
        head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        tiff = head + struct.pack("<IHHH", 0, 16, 16, 16) + samples
        assert decode(tiff).pixels[0].tolist() == [[0, 100, 255], [255, 0, 10]]

    def test_content_counts_not_the_ending(self, workspace, photo):
        files = {"a/png.jpg": encoded(photo), "a/jpeg.png": encoded(photo, "JPEG")}
        archive = MemoryArchive("photos", files)
        manifest, skipped = store_images(archive, image_members(archive, labelled=True)[0], workspace)
        assert manifest["format"].tolist() == ["JPEG", "PNG"]
        assert not skipped

    @pytest.mark.parametrize("data", [b"", b"no image at all", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
    def test_other_content_is_unreadable_whatever_its_name(self, data):
        with pytest.raises(UnreadableError, match="not an image"):
            decode(data)


def test_perceptual_hash_is_that_of_imagehash_but_for_the_shrinking_of_large_images():
    paths = sorted((FOLDER / "clipart" / "birds").glob("*.webp"))[:20]
    assert paths
    for path in paths:
        image = Image.open(path).convert("RGB")
        apart = int(perceptual_hash(np.asarray(image)), 16) ^ int(str(imagehash.phash(image)), 16)
        assert apart.bit_count() <= 4
        image.thumbnail((180, 180))
        assert perceptual_hash(np.asarray(image)) == str(imagehash.phash(image))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{"quality": 40}, {"subsampling": 0}, {"progressive": True}])
def test_a_jpeg_has_the_pixels_that_pillow_gives_it(photo, mode, options):
    data = encoded(photo.convert(mode), "JPEG", **options)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data).pixels, np.asarray(image.convert("RGB")))


def test_forked_processes_store_what_threads_store(workspace, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 255, (9, 8 + i % 5, 3), dtype="uint8")) for i in range(600)]
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for i, image in enumerate(images):
            packed.writestr(f"{'ab'[i % 2]}/{i}.png", b"torn" if i == 300 else encoded(image))
    monkeypatch.setenv("GRAFT_THREADS", "2")
    manifests = []
    for alone in (1, 2):  # beside another thread, a process must not be forked
        monkeypatch.setattr(storing.threading, "active_count", lambda alone=alone: alone)
        folder = workspace / str(alone)
        folder.mkdir(parents=True)
        with open_archive(tmp_path / "many.zip") as archive:
            manifest, skipped = store_images(archive, image_members(archive, labelled=True)[0], folder)
        assert [one.path for one in skipped] == ["a/300.png"]
        store = ImageStore(folder)
        hashes = [content_hash(store.image(row)) for row in range(len(store))]
        assert hashes == manifest["content_hash"].tolist()
        manifests.append(manifest.drop(columns="offset"))
    pd.testing.assert_frame_equal(*manifests)


def test_a_killed_worker_is_told(workspace, monkeypatch):
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(storing, "decode", die)
    monkeypatch.setattr(storing.threading, "active_count", lambda: 1)
    archive = MemoryArchive("many", {f"a/{i}.png": b"" for i in range(600)})
    with pytest.raises(MemoryError):
        store_images(archive, image_members(archive, labelled=True)[0], workspace)


def test_content_hash_knows_the_shape():
    pixels = np.zeros((2, 6, 3), dtype="uint8")
    assert content_hash(pixels) != content_hash(pixels.reshape(6, 2, 3))


@pytest.fixture
def stored(workspace, make_picture):
    files = {f"c/{i}.png": make_picture(i, side=10 + i) for i in range(5)} | {"c/bad.png": b"broken"}
    archive = MemoryArchive("made", files)
    members, _ = image_members(archive, labelled=True)
    manifest, skipped = store_images(archive, members, workspace)
    return files, manifest, skipped, ImageStore(workspace)


def test_store_gives_back_every_pixel(stored):
    files, manifest, skipped, store = stored
    assert len(store) == len(manifest) == 5
    for row, path in enumerate(manifest["path"]):
        expected = np.asarray(Image.open(io.BytesIO(files[path])))
        assert np.array_equal(store.image(row), expected)
        assert manifest["content_hash"][row] == content_hash(expected)
    assert [s.path for s in skipped] == ["c/bad.png"]


def test_batch_scales_the_whole_image(stored):
    *_, store = stored
    batch = store.batch([3, 0, 3], 16)
    assert batch.shape == (3, 16, 16, 3)
    assert batch.dtype == np.uint8
    assert np.array_equal(batch[0], batch[2])
    assert not np.array_equal(batch[0], batch[1])
    own = store.image(3)
    assert batch[0].mean() == pytest.approx(own.mean(), abs=6)


def test_scaling_up_adds_no_colour_beyond_those_beside_it(workspace):
    """Bilinear: a sharper filter overshoots at an edge."""
    edge = np.full((8, 8, 3), 60, dtype="uint8")
    edge[:, 4:] = 190
    archive = MemoryArchive("made", {"c/1.png": encoded(Image.fromarray(edge))})
    store_images(archive, image_members(archive, True)[0], workspace)
    batch = ImageStore(workspace).batch([0], 32)
    assert (batch.min(), batch.max()) == (60, 190)


def test_batch_at_the_image_s_own_size_changes_nothing(workspace):
    square = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype="uint8"))
    archive = MemoryArchive("made", {"c/1.png": encoded(square)})
    store_images(archive, image_members(archive, True)[0], workspace)
    assert np.array_equal(ImageStore(workspace).batch([0], 20)[0], np.asarray(square))


def test_thumbnail_is_a_jpeg_no_larger_than_asked(stored):
    *_, store = stored
    with Image.open(io.BytesIO(store.thumbnail(4, 8))) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert max(thumbnail.size) == 8


def test_images_in_the_store_cannot_be_changed(stored):
    *_, store = stored
    with pytest.raises(ValueError, match="read-only"):
        store.image(0)[0, 0] = 0
