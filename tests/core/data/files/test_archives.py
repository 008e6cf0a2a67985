"""What an archive may hold, and how its folders are understood."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import pytest

from core.data.files.archives import ZipArchive, open_archive
from core.data.image_reading.members import image_members
from core.errors import InputError


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught, open_archive(path):
        pass
    assert caught.value.hint
    assert caught.value.message.count(". ") == 0, "one sentence"
    return caught.value.message


def classes(path: Path, labelled: bool = True) -> dict[str, str | None]:
    with open_archive(path) as archive:
        return {member.path: member.label for member in image_members(archive, labelled)[0]}


def test_text_is_not_an_archive(make_csv):
    assert "“photos.zip” is not a ZIP" in refusal(make_csv("hello", "photos.zip"))


def test_file_without_bytes_is_empty(make_csv):
    assert "“photos.zip” is empty" in refusal(make_csv("", "photos.zip"))


@pytest.mark.parametrize("files", [{}, {"cats/": b""}, {"__MACOSX/._a.png": b"x", "a/.DS_Store": b"x"}])
def test_archive_of_nothing_holds_no_files(make_zip, files):
    assert "“photos.zip” holds no files" in refusal(make_zip(files))


@pytest.mark.parametrize(
    "name", ["../evil.png", "cats/../../evil.png", "/etc/evil.png", "C:\\evil.png", "cats\\..\\evil.png"]
)
def test_names_that_leave_the_folder_refuse_the_whole_archive(make_zip, two_classes, name):
    message = refusal(make_zip(two_classes | {name: b"x"}))
    assert name in message
    assert "path" in message


def test_links_refuse_the_whole_archive(make_zip, two_classes):
    path = make_zip(two_classes)
    link = zipfile.ZipInfo("cats/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "cats/link.png" in refusal(path)


def test_encrypted_archive_is_refused(make_zip, two_classes):
    path = make_zip(two_classes)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1  # the flag in the first entry of the directory
    path.write_bytes(data)
    assert "encrypted" in refusal(path)


def test_more_members_than_allowed_are_refused(make_zip, two_classes, monkeypatch):
    monkeypatch.setenv("GRAFT_MAX_MEMBERS", "7")
    assert "8 files" in refusal(make_zip(two_classes))


def test_archive_that_unpacks_to_many_times_its_size_is_refused(make_zip):
    assert "over 200 times its size" in refusal(make_zip({"a/bomb.png": bytes(101 * 2**20)}))


def test_member_larger_than_any_image_is_refused_alone(make_zip, two_classes, monkeypatch):
    monkeypatch.setenv("GRAFT_MAX_PIXELS", "1000")
    path = make_zip(two_classes | {"cats/huge.png": bytes(5000)})
    with open_archive(path) as archive:
        members, skipped = image_members(archive, labelled=True)
    assert len(members) == 8
    assert [s.path for s in skipped] == ["cats/huge.png"]


def test_same_name_twice_is_taken_once(make_zip, two_classes):
    path = make_zip(two_classes)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("cats/0.png", b"other")
    with open_archive(path) as archive:
        assert archive.read("cats/0.png") == two_classes["cats/0.png"]
        assert [s.path for s in archive.refused] == ["cats/0.png"]


def test_changed_bytes_make_one_member_unreadable_not_the_archive(make_zip, two_classes):
    path = make_zip(two_classes)
    with zipfile.ZipFile(path) as opened:
        info = opened.getinfo("cats/0.png")
    data = bytearray(path.read_bytes())
    name_length, extra_length = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
    data[info.header_offset + 30 + name_length + extra_length + 20] ^= 0xFF
    path.write_bytes(data)
    archive = ZipArchive(path)
    with pytest.raises(OSError, match="damaged"):
        archive.read("cats/0.png")
    assert archive.read("cats/1.png") == two_classes["cats/1.png"]


@pytest.mark.parametrize("wrapping", ["", "photos/", "a/b/"])
def test_wrapping_folders_change_neither_names_nor_classes(make_zip, two_classes, wrapping):
    found = classes(make_zip({wrapping + name: data for name, data in two_classes.items()}))
    assert found == {name: name.split("/")[0] for name in two_classes}


def test_class_is_the_top_folder(make_zip):
    found = classes(make_zip({"cats/big/lion.png": b"x", "cats/tom.png": b"x", "dogs/rex.png": b"x"}))
    assert found == {"cats/big/lion.png": "cats", "cats/tom.png": "cats", "dogs/rex.png": "dogs"}


def test_single_class_folder_is_not_taken_for_a_wrapping(make_zip):
    assert classes(make_zip({"cats/1.png": b"x", "cats/2.png": b"x"})) == {"cats/1.png": "cats", "cats/2.png": "cats"}


def test_folders_named_after_parts_are_no_classes(make_zip):
    path = make_zip({f"{part}/{name}/1.png": b"x" for part in ("train", "val", "test") for name in ("cats", "dogs")})
    with open_archive(path) as archive:
        members, _ = image_members(archive, labelled=True)
    assert {member.label for member in members} == {"cats", "dogs"}
    assert {(m.path.split("/")[0], m.given_split) for m in members} == {
        ("train", "train"), ("val", "validation"), ("test", "test"),
    }  # fmt: skip


def test_images_outside_class_folders_and_other_files_are_refused_with_a_reason(make_zip, two_classes):
    path = make_zip(two_classes | {"loose.png": b"x", "cats/notes.doc": b"x", "README.md": b"x"})
    with open_archive(path) as archive:
        members, skipped = image_members(archive, labelled=True)
        unlabelled, _ = image_members(archive, labelled=False)
    assert {s.path: s.reason for s in skipped} == {
        "loose.png": "lies in no class folder",
        "cats/notes.doc": "not an image file (.doc)",
    }
    assert len(members) == 8
    assert {(m.path, m.label) for m in unlabelled} >= {("loose.png", None), ("cats/0.png", None)}


def test_folder_and_archive_of_the_same_files_are_the_same(tmp_path, make_zip, two_classes):
    folder = tmp_path / "photos"
    for name, data in two_classes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with open_archive(folder) as a, open_archive(make_zip(dict(reversed(two_classes.items())))) as b:
        assert image_members(a, True) == image_members(b, True)
        assert a.read("cats/0.png") == b.read("cats/0.png")


def test_broken_compression_makes_one_member_unreadable(make_zip, two_classes):
    text = b"the same words again and again, " * 200
    path = make_zip(two_classes | {"cats/words.png": text})
    with zipfile.ZipFile(path) as opened:
        info = opened.getinfo("cats/words.png")
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len("cats/words.png")
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    with open_archive(path) as archive, pytest.raises(OSError, match="damaged"):
        archive.read("cats/words.png")


def test_links_out_of_a_folder_are_refused(tmp_path, two_classes):
    folder = tmp_path / "photos"
    (folder / "cats").mkdir(parents=True)
    (folder / "cats" / "1.png").write_bytes(two_classes["cats/1.png"])
    (tmp_path / "secret.png").write_bytes(two_classes["cats/0.png"])
    (folder / "cats" / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "cats" / "in.png").symlink_to(folder / "cats" / "1.png")
    with open_archive(folder) as archive:
        assert set(archive.sizes) == {"cats/1.png", "cats/in.png"}
        assert [s.path for s in archive.refused] == ["cats/out.png"]


def test_archive_cut_short_is_refused(make_zip, two_classes):
    path = make_zip(two_classes)
    path.write_bytes(path.read_bytes()[:-40])
    assert "damaged" in refusal(path)


def test_names_with_windows_separators_have_classes(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("cats\\1.png", "dogs\\1.png"):
            archive.writestr(name, b"x")
    path = tmp_path / "windows.zip"
    path.write_bytes(out.getvalue())
    assert classes(path) == {"cats/1.png": "cats", "dogs/1.png": "dogs"}


class TestTar:
    @staticmethod
    def make(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
        mode: Literal["w:gz", "w"] = "w:gz" if path.name.endswith("gz") else "w"
        with tarfile.open(path, mode) as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            for info in extra:
                tar.addfile(info)
        return path

    @pytest.mark.parametrize("name", ["p.tar", "p.tar.gz", "p.tgz", "wrong.zip"])
    def test_holds_what_a_zip_would(self, workspace, tmp_path, make_zip, two_classes, name):
        path = self.make(tmp_path / name, two_classes)
        assert classes(path) == classes(make_zip(two_classes))
        with open_archive(path) as archive:
            assert {name: archive.read(name) for name in archive.sizes} == two_classes

    def test_zip_by_another_name_is_read(self, workspace, make_zip, two_classes):
        assert len(classes(make_zip(two_classes, "photos.tar"))) == 8

    @pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png"])
    def test_names_that_leave_the_folder_refuse_the_whole_archive(self, workspace, tmp_path, two_classes, name):
        message = refusal(self.make(tmp_path / "p.tar", two_classes | {name: b"x"}))
        assert name in message and "path" in message

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            (tarfile.SYMTYPE, "a link"),
            (tarfile.LNKTYPE, "a link"),
            (tarfile.CHRTYPE, "a device"),
            (tarfile.BLKTYPE, "a device"),
            (tarfile.FIFOTYPE, "a device"),
        ],
    )
    def test_links_and_devices_refuse_the_whole_archive(self, workspace, tmp_path, two_classes, kind, said):
        info = tarfile.TarInfo("cats/odd.png")
        info.type, info.linkname = kind, "/etc/passwd"
        message = refusal(self.make(tmp_path / "p.tar.gz", two_classes, info))
        assert said in message and "cats/odd.png" in message

    def test_bomb_is_refused_before_it_fills_the_disk(self, workspace, tmp_path):
        path = tmp_path / "p.tar.gz"
        with gzip.open(path, "wb", 9) as out:
            for _ in range(130):
                out.write(bytes(2**20))
        assert "over 200 times its size" in refusal(path)
        assert not list((workspace / "cache").iterdir())

    def test_more_members_than_allowed_are_refused(self, workspace, tmp_path, two_classes, monkeypatch):
        monkeypatch.setenv("GRAFT_MAX_MEMBERS", "7")
        assert "8 files, more than the 7 allowed" in refusal(self.make(tmp_path / "p.tar", two_classes))

    @pytest.mark.parametrize("name", ["p.tar", "p.tgz"])
    @pytest.mark.parametrize("content", [b"hello", b"\x1f\x8b" + bytes(600), gzip.compress(b"a,b\n1,2\n", mtime=0)])
    def test_what_is_no_tar_is_refused(self, workspace, tmp_path, name, content):
        path = tmp_path / name
        path.write_bytes(content)
        assert f"“{name}”" in refusal(path)

    @pytest.mark.parametrize("name", ["p.tar", "p.tar.gz"])
    def test_of_one_that_breaks_off_the_rest_is_read(self, workspace, tmp_path, make_picture, name):
        files = {f"{label}/{i}.png": make_picture(20 * c + i, 60) for c, label in enumerate("ab") for i in range(9)}
        path = self.make(tmp_path / name, files)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with open_archive(path) as archive:
            whole = [name for name in archive.sizes if archive.read(name) == files[name]]
            assert 2 < len(whole) < 18
            assert archive.refused, "what is missing is told"

    def test_names_that_are_no_text_can_be_stored(self, workspace, tmp_path, make_picture):
        path = tmp_path / "p.tar"
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
            tar.addfile(tarfile.TarInfo("a/\udcff.png"))  # the byte 0xff, as Python holds it
        (name,) = classes(path)
        assert name.encode().startswith(b"a/")


def test_names_in_every_script_are_kept(make_zip, make_picture):
    names = ["猫/一.png", "قطة/١.png", "🐈/1.png"]
    path = make_zip({name: make_picture(i) for i, name in enumerate(names)})
    assert sorted(classes(path)) == sorted(names)
    unmarked = path.with_name("unmarked.zip")  # as many programs write it: UTF-8, not said to be
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flags + 1] &= ~0x08
            at = data.find(mark, at + 1)
    unmarked.write_bytes(data)
    assert sorted(classes(unmarked)) == sorted(names)


def test_directory_of_a_million_members_is_never_read(make_zip, two_classes, monkeypatch):
    path = make_zip(two_classes)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x05\x06")
    data[at + 8 : at + 12] = b"\xfe\xff\xfe\xff"
    path.write_bytes(data)
    monkeypatch.setenv("GRAFT_MAX_MEMBERS", "1000")
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "65,534 files, more than the 1,000 allowed" in refusal(path)
