import errno
import os
from contextlib import nullcontext

import numpy as np
import pytest

from core.store import cache


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_GB", str(250 / 2**30))
    folder = tmp_path / "cache"
    paths = [folder / f"{number % 2}" / f"{number}.npy" for number in range(4)]
    for second, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + second, 1000 + second))
    return paths


def test_what_was_used_longest_ago_goes_until_the_rest_fits(files):
    assert cache.trim_cache(files[0].parents[1]) == files[:2]
    assert [f.exists() for f in files] == [False, False, True, True]


def test_what_was_used_again_stays(files):
    cache.mark_used(files[0])
    assert cache.trim_cache(files[0].parents[1]) == files[1:3]


def test_the_newest_stays_though_it_is_too_large(files):
    files[3].write_bytes(bytes(1000))
    cache.trim_cache(files[0].parents[1])
    assert [f for f in files if f.exists()] == [files[3]]


def test_a_file_in_the_making_is_left_alone(files):
    making = files[0].parent / ".tmp-abc.npy"
    making.write_bytes(bytes(1000))
    assert cache.trim_cache(files[0].parents[1]) == files[:2]
    assert making.exists()


def test_an_array_that_is_mapped_can_still_be_read_when_its_file_has_gone(files):
    np.save(files[0], np.arange(100))
    os.utime(files[0], (1, 1))
    mapped = np.load(files[0], mmap_mode="r")
    cache.trim_cache(files[0].parents[1])
    assert not files[0].exists()
    assert mapped.sum() == 4950


def test_trimming_an_empty_or_missing_folder_does_nothing(tmp_path):
    assert cache.trim_cache(tmp_path / "nowhere") == []


@pytest.mark.parametrize(("number", "told"), [(errno.EROFS, False), (errno.EACCES, False), (errno.EIO, True)])
def test_a_cache_that_may_only_be_read_is_used(files, monkeypatch, number, told):
    def refuse(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "utime", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) if told else nullcontext():
        cache.mark_used(files[0])
