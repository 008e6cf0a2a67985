"""Classes that have moved since a pickle was written are found where they are now."""

import importlib
import pickle
import sys

import pytest

from core.data.cleaning.preparation import Preparation
from core.schemas import Recipe
from core.store.pickles import MOVED


@pytest.mark.training
@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_gives_the_module_of_today_itself(old):
    module = importlib.import_module(MOVED[old])
    spec = module.__spec__
    assert importlib.import_module(old) is module
    assert module.__spec__ is spec and module.__name__ == MOVED[old]


def test_a_pickle_of_an_older_version_loads_as_the_class_of_today():
    protocol_0 = pickle.dumps(Preparation(Recipe(), 7), protocol=0)
    old = protocol_0.replace(b"core.data.cleaning.preparation", b"core.data.preparation")
    assert old != protocol_0
    sys.modules.pop("core.data.preparation", None)
    loaded = pickle.loads(old)
    assert type(loaded) is Preparation and loaded.seed == 7


def test_names_that_never_were_are_still_unknown():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("core.data.nothing")
