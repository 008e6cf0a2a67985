"""What an archive may hold, and how its folders are understood."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from core.data.archives import ZipArchive, image_members, open_archive
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
