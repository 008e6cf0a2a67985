"""Names inside archives are read in the encoding they were written in, and always in one form of Unicode."""

import io
import os
import struct
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.data.files.archives import open_archive
from core.data.files.names import free_name
from core.errors import InputError


def old_zip(path: Path, names: Sequence[bytes], flags: int = 0) -> Path:
    """A ZIP of members with these names as they are, without the flag that says UTF-8."""
    files = directory = b""
    for number, name in enumerate(names):
        data = str(number).encode()
        sizes = struct.pack("<III", zlib.crc32(data), len(data), len(data))
        here = len(files)
        files += (
            struct.pack("<IHHHHH", 0x04034B50, 20, flags, 0, 0, 0x5821) + sizes + struct.pack("<HH", len(name), 0)
        )
        files += name + data
        directory += struct.pack("<IHHHHHH", 0x02014B50, 20, 20, flags, 0, 0, 0x5821) + sizes
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, here) + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(names), len(names), len(directory), len(files), 0)
    path.write_bytes(files + directory + end)
    return path


def folders(path: Path, encoding: str = "") -> set[str]:
    with open_archive(path) as archive:
        if encoding:
            archive.use_encoding(encoding)
        assert {archive.read(name) for name in archive.sizes} == {str(i).encode() for i in range(len(archive.sizes))}
        return {name.split("/")[-2] for name in archive.sizes}


WORDS = {
    "gbk": ("动物", ["猫", "狗", "鸟"]),
    "cp932": ("動物", ["猫", "犬", "表"]),  # 表 has a backslash for its second byte
    "big5": ("動物圖片", ["貓", "狗", "鳥類"]),
    "euc_kr": ("동물", ["고양이", "강아지", "새"]),
    "cp866": ("животные", ["кошка", "собака", "птица"]),
    "cp850": ("Tiere", ["Bär", "Kühe", "Füchse"]),
    "utf-8": ("ζώα", ["γάτα", "σκύλος", "πουλί"]),
}


@pytest.mark.parametrize("encoding", WORDS)
def test_names_of_old_programs_are_read(tmp_path: Path, encoding: str) -> None:
    top, classes = WORDS[encoding]
    names = [f"{top}/{name}/{i}.jpg".encode(encoding) for name in classes for i in range(4)]
    assert folders(old_zip(tmp_path / "old.zip", names)) == set(classes)


@pytest.mark.parametrize("encoding", ["gbk", "cp932", "big5", "euc_kr", "cp866", "cp850", "cp437"])
def test_encoding_that_is_chosen_counts(tmp_path: Path, encoding: str) -> None:
    names = [f"{name}/{i}.jpg".encode(encoding) for name in WORDS.get(encoding, ("", ["Käse"]))[1] for i in range(2)]
    path = old_zip(tmp_path / "old.zip", names)
    assert folders(path, encoding) == {name.decode(encoding).split("/")[0] for name in names}


def test_names_that_say_utf8_keep_it_whatever_is_chosen(tmp_path: Path) -> None:
    path = old_zip(tmp_path / "new.zip", ["猫/0.jpg".encode()], flags=0x800)
    assert folders(path, "gbk") == {"猫"}


def test_names_in_a_tar_are_read_alike(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.tar"
    with tarfile.open(path, "w", encoding="gbk", format=tarfile.GNU_FORMAT) as tar:
        for number, name in enumerate(["动物/猫/0.jpg", "动物/狗/1.jpg", "动物/鸟/2.jpg"]):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(str(number).encode()))
    assert folders(path) == {"猫", "狗", "鸟"}


@pytest.mark.parametrize("pack", ["zip", "folder"])
def test_two_forms_of_a_name_are_one_class_and_no_picture_is_lost(tmp_path: Path, pack: str) -> None:
    if pack == "folder" and sys.platform == "darwin":
        pytest.skip("the system joins them itself")
    names = [unicodedata.normalize("NFD" if i % 2 else "NFC", f"Bär/{i // 2}.jpg") for i in range(6)]
    path = tmp_path / f"two.{pack}"
    if pack == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number, name in enumerate(names):
                archive.writestr(name, str(number))
    else:
        for number, name in enumerate(names):
            (path / os.path.dirname(name)).mkdir(parents=True, exist_ok=True)
            (path / name).write_text(str(number))
    assert folders(path) == {"Bär"}
    with open_archive(path) as opened:
        assert len(opened.sizes) == 6


@pytest.mark.parametrize(("method", "said"), [(9, "Deflate64"), (98, "PPMd"), (77, "the method 77")])
def test_method_that_is_not_read_is_named(tmp_path: Path, method: int, said: str) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("cats/1.png", "dogs/1.png"):
            archive.writestr(name, b"x" * 50)
    data = bytearray(path.read_bytes())
    places = []
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = data.find(mark)
        while start >= 0:
            places.append(start + at)
            start = data.find(mark, start + 4)
    for place in places:
        data[place : place + 2] = struct.pack("<H", method)
    path.write_bytes(data)
    with (
        pytest.raises(InputError, match=f"is packed with {said}, which is not read here") as caught,
        open_archive(path),
    ):
        pass
    assert "Unpack it" in caught.value.hint
    for place in places[::2]:  # only one of the two members
        data[place : place + 2] = struct.pack("<H", 8)
    path.write_bytes(data)
    with open_archive(path) as archive:
        assert list(archive.sizes) == ["cats/1.png"]
        assert [one.path for one in archive.refused] == ["dogs/1.png"]


def test_taken_name_gets_a_number() -> None:
    assert free_name("a.b/c.jpg", {"a.b/c.jpg", "a.b/c 2.jpg"}) == "a.b/c 3.jpg"
    assert free_name("a.b/c", {"a.b/c"}) == "a.b/c 2"


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [(".5/1.png", True), (".25 mm/1.png", True), ("a/.5.png", True), (".git/1.png", False), ("a/._1.png", False)],
)
def test_folder_named_by_a_fraction_is_not_hidden(tmp_path: Path, name: str, is_kept: bool) -> None:
    path = tmp_path / "scales.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "0")
        archive.writestr("1.0/1.png", "1")
    with open_archive(path) as opened:
        assert (name in opened.sizes) == is_kept
