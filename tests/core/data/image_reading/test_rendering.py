"""One range of grey values and one ground for a whole import, by what its pictures hold."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.files.archives import MemoryArchive
from core.data.files.decoding import Rendering, UnreadableError
from core.data.image_reading.rendering import propose_rendering
from core.data.images.writing import decode_image as decode

Array = np.ndarray


def saved(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def scene(seed: int, low: float = 0.03, high: float = 0.97) -> Array:
    """Numbers from 0 to 1: a dark disc on light noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :40]
    shares = random.uniform(0.5, high, (40, 40))
    shares[(x - 20) ** 2 + (y - 20) ** 2 < 60] = low
    return np.asarray(shares)


def deep(values: Array, form: str = "TIFF") -> bytes:
    return saved(Image.fromarray(values), form)


def proposed(pictures: Sequence[bytes], ending: str = ".tif") -> Rendering:
    files = {f"{'ab'[i % 2]}/{i}{ending}": data for i, data in enumerate(pictures)}
    return propose_rendering(MemoryArchive("p", files), list(files))


@pytest.mark.usefixtures("workspace")
class TestGreyRange:
    @pytest.mark.parametrize(
        ("convert", "form", "low", "high"),
        [
            (lambda x: (x * 4095).astype("uint16"), "TIFF", 0, 4095),
            (lambda x: (x * 1023).astype("uint16"), "PNG", 0, 1023),
            (lambda x: (x * 16383).astype("uint16"), "TIFF", 0, 16383),
            (lambda x: (x * 65535).astype("uint16"), "PNG", 0, 65535),
            (lambda x: (x * 4095).astype("int32"), "TIFF", 0, 4095),
            (lambda x: (x * 255).astype("uint16"), "TIFF", 0, 255),
            (lambda x: (x * 255).astype("float32"), "TIFF", 0, 255),
            (lambda x: x.astype("float32"), "TIFF", 0, 1),
        ],
    )
    def test_usual_depths_and_scales_are_known(
        self, convert: Callable[[Array], Array], form: str, low: float, high: float
    ) -> None:
        pictures = [deep(convert(scene(i)), form) for i in range(8)]
        rendering = proposed(pictures, ".png" if form == "PNG" else ".tif")
        assert (rendering.low, rendering.high) == (low, high)
        stored = np.stack([decode(data, rendering=rendering).pixels[..., 0] for data in pictures])
        assert np.abs(stored / 255 - np.stack([scene(i) for i in range(8)])).max() < 0.02
        assert not any(decode(data, rendering=rendering).clipped for data in pictures)

    @pytest.mark.parametrize(
        ("convert", "low", "high"),
        [
            (lambda x: (x * 2000 - 1000).astype("float32"), -940, 940),
            (lambda x: (x * 1e-6).astype("float32"), 3e-8, 9.7e-7),
            (lambda x: (20_000 + x * 2000).astype("uint16"), 20_060, 21_940),
            (lambda x: (x * 1e6 - 5e5).astype("int32"), -470_000, 470_000),
        ],
    )
    def test_other_values_fill_their_own_range(
        self, convert: Callable[[Array], Array], low: float, high: float
    ) -> None:
        pictures = [deep(convert(scene(i))) for i in range(8)]
        rendering = proposed(pictures)
        assert rendering.low == pytest.approx(low, abs=0.02 * (high - low))
        assert rendering.high == pytest.approx(high, abs=0.02 * (high - low))
        stored = np.stack([decode(data, rendering=rendering).pixels for data in pictures])
        assert (stored.min(), stored.max()) == (0, 255)

    def test_range_is_that_of_all_pictures_together(self) -> None:
        dark, light = (scene(0) * 1000).astype("uint16"), (scene(1) * 4000).astype("uint16")
        rendering = proposed([deep(dark), deep(light)])
        assert rendering.high == 4095
        assert decode(deep(dark), rendering=rendering).pixels.max() < 70

    def test_hot_pixel_does_not_darken_all(self) -> None:
        pictures = [(scene(i) * 16383).astype("uint16") for i in range(12)]
        pictures[3][5, 5] = 65535
        rendering = proposed([deep(one) for one in pictures])
        assert (rendering.low, rendering.high) == (0, 16383)
        assert [decode(deep(one), rendering=rendering).clipped for one in pictures] == [0, 0, 0, 1, *[0] * 8]

    def test_what_is_no_number_is_black_and_counted(self) -> None:
        values = scene(0).astype("float32")
        values[0, :3] = np.nan, np.inf, -np.inf
        picture = decode(deep(values), rendering=proposed([deep(values), deep(scene(1).astype("float32"))]))
        assert picture.clipped == 3
        assert picture.pixels[0, :3, 0].tolist() == [0, 255, 0]
        with pytest.raises(UnreadableError, match="holds no numbers"):
            decode(deep(np.full((4, 4), np.nan, "float32")), rendering=Rendering(low=0, high=1))

    def test_even_pictures_of_one_value_have_a_range(self) -> None:
        data = deep(np.full((8, 8), 700, "uint16"))
        assert decode(data, rendering=proposed([data])).pixels.shape == (8, 8, 3)

    def test_pictures_of_eight_bits_have_none(self) -> None:
        plain = Image.fromarray((scene(0) * 255).astype("uint8"))
        assert proposed([saved(plain), saved(plain.convert("RGB"))], ".png") == Rendering()

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_damaged_pictures_are_left_to_the_import(self) -> None:
        data = deep((scene(0) * 4095).astype("uint16"))
        assert proposed([data, data[:50], b"", b"no picture"]).high == 4095


def png(values: Array, colour: int) -> bytes:
    """A PNG of 16 bits a channel, `(height, width, channels)`, which Pillow cannot write; `colour` is its type."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.usefixtures("workspace")
class TestDeepColours:
    def test_colours_of_twelve_bits_fill_eight(self) -> None:
        shares = np.stack([scene(i) for i in range(3)], axis=-1)
        data = png((shares * 4095).astype("uint16"), 2)
        rendering = proposed([data], ".png")
        assert (rendering.low, rendering.high) == (0, 4095)
        assert np.abs(decode(data, rendering=rendering).pixels / 255 - shares).max() < 0.01

    def test_whole_sixteen_bits_are_as_they_were(self) -> None:
        values = np.random.default_rng(0).integers(0, 65536, (9, 9, 3)).astype("uint16")
        data = png(values, 2)
        assert np.abs(decode(data, rendering=proposed([data], ".png")).pixels - values / 257).max() <= 1

    @pytest.mark.parametrize(("colour", "channels"), [(4, 1), (6, 3)])
    def test_transparency_is_no_value(self, colour: int, channels: int) -> None:
        shares = np.stack([scene(i) for i in range(channels)], axis=-1)
        alpha = np.where(scene(0) < 0.1, 0, 65535)[..., None]
        data = png(np.concatenate([(shares * 1023).astype("uint16"), alpha], axis=-1), colour)
        rendering = proposed([data], ".png")
        assert (rendering.high, rendering.ground) == (1023, "white")
        expected = np.where(alpha == 0, 1, shares)
        assert np.abs(decode(data, rendering=rendering).pixels / 255 - expected).max() < 0.01


def icon(ink: tuple[int, int, int], seed: int, mode: str = "RGBA") -> Image.Image:
    picture = Image.new("RGBA", (48, 48), (*ink, 0))
    ImageDraw.Draw(picture).ellipse((8 + seed % 5, 8, 36, 36), fill=(*ink, 255))
    return picture.convert(mode)


@pytest.mark.usefixtures("workspace")
class TestGround:
    @pytest.mark.parametrize(
        ("inks", "ground"),
        [
            ([(255, 255, 255)], "dark"),
            ([(250, 250, 235), (230, 240, 255)], "dark"),
            ([(0, 0, 0)], "white"),
            ([(200, 30, 40), (20, 90, 200)], "white"),
            ([(255, 255, 255), (0, 0, 0)], "grey"),
        ],
    )
    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_drawings_stand_out_from_it(self, inks: Sequence[tuple[int, int, int]], ground: str, mode: str) -> None:
        pictures = [saved(icon(inks[i % len(inks)], i, mode)) for i in range(12)]
        rendering = proposed(pictures, ".png")
        assert rendering.ground == ground
        assert min(decode(data, rendering=rendering).pixels.std() for data in pictures) > 20

    def test_webp_gif_and_palette_are_looked_at_as_well(self) -> None:
        white = [icon((255, 255, 255), i) for i in range(4)]
        palette = Image.new("P", (40, 40), 1)
        palette.putpalette([255, 255, 255, 255, 255, 255])
        ImageDraw.Draw(palette).rectangle((5, 5, 30, 30), fill=0)
        for pictures, ending in (
            ([saved(one, "WEBP", lossless=True) for one in white], ".webp"),
            ([saved(palette, "GIF", transparency=1)], ".gif"),
            ([saved(palette, transparency=1)], ".png"),
        ):
            assert proposed(pictures, ending).ground == "dark"

    def test_photographs_among_the_drawings_do_not_count(self) -> None:
        photo = Image.fromarray((scene(0) * 255).astype("uint8")).convert("RGB")
        assert proposed([saved(photo)] * 9 + [saved(icon((255, 255, 255), 1))], ".png").ground == "dark"


@pytest.mark.usefixtures("workspace")
class TestChannels:
    @staticmethod
    def tiff(channels: int, extra: bytes = b"") -> bytes:
        """An uncompressed TIFF of 2 × 2 pixels with so many channels of 8 bits."""
        samples = bytes(range(4 * channels))
        tags = [(256, 4, 1, 2), (257, 4, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1 if channels < 3 else 2),
                (273, 4, 1, 0), (277, 3, 1, channels), (278, 4, 1, 2), (279, 4, 1, len(samples))]  # fmt: skip
        strip = 8 + 2 + 12 * len(tags) + 4
        tags[5] = (273, 4, 1, strip)
        entries = b"".join(
            tag.to_bytes(2, "little")
            + kind.to_bytes(2, "little")
            + n.to_bytes(4, "little")
            + value.to_bytes(4, "little")
            for tag, kind, n, value in tags
        )
        return b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + entries + bytes(4) + samples

    @pytest.mark.parametrize("channels", [2, 5, 7, 12])
    def test_other_numbers_of_channels_are_refused_by_number(self, channels: int) -> None:
        with pytest.raises(UnreadableError, match=f"^{channels} channels"):
            decode(self.tiff(channels))

    def test_three_channels_are_colours(self) -> None:
        assert decode(self.tiff(3)).pixels[0, 0].tolist() == [0, 1, 2]
