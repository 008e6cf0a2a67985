"""Recipe steps."""

import pandas as pd
import pytest

from core.data.cleaning import apply
from core.data.versions import natural
from core.errors import InputError
from core.schemas import Recipe, Step


@pytest.fixture
def samples() -> pd.DataFrame:
    return pd.DataFrame({"id": ["1-0", "1-1", "1-2", "1-3"], "label": ["1", "10", "10.5", "30"]})


def test_bins_put_every_value_on_its_side_of_the_edges(samples):
    binned = apply(Recipe(steps=(Step(kind="bin_target", params={"edges": [10, 20]}),)), samples)["label"]
    assert binned.tolist() == ["10 or less", "10 or less", "10 to 20", "over 20"]
    assert sorted(set(binned), key=natural) == ["10 or less", "10 to 20", "over 20"]


def test_dropped_samples_are_gone_and_the_original_is_untouched(samples):
    left = apply(Recipe(steps=(Step(kind="drop_samples", params={"samples": ["1-1"]}),)), samples)
    assert left["id"].tolist() == ["1-0", "1-2", "1-3"]
    assert len(samples) == 4


def test_step_that_is_off_does_nothing(samples):
    step = Step(kind="drop_samples", params={"samples": ["1-1"]}, enabled=False)
    assert apply(Recipe(steps=(step,)), samples).equals(samples)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step(kind="wash"), "no cleaning step “wash”"),
        (Step(kind="bin_target"), "Step 1 of the recipe, bin_target"),
        (Step(kind="bin_target", params={"edges": [2, 1]}), "edges do not rise"),
        (Step(kind="drop_samples", params={"samples": ["9-9"]}), "no sample 9-9"),
    ],
)
def test_step_that_cannot_be_applied_is_named(samples, step, says):
    with pytest.raises(InputError, match=says):
        apply(Recipe(steps=(step,)), samples)
