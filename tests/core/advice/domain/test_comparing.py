"""A comparison from end to end, and what it refuses."""

import json
from pathlib import Path

import pandas as pd
import pytest

from core.__main__ import main
from core.advice.domain.comparing import compare_domains, distance_task
from core.advice.domain.record import COLUMNS, SAMPLES
from core.advice.domain.sides import MOST, draw_sides
from core.data.versions import load_samples
from core.errors import GraftError, InputError, WeightsError
from core.schemas import DataRef
from tests.core.advice.domain.conftest import rows


def refs(*names):
    return [DataRef.parse(name) for name in names]


def test_rows_of_one_population_do_not_differ_and_shifted_ones_do(make_table):
    make_table("here", rows(150), "kind")
    make_table("same", rows(150, seed=1), "kind")
    make_table("moved", rows(120, 1.5, seed=2))
    alike, apart = compare_domains(*refs("here", "same")), compare_domains(*refs("here", "moved"))
    assert alike.mmd_p > 0.05
    assert alike.domain_auc_ci[0] < 0.55
    assert apart.mmd_p == 0.001
    assert apart.domain_auc > 0.75
    assert apart.columns[0].name == "a"
    assert (apart.n_source, apart.n_target, apart.of_target) == (150, 120, 120)
    assert apart.a_distance > alike.a_distance
    assert apart.frechet > alike.frechet


def test_columns_go_by_name_and_those_of_one_side_are_told(make_table):
    make_table("here", rows(60).rename(columns={"a": "A"}), "kind")
    make_table("there", rows(60, seed=1).drop(columns="b").assign(c=1.5))
    found = compare_domains(*refs("here", "there"))
    assert {shift.name for shift in found.columns} == {"a", "word"}
    assert "Only in “here”, so not compared: “b”." in found.notes


def test_images_give_a_map_samples_and_what_is_measured_of_them(make_images, tmp_path):
    make_images("here"), make_images("brighter", brighter=60, seed=1)
    document = distance_task({"source": "here", "target": "brighter"}, tmp_path, lambda *_: None)
    assert document["columns"][0]["name"] == "brightness"
    assert document["image_size"] == 128
    table = pd.read_parquet(tmp_path / SAMPLES)
    assert len(pd.read_parquet(tmp_path / COLUMNS)) == len(table)
    assert table.groupby("side").size().to_dict() == {"source": 40, "target": 40}
    assert table[["pca_x", "pca_y", "tsne_x", "tsne_y"]].notna().all(axis=None)
    assert table.groupby("side")["score"].mean().diff().loc["target"] > 0.4
    assert set(table.loc[table["side"] == "target", "id"]) == set(load_samples(DataRef(dataset="brighter"))["id"])


def test_what_both_hold_is_divided_between_them(make_table, make_images):
    make_images("all"), make_images("again")
    first, second, shared = draw_sides(*refs("all", "again"))
    assert (shared, len(first.samples), len(second.samples)) == (40, 20, 20)
    assert not set(first.samples["content_hash"]) & set(second.samples["content_hash"])
    make_table("rows", rows(100), "kind")
    part, whole, shared = draw_sides(*refs("rows:train", "rows"))
    assert shared == 60
    assert (len(part.samples), len(whole.samples)) == (30, 70)
    assert not set(part.samples["id"]) & set(whole.samples["id"])


def test_rows_that_happen_to_be_equal_stay_on_both_sides(make_table):
    words = pd.DataFrame({"word": list("aab") * 20, "other": list("cdde") * 15})
    make_table("words", words.assign(kind=["x", "y"] * 30), "kind")
    make_table("the same words", words)
    found = compare_domains(*refs("words", "the same words"))
    assert (found.n_source, found.n_target, found.shared) == (60, 60, 0)
    assert found.mmd_p > 0.5
    assert found.domain_auc < 0.6


def test_of_many_samples_a_lot_is_compared(make_table):
    make_table("many", rows(MOST + 200), "kind")
    make_table("few", rows(40, seed=1))
    first, second, _ = draw_sides(*refs("many", "few"))
    assert (len(first.samples), first.n, len(second.samples)) == (MOST, MOST + 200, 40)


def test_the_command_prints_every_figure(make_table, capsys):
    make_table("here", rows(60), "kind")
    make_table("there", rows(60, seed=1))
    assert main(["distance", "here", "there", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for name in ("mmd", "mmd_p", "domain_auc", "a_distance", "coral", "frechet"):
        assert isinstance(document[name], float)
    assert {column["name"] for column in document["columns"]} == {"a", "b", "word"}


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("here", "few", "has 3 rows"),
        ("here", "other columns", "no column of the same name and type"),
        ("here", "here", "cannot be compared with itself"),
        ("here", "pictures", "holds rows and “pictures” images"),
        ("here", "nowhere", "There is no dataset"),
        ("pictures", "other columns", "holds images"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(make_table, make_images, source, target, said):
    make_table("here", rows(60), "kind")
    make_table("few", rows(3, seed=1))
    make_table("other columns", pd.DataFrame({"z": range(0, 60, 2), "w": [i * i % 7 for i in range(30)]}))
    make_images("pictures")
    with pytest.raises(InputError, match=said):
        compare_domains(*refs(source, target))


def test_missing_weights_are_told(make_images):
    make_images("here"), make_images("there", seed=1)
    with pytest.raises(WeightsError):
        compare_domains(*refs("here", "there"), backbone="vgg16")
    with pytest.raises(GraftError, match="no backbone"):
        compare_domains(*refs("here", "there"), backbone="nothing")


def test_copies_within_a_side_count_once(make_images, tmp_path: Path):
    make_images("here", 8)
    with pytest.raises(InputError, match="a comparison needs"):
        compare_domains(*refs("here:test", "here:train"))
