"""The folders are the truth, the rows follow."""

import threading

import pytest

from core.data.importing import import_data
from core.data.versions import load_samples, make_version
from core.errors import InputError, NotFoundError
from core.schemas import DataRef, Split
from core.store import database
from core.store import datasets as store


@pytest.fixture
def table(workspace, tmp_path):
    """A function that imports a small table under a name."""

    def make(name: str):
        path = tmp_path / "rows.csv"
        path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(20)))
        return import_data(path, target="kind", name=name).dataset

    return make


def test_dataset_is_found_by_id_and_by_name(table):
    dataset = table("My rows")
    assert store.get_dataset("My rows") == store.get_dataset("my-rows") == dataset
    with pytest.raises(NotFoundError, match="“yours”"):
        store.get_dataset("yours")


def test_ids_are_unique_slugs(table):
    assert [table(name).id for name in ("Ärger & Öl", "arger ol", "木")] == ["arger-ol", "arger-ol-2", "dataset"]


def test_renaming_keeps_the_id_and_frees_the_old_name(table):
    table("one")
    store.rename_dataset("one", " two ")
    assert (store.get_dataset("two").id, store.get_dataset("one").name) == ("one", "two")
    store.rename_dataset("two", "two")
    assert [dataset.name for dataset in store.list_datasets()] == ["two"]


@pytest.mark.parametrize("name", ["", "   ", "a@b", "a:b", "a/b", "a\nb", "other"])
def test_unusable_name_is_refused_and_changes_nothing(table, name):
    table("one")
    table("other")
    with pytest.raises(InputError) as caught:
        store.rename_dataset("one", name)
    assert name.strip() in caught.value.message
    assert store.get_dataset("one").name == "one"


def test_deleting_takes_the_folder_and_the_rows(table, workspace):
    dataset = table("one")
    assert store.dataset_size(dataset.id) > 0
    store.delete_dataset(dataset.id)
    assert store.list_datasets() == store.list_versions(dataset.id) == []
    assert store.dataset_size(dataset.id) == 0
    assert [path.name for path in (workspace / "datasets").iterdir()] == [".lock"]
    assert table("one").id == "one"


def test_versions_are_listed_newest_first_and_the_last_one_stays(table):
    dataset = table("one")
    newer = make_version(dataset.id, split=Split(seed=1))
    assert [version.id for version in store.list_versions(dataset.id)] == [newer.id, dataset.version]
    left = store.delete_version(dataset.id, newer.id)
    assert left.version == store.get_version(DataRef(dataset="one")).id == dataset.version
    assert not store.version_folder(dataset.id, newer.id).exists()
    with pytest.raises(InputError, match="only this one version"):
        store.delete_version(dataset.id, dataset.version)
    assert len(load_samples(DataRef(dataset="one"))) == 20


def test_a_version_goes_by_its_number_until_it_is_named(table):
    first = table("one").version
    second = make_version("one", split=Split(seed=1)).id
    assert [version.name for version in store.list_versions("one")] == ["v2", "v1"]
    store.rename_version("one", "v1", "before-cleaning")
    assert store.get_version(DataRef.parse("one@before-cleaning")).id == first
    assert len(load_samples(DataRef.parse("one@v2:test"))) == 4
    assert make_version("one", split=Split(seed=2)).name == "v3"
    for name in ("", "v2", second, "a b", "a:b", "a@b", "x" * 41):
        with pytest.raises(InputError):
            store.rename_version("one", first, name)
    assert store.get_version(DataRef(dataset="one", version=first)).name == "before-cleaning"
    store.reindex()
    assert store.get_version(DataRef(dataset="one", version=first)).name == "before-cleaning"


def test_lost_database_is_rebuilt_from_the_folders(table, workspace):
    table("one")
    newer = make_version("one", split=Split(seed=1))
    records, versions = store.list_datasets(), store.list_versions("one")
    database._engine.cache_clear()
    for file in workspace.glob("graft.db*"):
        file.unlink()
    assert store.get_dataset("one").version == newer.id
    assert (store.list_datasets(), store.list_versions("one")) == (records, versions)


def test_rows_without_a_folder_go_when_the_index_is_rebuilt(table, workspace):
    table("one")
    table("two")
    store.dataset_folder("one").rename(workspace / "elsewhere")
    assert store.reindex() == 1
    assert [dataset.id for dataset in store.list_datasets()] == ["two"]


def test_what_a_killed_import_left_is_swept_and_a_running_one_is_not(table, workspace, monkeypatch):
    table("one")
    left = workspace / "datasets" / ".tmp-left"
    left.mkdir()
    (left / "pixels.bin").write_bytes(b"x")
    with store.staging_folder() as running:
        store.sweep_staging()
        assert left.exists(), "its owner may be just about to lock it"
        monkeypatch.setattr(store, "_YOUNG_SECONDS", -1)
        store.sweep_staging()
        assert (left.exists(), running.exists()) == (False, True)


def test_writers_take_turns_and_one_may_enter_twice(workspace):
    order: list[str] = []

    def other() -> None:
        with store.write_lock():
            order.append("other")

    thread = threading.Thread(target=other)
    with store.write_lock(), store.write_lock():
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_imports_at_the_same_time_get_names_of_their_own(workspace, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(20)))
    threads = [threading.Thread(target=import_data, args=(path,), kwargs={"target": "kind"}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(dataset.name for dataset in store.list_datasets()) == ["rows", "rows 2", "rows 3", "rows 4"]
