"""Versions: what they hold, and that equal content is one version."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.importing import import_data
from core.data.tables.row_times import time_columns
from core.data.versions import (
    incomplete_rows,
    load_cells,
    load_column_profile,
    load_samples,
    load_table,
    make_version,
    next_version,
    version_task,
)
from core.errors import InputError, NotFoundError
from core.schemas import PARTS, DataRef, Recipe, Split, Step
from core.store import datasets as store
from core.store.files import write_parquet


@pytest.fixture
def photos(workspace, make_zip, two_classes):
    """Cats and dogs; one cat is there twice."""
    return import_data(make_zip(two_classes | {"cats/copy.png": two_classes["cats/0.png"]})).dataset


def drop(*ids: str) -> Recipe:
    return Recipe(steps=(Step(kind="drop_samples", params={"samples": list(ids)}),))


def test_samples_have_the_promised_columns(photos):
    samples = load_samples(DataRef(dataset=photos.id))
    assert list(samples.columns) == [
        "id", "path", "label", "part", "import_number", "row", "content_hash", "group", "width", "height",
        "given_split",
    ]  # fmt: skip
    assert (samples["id"] == samples["import_number"].astype(str) + "-" + samples["row"].astype(str)).all()
    assert samples["id"].is_unique
    copies = samples[samples["path"].isin(["cats/0.png", "cats/copy.png"])]
    assert copies["group"].nunique() == copies["part"].nunique() == 1
    assert samples["group"].nunique() == len(samples) - 1


def test_parts_are_disjoint_and_make_up_the_whole(photos):
    parts = [load_samples(DataRef(dataset=photos.id, part=part)) for part in ("train", "validation", "test")]
    whole = load_samples(DataRef(dataset=photos.id))
    assert sorted(pd.concat(parts)["id"]) == sorted(whole["id"])
    version = store.get_version(DataRef(dataset=photos.id))
    for part, rows in zip(("train", "validation", "test"), parts, strict=True):
        assert version.counts[part] == rows["label"].value_counts().to_dict()


def test_same_recipe_and_split_are_the_same_version(photos):
    first = store.get_version(DataRef(dataset=photos.id))
    assert make_version(photos.id) == first
    assert len(store.list_versions(photos.id)) == 1
    other = make_version(photos.id, split=Split(seed=7))
    assert other.id != first.id
    assert store.get_dataset(photos.id).version == other.id
    assert make_version(photos.id).id == store.get_dataset(photos.id).version == first.id


def test_two_imports_of_the_same_files_have_the_same_version(photos, make_zip, two_classes):
    files = two_classes | {"cats/copy.png": two_classes["cats/0.png"]}
    again = import_data(
        make_zip({f"inside/{name}": files[name] for name in sorted(files, reverse=True)}, "other.zip")
    )
    assert again.dataset.id != photos.id
    assert again.version.id == photos.version
    assert again.version.test_hash == store.get_version(DataRef(dataset=photos.id)).test_hash


def test_dropped_samples_leave_the_version_and_not_the_import(photos):
    version = make_version(photos.id, recipe=drop("1-0"))
    assert (version.n, version.dropped) == (8, 1)
    assert "1-0" not in set(load_samples(DataRef(dataset=photos.id, version=version.id))["id"])
    assert "1-0" in set(load_samples(DataRef(dataset=photos.id, version=photos.version))["id"])


def test_recipe_that_leaves_a_class_too_small_is_refused_and_changes_nothing(photos):
    samples = load_samples(DataRef(dataset=photos.id))
    dogs = samples["id"][samples["label"] == "dogs"]
    with pytest.raises(InputError, match="Class “dogs” of “photos” has 2 distinct images"):
        make_version(photos.id, recipe=drop(*dogs[:2]))
    assert store.get_dataset(photos.id) == photos
    assert len(store.list_versions(photos.id)) == 1


def test_test_hash_changes_with_the_test_part_only(photos):
    base = store.get_version(DataRef(dataset=photos.id))
    test = load_samples(DataRef(dataset=photos.id, part="test"))["path"]
    named = make_version(photos.id, split=Split(train=0.5, validation=0.3, test_ids=tuple(test)))
    assert named.id != base.id
    assert named.test_hash == base.test_hash
    assert make_version(photos.id, split=Split(test_ids=tuple(test[1:]))).test_hash != base.test_hash


def test_unknown_version_is_named_with_those_there_are(photos):
    with pytest.raises(NotFoundError, match="no version “abc”") as caught:
        load_samples(DataRef(dataset=photos.id, version="abc"))
    assert caught.value.hint == "Its versions are v1."


def test_table_rows_follow_the_samples_part_by_part(workspace, make_csv):
    text = "size,colour,kind\n" + "\n".join(f"{i * i},{'red' if i % 3 else ''},{'ab'[i % 2]}" for i in range(40))
    dataset = import_data(make_csv(text), target="kind").dataset
    for part in (None, "train", "test"):
        ref = DataRef(dataset=dataset.id, part=part)
        samples, (features, schema) = load_samples(ref), load_table(ref)
        assert features.index.tolist() == samples["id"].tolist()
        assert features["size"].tolist() == [row**2 for row in samples["row"]]
        assert features["colour"].isna().tolist() == [row % 3 == 0 for row in samples["row"]]
    assert (schema.numeric, schema.categorical, schema.target) == (("size",), ("colour",), "kind")
    assert "kind" not in features


def test_a_class_of_near_copies_alone_can_still_be_divided(workspace, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("mug", "noise"):
        one = rng.integers(0, 256, (48, 48, 3))
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 256, (48, 48, 3)) if name == "noise" else np.clip(one + i, 0, 255)
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / "photos" / name / f"{i}.png")
    version = import_data(tmp_path / "photos").version
    assert all(version.counts[part][name] for part in PARTS for name in ("mug", "noise"))


class TestAVersionMadeFromAnother:
    @pytest.fixture
    def many(self, workspace, make_zip, make_picture):
        files = {f"{name}/{i}.png": make_picture(100 * c + i) for c, name in enumerate("ab") for i in range(15)}
        return import_data(make_zip(files)).dataset

    @staticmethod
    def parts(version):
        ref = DataRef(dataset=version.dataset, version=version.id)
        return load_samples(ref).set_index("id")["part"].to_dict()

    def test_what_stays_keeps_its_part_whatever_the_seed_would_draw(self, many):
        first = make_version(many.id, split=Split(seed=5))
        before = self.parts(first)
        train = [name for name, part in before.items() if part == "train"][:3]
        made = next_version(first, drop(*train))
        assert self.parts(made) == {name: part for name, part in before.items() if name not in train}
        assert made.test_hash == first.test_hash
        assert self.parts(make_version(many.id, drop(*train), Split(seed=5))) != self.parts(made)

    def test_a_step_taken_back_gives_the_version_there_was(self, many):
        first = store.get_version(DataRef(dataset=many.id))
        fewer = next_version(first, drop("1-0", "1-20"))
        assert next_version(fewer, Recipe()).id == first.id
        assert store.get_dataset(many.id).version == first.id

    def test_new_samples_are_divided_and_old_ones_stay(self, many, make_zip, make_picture):
        before = self.parts(store.get_version(DataRef(dataset=many.id)))
        files = {
            f"{name}/new{i}.png": make_picture(1000 + 100 * c + i) for c, name in enumerate("ab") for i in range(10)
        }
        after = self.parts(import_data(make_zip(files, "more.zip"), into=many.id).version)
        assert {name: after[name] for name in before} == before
        assert {part for name, part in after.items() if name not in before} == set(PARTS)

    def test_a_class_that_nothing_could_be_learnt_of_is_divided_anew(self, many):
        first = store.get_version(DataRef(dataset=many.id))
        test = [name for name, part in self.parts(first).items() if part != "train" and int(name[2:]) < 15]
        step = Step(kind="relabel", params={"labels": dict.fromkeys(test, "c")})
        made = next_version(first, Recipe(steps=(step,)))
        assert all(made.counts[part].get("c") for part in PARTS)

    def test_a_person_can_divide_anew(self, many):
        fewer = next_version(store.get_version(DataRef(dataset=many.id)), drop("1-0"))
        anew = make_version(many.id, fewer.recipe, Split(seed=9))
        assert anew.test_hash != fewer.test_hash


@pytest.fixture
def cleaned(workspace, make_csv):
    """A version of a table whose recipe changes classes, cells and columns and leaves rows out."""
    rows = [f"{i % 7},{'' if i % 9 == 0 else i * 1.5},{'Red ' if i % 2 else 'red'},{'ab'[i % 2]}" for i in range(40)]
    dataset = import_data(make_csv("n,x,colour,y\n" + "\n".join(rows)), target="y").dataset
    steps = (
        Step(kind="drop_samples", params={"samples": ["1-0", "1-5"]}),
        Step(kind="relabel", params={"labels": {"1-2": "b"}}),
        Step(kind="merge_spellings", params={"columns": ["colour"], "spellings": {"Red": "red"}}),
        Step(kind="rename_columns", params={"names": {"x": "length"}}),
    )
    return next_version(store.get_version(DataRef(dataset=dataset.id)), Recipe(steps=steps))


def test_what_is_kept_with_a_version_is_what_its_recipe_gives(cleaned):
    ref = DataRef(dataset=cleaned.dataset, version=cleaned.id)
    kept = load_samples(ref), incomplete_rows(cleaned), load_column_profile(cleaned)
    table, _ = load_table(ref)
    some = kept[0].iloc[[3, 20, 7]]
    pd.testing.assert_frame_equal(load_cells(cleaned, some), table.loc[some["id"]])
    folder = store.version_folder(cleaned.dataset, cleaned.id)
    split = pd.read_parquet(folder / "split.parquet")
    write_parquet(folder / "split.parquet", split[["id", "part", "group"]])  # as earlier versions were written
    (folder / "columns.parquet").unlink()
    pd.testing.assert_frame_equal(load_samples(ref), kept[0])
    assert list(incomplete_rows(cleaned)) == list(kept[1])
    assert load_column_profile(cleaned).astype("str").equals(kept[2].astype("str"))
    assert "length" in set(kept[2]["Column"])


def test_a_task_makes_the_version_that_is_made_at_once(cleaned, tmp_path):
    parent = store.get_version(DataRef(dataset=cleaned.dataset, version="v1"))
    store.delete_version(cleaned.dataset, cleaned.id)
    told = []
    params = {
        "data": f"{parent.dataset}@{parent.id}",
        "recipe": cleaned.recipe.model_dump(mode="json"),
        "split": cleaned.split.model_dump(mode="json"),
    }
    assert version_task(params, tmp_path, lambda *now: told.append(now)) == {"version": cleaned.id}
    assert [done for done, *_ in told] == [0, 1, 2, 3]


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y %H:%M"])
def test_a_split_by_time_has_the_newest_rows_judge(workspace, tmp_path, written):
    days = pd.Series(pd.date_range("2023-11-20", periods=100).to_numpy()).sample(frac=1, random_state=0)
    table = pd.DataFrame(
        {"day": days.dt.strftime(written).to_numpy(), "a": np.arange(100) ** 2 % 9973, "kind": ["x", "y"] * 50}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind").dataset
    assert "day" in time_columns(store.import_folder(dataset.id, 1))
    version = make_version(dataset.id, split=Split(time="day"))
    samples = load_samples(DataRef(dataset=dataset.id, version=version.id))
    day = days.iloc[samples["row"]].groupby(samples["part"].to_numpy()).agg(["min", "max"])
    assert day.loc["train", "max"] < day.loc["validation", "min"]
    assert day.loc["validation", "max"] < day.loc["test", "min"]
    assert version.n == 100 and sum(version.counts["test"].values()) == 20
    # A version made from it keeps its parts.
    again = next_version(version, drop("1-0"))
    parts = load_samples(DataRef(dataset=dataset.id, version=again.id)).set_index("id")["part"]
    assert parts.equals(samples.set_index("id")["part"].drop("1-0"))


def test_a_split_by_what_tells_no_time_is_refused(workspace, tmp_path, photos):
    table = pd.DataFrame({"word": ["blue", "red"] * 30, "a": range(0, 120, 2), "kind": ["x"] * 30 + ["y"] * 30})
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind").dataset
    with pytest.raises(InputError, match="neither numbers nor dates"):
        make_version(dataset.id, split=Split(time="word"))
    with pytest.raises(InputError, match="no column “when”"):
        make_version(dataset.id, split=Split(time="when"))
    with pytest.raises(InputError, match="Dividing by “a” leaves class “y” without training samples"):
        make_version(dataset.id, split=Split(time="a", train=0.4, validation=0.2, test=0.4))
    with pytest.raises(InputError, match="no column"):
        make_version(photos.id, split=Split(time="a"))


def test_rows_that_differ_in_one_cell_stay_on_one_side(workspace, tmp_path):
    """But not where a class of nothing else could then not be divided."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(90, 4)).round(6), columns=list("abcd")).assign(kind=["x", "y", "z"] * 30)
    twins = table.iloc[:60].assign(b=rng.normal(size=60).round(6))
    alike = pd.concat([table.iloc[[0]]] * 8).assign(c=rng.normal(size=8).round(6), kind="all alike")
    pd.concat([table, twins, alike]).to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind").dataset
    samples = load_samples(DataRef(dataset=dataset.id))
    of_row = samples.set_index("row")
    for i in range(3, 60):  # 0 is the pattern of the last class
        assert of_row.loc[i, "group"] == of_row.loc[90 + i, "group"]
        assert of_row.loc[i, "part"] == of_row.loc[90 + i, "part"]
    last = samples[samples["label"] == "all alike"]
    assert last["group"].nunique() == 8 and set(last["part"]) == set(PARTS)
