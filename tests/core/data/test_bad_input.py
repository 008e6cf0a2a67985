"""Bad input of every kind: one sentence that names the offender, and the rest is imported where that makes sense."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pillow_heif
import pytest
from PIL import Image

from core.data.importing import ImportResult, import_data
from core.errors import GraftError, InputError

pillow_heif.register_heif_opener()
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "tif": "TIFF", "heic": "HEIF"}
NAMES = ["猫と犬", "قطة", "🐈 cat", "Ünïcode d’été"]


def picture(kind: str = "PNG", seed: int = 0, side: int = 40) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype="uint8")
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def sound(n: int = 4) -> dict[str, bytes]:
    return {f"{name}/{i}.png": picture(seed=100 * k + i) for i in range(n) for k, name in enumerate("ab")}


def laid(folder: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "photos"


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "photos.zip"


def tarred(folder: Path, members: dict[str, bytes], mode: str = "w", name: str = "photos.tar") -> Path:
    with tarfile.open(folder / name, mode) as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / name


def gzipped(folder: Path, members: dict[str, bytes]) -> Path:
    return tarred(folder, members, "w:gz", "photos.tar.gz")


CONTAINERS = (laid, zipped, tarred, gzipped)


def spoiled(kind: str) -> dict[str, Callable[[bytes], bytes]]:
    return {
        "truncated": lambda content: content[: len(content) // 2],
        "empty": lambda content: b"",
        "text": lambda content: b"no picture at all",
        "zeros": lambda content: bytes(len(content)),
    }


@pytest.mark.parametrize("how", ["truncated", "empty", "text", "zeros"])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_broken_image_is_named_and_the_rest_imported(
    workspace: Path, tmp_path: Path, ending: str, how: str
) -> None:
    broken = spoiled(ending)[how](picture(FORMATS[ending], side=64))
    found = import_data(zipped(tmp_path, sound() | {f"a/broken.{ending}": broken}))
    assert [s.path for s in found.skipped] == [f"a/broken.{ending}"]
    assert found.skipped[0].reason and found.dataset.n == 8


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("named", ["jpg", "png"])
def test_an_image_under_another_ending_is_still_an_image(
    workspace: Path, tmp_path: Path, ending: str, named: str
) -> None:
    found = import_data(zipped(tmp_path, sound() | {f"a/other.{named}": picture(FORMATS[ending], seed=99)}))
    assert not found.skipped and found.dataset.n == 9


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_a_picture_that_moves_the_first_frame_is_taken(workspace: Path, tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    found = import_data(zipped(tmp_path, sound() | {f"a/moves.{kind.lower()}": out.getvalue()}))
    assert not found.skipped and found.dataset.n == 9


def test_an_enormous_image_is_refused_by_its_size(workspace: Path, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    found = import_data(zipped(tmp_path, sound() | {"a/huge.png": out.getvalue()}))
    assert [s.path for s in found.skipped] == ["a/huge.png"]
    assert "pixels" in found.skipped[0].reason and found.dataset.n == 8


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.__name__)
def test_class_names_of_every_script_are_kept(
    workspace: Path, tmp_path: Path, container: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    members = {f"{name}/{i}.png": picture(seed=10 * k + i) for k, name in enumerate(NAMES) for i in range(3)}
    assert set(import_data(container(tmp_path, members)).dataset.classes) == set(NAMES)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.__name__)
def test_a_container_without_images_is_told(
    workspace: Path, tmp_path: Path, container: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    with pytest.raises(InputError):
        import_data(container(tmp_path, {"a/readme.txt": b"nothing here"}))


@pytest.mark.parametrize("container", CONTAINERS[1:], ids=lambda c: c.__name__)
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_an_archive_that_breaks_off_is_told_or_gives_what_is_whole(
    workspace: Path, tmp_path: Path, container: Callable[[Path, dict[str, bytes]], Path], share: float
) -> None:
    path = container(tmp_path, sound(40))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    outcome = attempt(path)
    if isinstance(outcome, ImportResult):
        assert outcome.skipped and 0 < outcome.dataset.n < 80
    else:
        assert path.name in outcome.message and outcome.hint


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "csv", "tsv", "parquet", "xlsx", "jsonl"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 300, b"\x89PNG\r\n\x1a\n" + bytes(60)], ids=["empty", "nul", "png"]
)
def test_a_file_that_is_not_what_it_is_called_is_told(
    workspace: Path, tmp_path: Path, ending: str, content: bytes
) -> None:
    path = tmp_path / f"data.{ending}"
    path.write_bytes(content)
    outcome = attempt(path) if ending in ("zip", "tar", "tar.gz") else attempt(path, target="kind")
    assert isinstance(outcome, GraftError) and path.name in outcome.message and outcome.hint


def test_more_members_than_allowed_are_refused_before_they_are_read(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_MAX_MEMBERS", "1000")
    for container in CONTAINERS[1:]:
        path = container(tmp_path, {f"a/{i}.png": b"" for i in range(1001)})
        with pytest.raises(InputError, match=r"1,?00"):
            import_data(path)


def test_an_archive_built_to_exhaust_is_refused(workspace: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/zeros.png", bytes(150 * 2**20))
    with pytest.raises(InputError, match=r"bomb\.zip"):
        import_data(tmp_path / "bomb.zip")


def table(n: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {"size": [i * i for i in range(n)], "town": ["x", "y"] * (n // 2), "kind": ["a", "b"] * (n // 2)}
    )


def written(folder: Path, ending: str, rows: pd.DataFrame) -> Path:
    path = folder / f"rows.{ending}"
    match ending:
        case "csv":
            rows.to_csv(path, index=False)
        case "tsv":
            rows.to_csv(path, index=False, sep="\t")
        case "parquet":
            rows.to_parquet(path)
        case "xlsx":
            rows.to_excel(path, index=False)
        case "jsonl":
            path.write_text(
                "\n".join(json.dumps(row, ensure_ascii=False) for row in rows.to_dict("records")), "utf-8"
            )
    return path


TABLES = ["csv", "tsv", "parquet", "jsonl"]


@pytest.mark.parametrize("ending", TABLES)
def test_a_table_cut_in_half_is_told_or_read_as_far_as_it_goes(workspace: Path, tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending, table())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    outcome = attempt(path, target="kind")
    if isinstance(outcome, ImportResult):
        assert ending != "parquet" and 0 < outcome.dataset.n < 40
    else:
        assert path.name in outcome.message and outcome.hint


@pytest.mark.parametrize("ending", TABLES)
def test_a_table_of_a_thousand_classes_and_every_script_is_read(workspace: Path, tmp_path: Path, ending: str) -> None:
    kinds = [f"{NAMES[i % 4]} {i}" for i in range(1000)]
    rows = pd.DataFrame({"größe 大きさ": np.arange(3000) ** 1.5, "kind": kinds * 3})
    found = import_data(written(tmp_path, ending, rows), target="kind")
    assert set(found.dataset.classes) == set(kinds)


ROWS = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(3, 43))


@pytest.mark.parametrize(
    "content",
    [
        "size,kind\n1,a\n2,b,extra\n" + ROWS,
        "size,size,kind\n" + ROWS.replace(",", ",5,"),
        "size,kind\n1,a\x00\n" + ROWS,
        "size,kind\n1e400,a\n" + ROWS,
        "size,kind\n" + "1" + "0" * 400 + ",a\n" + ROWS,
    ],
    ids=["ragged", "twice the same column", "nul", "1e400", "400 digits"],
)
def test_a_crooked_table_is_told_or_read_with_the_cell_named(workspace: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "crooked.csv"
    path.write_text(content)
    outcome = attempt(path, target="kind")
    if isinstance(outcome, ImportResult):
        assert outcome.dataset.n >= 40
    else:
        assert "crooked.csv" in outcome.message and outcome.hint


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252", "utf-8-sig", "shift_jis"])
def test_a_table_in_another_encoding_is_read_or_told(workspace: Path, tmp_path: Path, encoding: str) -> None:
    word = "日本" if encoding == "shift_jis" else "Größe"
    path = tmp_path / "other.csv"
    path.write_bytes((f"{word},kind\n" + ROWS).encode(encoding))
    outcome = attempt(path, target="kind")
    if isinstance(outcome, GraftError):
        assert "other.csv" in outcome.message and outcome.hint
    else:
        assert outcome.dataset.n == 40


def attempt(path: Path, **how: str) -> ImportResult | GraftError:
    """The import, or the error that a person reads; anything else fails the test."""
    try:
        return import_data(path, **how)
    except GraftError as error:
        return error
