"""Classes in the names of files are found where all names tell them, and never taken from what cameras write."""

from collections import Counter

import pytest

from core.data.files.archives import MemoryArchive
from core.data.image_reading.file_names import check_pattern, class_in_name, propose_pattern
from core.data.image_reading.reading import choose_tree, list_members, propose_image_reading

KINDS = ("cat", "dog")


def named(form: str, n: int = 20) -> list[str]:
    return [form.format(kind=KINDS[i % 2], i=i) + ".jpg" for i in range(n)]


@pytest.mark.parametrize(
    "form",
    [
        "{kind}_{i:03d}",
        "{kind}.{i}",
        "{kind} ({i})",
        "{kind}{i}",
        "{i:04d}_{kind}",
        "all/{kind}-{i}",
        "big {kind}_{i}",
    ],
)
def test_names_around_a_running_number_are_classes(form: str) -> None:
    names = named(form)
    found = Counter(class_in_name(propose_pattern(names), name) for name in names)
    assert sorted(found.values()) == [10, 10] and all(str(one).endswith(KINDS) for one in found)


@pytest.mark.parametrize(
    "names",
    [
        named("IMG_{i}"),
        [f"{('IMG', 'DSC')[i % 2]}_{i}.jpg" for i in range(20)],
        [f"{i}.jpg" for i in range(20)],
        [f"{chr(97 + i)}_{i}.jpg" for i in range(20)],
        [*named("{kind}_{i}"), "readme.jpg"],
        [*named("{kind}_{i}"), "fox_1.jpg"],
        [f"2024-05-{i:02d} 10.30.jpg" for i in range(20)],
    ],
)
def test_other_names_tell_no_class(names: list[str]) -> None:
    assert propose_pattern(names) == ""


def test_they_are_proposed_with_examples_where_nothing_else_tells_classes() -> None:
    archive = MemoryArchive("p.zip", dict.fromkeys([*named("train/{kind}_{i}"), *named("test/{kind}.{i}", 10)], b""))
    reading = propose_image_reading(archive)
    assert (reading.labels, reading.classes) == ("names", {"cat": 15, "dog": 15})
    assert "“cat_0.jpg” is “cat”, “dog_1.jpg” is “dog”" in reading.notes[0]
    members, skipped = list_members(archive, reading)
    assert Counter((m.label, m.given_split) for m in members)["cat", "train"] == 10 and not skipped
    other = reading.model_copy(update={"pattern": "(cat).*"})
    members, skipped = list_members(archive, other)
    assert {m.label for m in members} == {"cat"} and len(skipped) == 15
    folders = {f"{kind}s/{name}": b"" for kind in KINDS for name in named("{kind}_{i}")}
    assert propose_image_reading(MemoryArchive("p.zip", folders)).labels == "folders"


def test_another_way_to_find_classes_can_be_chosen_and_taken_back() -> None:
    archive = MemoryArchive("p.zip", dict.fromkeys(named("all/{kind}_{i}"), b""))
    reading = propose_image_reading(archive)
    for tree in reading.alternatives:
        back = choose_tree(choose_tree(reading, tree), choose_tree(reading, tree).alternatives[0])
        assert (back.labels, back.pattern, back.classes) == (reading.labels, reading.pattern, reading.classes)


@pytest.mark.parametrize(("pattern", "said"), [("(", "no regular expression"), ("cat", "needs a group")])
def test_a_pattern_that_finds_nothing_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_pattern(pattern)
