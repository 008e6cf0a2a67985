"""Which samples are learnt from, chosen by and judged on."""

import numpy as np
import pytest

from core.data.versions import load_samples
from core.errors import DataError, InputError
from core.methods.parts import parts_of, predictions_table
from core.schemas import DataRef


@pytest.fixture
def samples(textures):
    return load_samples(DataRef(dataset=textures.id))


def test_without_folds_the_versions_own_split_is_used(samples):
    (parts,) = parts_of(samples, None, 0)
    assert parts.fold == 0
    for name in ("train", "validation", "test"):
        assert (samples["part"].iloc[getattr(parts, name)] == name).all()
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(len(samples)))


@pytest.mark.parametrize("k", [2, 5])
def test_folds_test_every_sample_once_and_never_learn_from_it(samples, k):
    tested = []
    for number, parts in enumerate(parts_of(samples, k, 0), start=1):
        assert parts.fold == number
        assert sorted([*parts.train, *parts.validation, *parts.test]) == list(range(len(samples)))
        assert set(samples["label"].iloc[parts.train]) == set(samples["label"])
        tested += list(parts.test)
    assert sorted(tested) == list(range(len(samples)))


def test_duplicates_lie_on_one_side(samples):
    samples = samples.assign(group=np.arange(len(samples)) // 2 * 2)
    for parts in parts_of(samples, 3, 0):
        groups = samples["group"].to_numpy()
        assert not set(groups[parts.test]) & set(groups[np.concatenate([parts.train, parts.validation])])


def test_more_folds_than_distinct_samples_are_refused(samples):
    with pytest.raises(InputError, match="too few for 20 folds"):
        next(parts_of(samples, 20, 0))


def test_an_empty_part_is_refused(samples):
    with pytest.raises(DataError, match="validation part has no samples"):
        next(parts_of(samples[samples["part"] != "validation"], None, 0))


def test_predictions_name_the_most_probable_class(samples):
    (parts,) = parts_of(samples, None, 0)
    rows = np.concatenate([parts.validation, parts.test])
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], len(rows))
    table = predictions_table(samples, rows, parts, probabilities, ("x", "y", "z"))
    assert list(table["id"]) == list(samples["id"].iloc[rows])
    assert (table["predicted"].to_numpy() == np.array(["x", "y", "z"])[probabilities.argmax(axis=1)]).all()
    assert (table["part"] == samples["part"].iloc[rows].to_numpy()).all()
    np.testing.assert_array_equal(table[["p:x", "p:y", "p:z"]].to_numpy(), probabilities)
