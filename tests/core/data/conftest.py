"""Small archives and tables made on the spot."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def picture(seed: int, side: int = 12, file_format: str = "PNG") -> bytes:
    """A noise image that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + 2, 3), dtype="uint8")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format)
    return out.getvalue()


@pytest.fixture
def make_picture() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def two_classes() -> dict[str, bytes]:
    """Four images each of cats and dogs, by name."""
    return {f"{name}/{i}.png": picture(10 * c + i) for c, name in enumerate(("cats", "dogs")) for i in range(4)}


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write a ZIP file of (name → bytes) and return its path."""

    def make(files: Mapping[str, bytes], name: str = "photos.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in files.items():
                archive.writestr(member, data)
        return path

    return make


@pytest.fixture
def make_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write a text file and return its path."""

    def make(text: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


@pytest.fixture
def leftovers(workspace: Path) -> Callable[[], list[str]]:
    """What an import left in the datasets' folder, besides its lock."""
    return lambda: sorted(path.name for path in (workspace / "datasets").glob("*") if path.name != ".lock")
