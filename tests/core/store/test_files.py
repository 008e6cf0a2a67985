"""Files are whole or not there."""

import json

import pandas as pd
import pytest

from core.errors import DiskError
from core.store import files


def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def fail_half_way() -> None:
        with files.atomic_file(path) as temporary:
            temporary.write_text("new, but only ha")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "a.keras"
    with files.atomic_file(path) as temporary:
        temporary.write_text("x")
        assert not path.exists()
        assert temporary.suffix == ".keras"
    assert path.read_text() == "x"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("fails", [True, False])
def test_a_folder_appears_whole_or_not_at_all(tmp_path, fails):
    path = tmp_path / "folder"
    try:
        with files.atomic_folder(path) as temporary:
            (temporary / "a").write_text("x")
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert [p.name for p in tmp_path.iterdir()] == ([] if fails else ["folder"])


def test_json_and_tables_come_back_as_they_went(tmp_path):
    files.write_json(tmp_path / "a.json", {"name": "Ärger", "values": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"name": "Ärger", "values": [1, None]}
    table = pd.DataFrame({"label": pd.Series(["x", None], dtype="str"), "p": [0.1, 0.9]})
    files.write_parquet(tmp_path / "a.parquet", table)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), table)


def test_a_folders_size_is_the_sum_of_all_its_files(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"x" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"x" * 5)
    assert files.folder_size(tmp_path / "a") == 15
    assert files.folder_size(tmp_path / "nowhere") == 0


def test_what_does_not_fit_on_the_disk_is_refused_with_the_way_out(workspace, monkeypatch):
    files.need_disk(1)
    with pytest.raises(DiskError) as caught:
        files.need_disk(2**60)
    assert "GRAFT_HOME" in caught.value.hint
    monkeypatch.setenv("GRAFT_MIN_FREE_MB", str(2**40))
    with pytest.raises(DiskError):
        files.need_disk(1)
