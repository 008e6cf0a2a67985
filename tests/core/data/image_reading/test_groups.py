"""Pictures that belong together are found where a pattern says so, and not where names merely have numbers."""

import pandas as pd
import pytest

from core.data.files.samples import SAMPLES
from core.data.image_reading.groups import Grouping, group_by_time, propose_by_time, propose_grouping
from core.data.image_reading.members import Member, image_members


def named(form: str, groups: int = 12, each: int = 4) -> list[Member]:
    """Pictures of two classes, `each` of every group: `{g}` is the group's number, `{i}` the picture's."""
    return [
        Member(name := form.format(g=g, i=i, label="ab"[g % 2], n=each * g + i), name, "ab"[g % 2], None)
        for g in range(groups)
        for i in range(each)
    ]


@pytest.mark.parametrize(
    "form",
    [
        "{label}/patient{g:02d}_{i:03d}.jpg",
        "{label}/P{g:02d}S{i:02d}.png",
        "{label}/scene {g}_frame_{i:05d}.jpg",
        "{label}/plant-{g} ({i}).jpg",
        "{label}/C{g}P1thinF_IMG_20150619_1147{g:02d}a_cell_{i}.png",
        "{label}/{g:04d}_left_{i}.jpeg",
    ],
)
def test_names_that_share_a_beginning_belong_together(form: str) -> None:
    found = propose_grouping(named(form))
    assert (found.by, found.n_groups) == ("name", 12)
    assert all(len(example) > 1 for example in found.examples)


def test_drawings_that_share_a_word_do_not_belong_together() -> None:
    words = ("baby", "swan", "crow", "duck", "eagle", "finch", "goose", "hawk", "owl", "robin", "stork", "wren")
    names = [
        f"{'ab'[g % 2]}/{word}_{'_'.join(words[i : i + 2])}_01.webp" for g, word in enumerate(words) for i in range(4)
    ]
    assert propose_grouping([Member(name, name, name[0], None) for name in names]).by == "none"


def test_people_with_many_pictures_each_belong_together() -> None:
    people = ("anna", "bob", "carla", "dan", "eva", "finn", "gil", "hanna", "ida", "jan", "kim", "lea")
    names = [f"{'ab'[g % 2]}/{name}_{i:02d}.jpg" for g, name in enumerate(people) for i in range(4)]
    found = propose_grouping([Member(name, name, name[0], None) for name in names])
    assert (found.by, found.n_groups) == ("name", 12)


def test_shipped_samples_have_no_groups() -> None:
    for sample in (SAMPLES["clipart"], SAMPLES["digits"]):
        with sample.open() as archive:
            assert propose_grouping(image_members(archive, labelled=True)[0]).by == "none"


@pytest.mark.parametrize(
    "form", ["{label}/person {g}/{i}.jpg", "person {g}/{label}/{i}.jpg", "{label}/set/person {g}/{i}.jpg"]
)
def test_folders_inside_or_around_classes_belong_together(form: str) -> None:
    found = propose_grouping(named(form))
    assert (found.by, found.n_groups) == ("folder", 12)


@pytest.mark.parametrize(
    "form",
    [
        "{label}/{label}_{n:04d}.jpg",
        "{label}/cat.{n}.jpg",
        "{label}/IMG_{n:04d}.jpg",
        "{label}/IMG-202105{g:02d}-WA{i:04d}.jpg",
        "{label}/202105{g:02d}_1012{i:02d}.jpg",
        "{label}/ISIC_{n:07d}.jpg",
        "{label}/{n:06d}.png",
        "{label}/{n}f3a{n}c9.png",
        "{label}/train/{n}.png",
    ],
)
def test_numbers_alone_do_not_make_groups(form: str) -> None:
    assert propose_grouping(named(form)).by == "none"


@pytest.mark.parametrize(("pattern", "said"), [("(", "no regular expression"), ("abc", "needs a group")])
def test_pattern_that_finds_nothing_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Grouping(by="name", pattern=pattern)


def test_too_few_groups_for_a_class_are_none() -> None:
    assert propose_grouping(named("{label}/patient{g:02d}_{i:03d}.jpg", groups=6)).by == "none"


def test_time_makes_bursts_of_pictures_seconds_apart() -> None:
    taken = pd.Series([100.0, 102.5, 400.0, None, 105.0, 900.0])
    groups = group_by_time(taken)
    assert groups[0] == groups[1] == groups[4]
    assert groups[[2, 3, 5]].isna().all()


def test_bursts_are_proposed_where_many_pictures_are_in_one() -> None:
    members = named("{label}/IMG_{n:04d}.jpg")
    bursts = pd.Series([1000.0 * g + i for g in range(12) for i in range(4)])
    assert (propose_by_time(members, bursts).by, propose_by_time(members, bursts).n_groups) == ("time", 12)
    assert propose_by_time(members, pd.Series(range(48)) * 60.0).by == "none"
    assert propose_by_time(members, pd.Series([None] * 48, dtype="float64")).by == "none"
