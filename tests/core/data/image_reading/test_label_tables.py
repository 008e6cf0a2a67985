"""Label tables as public data sets write them are understood, and every row and image without a partner is told."""

import io
import json
from collections import Counter
from collections.abc import Sequence

import pytest

from core.data.files.archives import MemoryArchive
from core.data.image_reading.members import Member
from core.data.image_reading.reading import ImageReading, list_members, propose_image_reading
from core.errors import InputError
from core.schemas import Skipped
from tests.core.data.tables.test_store import TestFormats as Tables

KINDS = ("benign", "malignant", "unsure")


def members(files: dict[str, str | bytes]) -> tuple[list[Member], list[Skipped], ImageReading]:
    archive = MemoryArchive("p.zip", {n: t.encode() if isinstance(t, str) else t for n, t in files.items()})
    reading = propose_image_reading(archive)
    return *list_members(archive, reading), reading


def images(folder: str = "images/", n: int = 12, ending: str = ".jpg", form: str = "s{:03d}") -> list[str]:
    return [f"{folder}{form.format(i)}{ending}" for i in range(n)]


def kind(i: int) -> str:
    return KINDS[i % 3]


def labels(files: dict[str, str | bytes]) -> dict[str, int]:
    found, skipped, reading = members(files)
    assert not skipped
    assert reading.labels == "tables"
    wrong = [m for m in found if m.label != kind(int("".join(c for c in m.name.rsplit("/", 1)[-1] if c.isdigit())))]
    assert not wrong
    return dict(Counter(str(member.label) for member in found))


def table(header: str, line: str, names: Sequence[str]) -> str:
    """A line for each image: `{path}`, `{stem}`, `{label}` and so on are filled in."""
    lines = [header] if header else []
    for i, name in enumerate(names):
        base = name.rsplit("/", 1)[-1]
        stem = base.rsplit(".", 1)[0]
        hot = ",".join(str(int(kind(i) == one)) for one in KINDS)
        part = ("train", "train", "val", "test")[i // 3 % 4]
        lines.append(line.format(path=name, base=base, stem=stem, label=kind(i), hot=hot, part=part, i=i))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("id_code,diagnosis", "{stem},{label}"),
        ("", "{path},{label}"),
        ("", "{base},{label}"),
        ("filename," + ",".join(KINDS), "{base},{hot}"),
        ("filename, " + ", ".join(KINDS), "{base}, {hot}"),
        ("image_id;dx;age", "{stem};{label};4{i}.5"),
        ("Image Path\tTarget", "C:\\data\\images\\{base}\t{label}"),
        ("path,class", "/home/me/images/{base},{label}"),
        ("file,category", "./{path},{label}"),
        ("file,category", "IMAGES/{stem}.JPG,{label}"),
        ("image,species,lon", '"{base}","{label}",{i}.25'),
        ("num,picture,what", "{i},{base},{label}"),
        ("ID,file,true label", "{i},{path},{label}"),
        ("", "{label} {base}"),
    ],
)
def test_columns_are_found_by_what_they_are_called_or_hold(header: str, line: str) -> None:
    names = images()
    assert labels(dict.fromkeys(names, b"") | {"train.csv": table(header, line, names)}) == dict.fromkeys(KINDS, 4)


def test_text_of_names_and_labels_without_header() -> None:
    names = images()
    assert labels(dict.fromkeys(names, b"") | {"list.txt": table("", "{base} {label}", names)})


@pytest.mark.parametrize("above", [0, 2])
def test_a_spreadsheet_gives_labels(above: int) -> None:
    names = images()
    titles: list[list[object]] = [["labels of 2024", None, None], [None, None, None]]
    rows = [*titles[:above], ["file", "label", "note"]]
    rows += [[name.rsplit("/", 1)[-1], kind(i), i / 2] for i, name in enumerate(names)]
    book = io.BytesIO()
    Tables.excel(book, rows)
    files = dict.fromkeys(names, b"") | {"labels.xlsx": book.getvalue()}
    found, skipped, reading = members(files)
    assert Counter(member.label for member in found) == dict.fromkeys(KINDS, 4)
    assert (reading.tables[0].format, reading.tables[0].skip_lines) == ("excel", above)
    assert not skipped


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_table_in_another_encoding(encoding: str) -> None:
    names = images(form="é{:03d}")
    assert labels(
        dict.fromkeys(names, b"") | {"l.csv": table("file,label", "{base},{label}", names).encode(encoding)}
    )


def test_numbers_name_files_with_leading_zeros() -> None:
    names = images(form="{:05d}")
    assert labels(dict.fromkeys(names, b"") | {"train.csv": table("id,label", "{i},{label}", names)})


@pytest.mark.parametrize("several", [["a", "b"], [0, 1], [["a", "b"], "c"]])
def test_lists_of_several_labels_are_refused_and_of_one_taken(several: list[object]) -> None:
    names = images("data/")
    records: list[dict[str, object]] = [{"file_name": name, "label": [kind(i)]} for i, name in enumerate(names)]
    assert labels(dict.fromkeys(names, b"") | {"data/labels.json": json.dumps(records)})
    records[3]["label"] = several
    with pytest.raises(InputError, match="gives 1 of its images several labels"):
        members(dict.fromkeys(names, b"") | {"data/labels.json": json.dumps(records)})


@pytest.mark.parametrize("form", ["metadata.jsonl", "labels.json", "map.json"])
def test_json_as_hubs_lay_it_beside_the_images(form: str) -> None:
    names = images("data/")
    records = [
        {"file_name": name.removeprefix("data/"), "label": kind(i), "text": f"no {i}"} for i, name in enumerate(names)
    ]
    content = {
        "metadata.jsonl": "\n".join(map(json.dumps, records)),
        "labels.json": json.dumps(records),
        "map.json": json.dumps({record["file_name"]: record["label"] for record in records}),
    }[form]
    assert labels(dict.fromkeys(names, b"") | {f"data/{form}": content})


def per_part(line: str, header: str) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {}
    for part in ("train", "valid", "test"):
        names = images(f"{part}/", 6)  # the same names in each part
        files |= dict.fromkeys(names, b"") | {f"{part}/_classes.csv": table(header, line, names)}
    return files


@pytest.mark.parametrize(
    ("header", "line"), [("filename,label", "{base},{label}"), ("filename, " + ", ".join(KINDS), "{base}, {hot}")]
)
def test_each_part_has_a_table_of_its_own(header: str, line: str) -> None:
    found, skipped, _ = members(per_part(line, header))
    assert not skipped
    assert Counter(m.given_split for m in found) == {"train": 6, "validation": 6, "test": 6}
    assert all(m.label == kind(int(m.name[-7:-4])) for m in found)


def test_tables_called_after_parts_give_them() -> None:
    names = images()
    files: dict[str, str | bytes] = dict.fromkeys(names, b"")
    for part, some in (("train", names[:6]), ("val", names[6:9]), ("test", names[9:])):
        files[f"{part}.csv"] = "file,label\n" + "".join(f"{n},{kind(names.index(n))}\n" for n in some)
    found, skipped, _ = members(files)
    assert not skipped
    assert Counter(m.given_split for m in found) == {"train": 6, "validation": 3, "test": 3}


@pytest.mark.parametrize("column", ["split", "Usage", "my part"])
def test_column_of_parts_gives_them(column: str) -> None:
    names = images()
    found, _, _ = members(
        dict.fromkeys(names, b"") | {"l.csv": table(f"file,label,{column}", "{base},{label},{part}", names)}
    )
    assert Counter(m.given_split for m in found) == {"train": 6, "validation": 3, "test": 3}


def test_test_images_and_sample_submission_have_no_label() -> None:
    train, test = images("train_images/"), images("test_images/", 5, form="t{:03d}")
    found, skipped, _ = members(
        dict.fromkeys([*train, *test], b"")
        | {
            "train.csv": table("id_code,diagnosis", "{stem},{label}", train),
            "test.csv": table("id_code", "{stem}", test),
            "sample_submission.csv": table("id_code,diagnosis", "{stem},0", test),
        }
    )
    assert Counter(m.label for m in found) == dict.fromkeys(KINDS, 4)
    assert {m.given_split for m in found} == {None}, "one part is no split"
    assert [s.path for s in skipped if s.unlabelled] == test


def test_rows_without_file_and_files_without_row_are_told() -> None:
    names = images()
    text = table("file,label", "{base},{label}", names[:-1]) + "gone.jpg,benign\n"
    found, skipped, _ = members(dict.fromkeys(names, b"") | {"l.csv": text.replace("s000.jpg,benign", "s000.jpg,")})
    assert len(found) == 10
    assert {s.path: s.reason for s in skipped if s.unlabelled} == {
        "images/s000.jpg": "without a label in “l.csv”",
        "images/s011.jpg": "not named in “l.csv”",
        "gone.jpg": "named in “l.csv”, but not there",
    }


@pytest.mark.parametrize("top", ["", "data/", "data/set/"])
def test_table_called_after_a_part_means_the_folder_of_that_part(top: str) -> None:
    names = images(f"{top}train/", form="{}")
    test = images(f"{top}test/", n=8, form="{}")
    text = table("id,label", "{i},{label}", names)
    files = dict.fromkeys([*names, *test], b"")
    found, skipped, _ = members({**files, f"{top}train.csv": text})
    assert {one.name for one in found} == {*names}
    assert len(skipped) == 8 and not any("more than one" in one.reason for one in skipped)


@pytest.mark.parametrize(("other", "said"), [("s000.jpg", "more than one file is called so"), ("x.jpg", "not there")])
def test_why_a_row_names_no_image_is_told(other: str, said: str) -> None:
    names = images()
    text = table("file,label", "{base},{label}", names) + f"\n{other},{kind(0)}"
    files = dict.fromkeys([*names, "images/more/s000.jpg"], b"")
    _, skipped, _ = members({**files, "l.csv": text})
    assert f"named in “l.csv”, but {said}" in {one.reason for one in skipped if one.path == other}


def test_rows_that_say_the_same_twice_do_no_harm() -> None:
    names = images()
    assert labels(dict.fromkeys(names, b"") | {"l.csv": table("file,label", "{base},{label}\n{base},{label}", names)})


def test_class_folders_come_before_a_table_and_the_table_is_the_other_reading() -> None:
    names = [*images("cats/", 6), *images("dogs/", 6, form="d{:03d}")]
    files = dict.fromkeys(names, b"") | {"l.csv": table("file,label", "{path},{label}", names)}
    found, _, reading = members(files)
    assert {m.label for m in found} == {"cats", "dogs"}
    assert [tree.labels for tree in reading.alternatives] == ["tables"]
    assert reading.alternatives[0].classes == dict.fromkeys(KINDS, 4) and reading.alternatives[0].disagrees
    alike = table("file,label", "{path},{label}", names)
    for i, name in enumerate(names):  # as many images of each class, but not the same ones
        alike = alike.replace(f"{name},{kind(i)}", f"{name},{'cats' if i % 2 else 'dogs'}")
    _, _, reading = members(files | {"l.csv": alike})
    assert reading.alternatives[0].classes == reading.classes and reading.alternatives[0].disagrees


def test_folders_that_only_number_a_download_are_no_classes() -> None:
    names = [*images("HAM_images_part_1/", 6), *images("HAM_images_part_2/", 6, form="d{:03d}")]
    found, _, reading = members(
        dict.fromkeys(names, b"") | {"meta.csv": table("image_id,dx", "{stem},{label}", names)}
    )
    assert reading.labels == "tables"
    assert {m.label for m in found} == {*KINDS}


def test_table_whose_class_column_is_unclear_is_named() -> None:
    names = images()
    text = table("file,colour,form", "{base},{label},{part}y", names)
    _, _, reading = members(dict.fromkeys(names, b"") | {"l.csv": text})
    assert reading.labels == "folders"
    assert "“l.csv” names images, and none of its columns is clearly the class: colour, form." in reading.open_tables


def test_list_that_only_numbers_the_images_is_no_label_table() -> None:
    names = [*images("images/1.Albatross/"), *images("images/2.Wren/", form="w{:03d}")]
    lines = "\n".join(f"{i} {name.removeprefix('images/')}" for i, name in enumerate(names, start=1))
    _, _, reading = members(dict.fromkeys(names, b"") | {"images.txt": lines, "classes.txt": "1 Albatross\n2 Wren\n"})
    assert (reading.labels, list(reading.classes), reading.alternatives) == ("folders", ["1.Albatross", "2.Wren"], ())
