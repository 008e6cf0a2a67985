"""Every finder finds what was planted, and nothing in clean data."""

import pytest

from core.data.importing import import_data


@pytest.fixture
def found(workspace, make_zip):
    def run(files):
        return {(f.kind, f.severity): f for f in import_data(make_zip(files)).findings}

    return run


@pytest.fixture
def clean(make_picture):
    return {
        f"{name}/{i}.png": make_picture(100 * c + i) for c, name in enumerate(("cats", "dogs")) for i in range(12)
    }


def test_clean_images_have_no_findings(found, clean):
    assert found(clean) == {}


def test_unreadable_images_are_named_and_other_files_are_not(found, clean):
    findings = found(clean | {"cats/bad.png": b"no", "cats/notes.txt": b"x", "loose.png": clean["cats/0.png"]})
    assert set(findings) == {("unreadable", "warning"), ("without_class", "warning")}
    assert findings["unreadable", "warning"].samples == ("cats/bad.png",)
    assert findings["without_class", "warning"].samples == ("loose.png",)


def test_copies_in_one_class_are_told_and_across_classes_are_an_error(found, clean):
    findings = found(clean | {"cats/copy.png": clean["cats/0.png"], "dogs/cat.png": clean["cats/1.png"]})
    assert set(findings) == {("exact_duplicate", "info"), ("exact_duplicate", "error")}
    assert set(findings["exact_duplicate", "info"].samples) == {"cats/0.png", "cats/copy.png"}
    assert set(findings["exact_duplicate", "error"].samples) == {"cats/1.png", "dogs/cat.png"}


def test_small_and_unequal_classes_are_named(found, clean, make_picture):
    many = {f"many/{i}.png": make_picture(1000 + i) for i in range(60)}
    few = {f"few/{i}.png": make_picture(2000 + i) for i in range(5)}
    findings = found(clean | many | few)
    assert set(findings) == {("small_class", "warning"), ("imbalance", "warning")}
    assert "“few”" in findings["small_class", "warning"].message
    assert "12 times" in findings["imbalance", "warning"].message


def test_many_small_classes_are_one_finding_whatever_they_are_called(found, clean, make_picture):
    names = ["猫", "قطة", "😺", *(f"c{i}" for i in range(5))]
    files = {f"{name}/{i}.png": make_picture(1000 + 10 * c + i) for c, name in enumerate(names) for i in range(4)}
    finding = found(clean | files)["small_class", "warning"]
    assert finding.message.startswith("8 classes have fewer than 10 samples")
    assert len(finding.samples) == 32


def test_missing_cells_are_counted_by_column_and_row(workspace, make_csv):
    rows = [f"{i if i else ''},{'red' if i > 1 else ''},{'ab'[i % 2]},{i * i}" for i in range(30)]
    findings = import_data(make_csv("size,colour,kind,area\n" + "\n".join(rows)), target="kind").findings
    missing = next(f for f in findings if f.kind == "missing")
    assert "3 of 90 cells" in missing.message
    assert "colour 2, size 1" in missing.message
    assert (missing.samples, missing.scores) == (("row 1", "row 2"), (2.0, 1.0))
