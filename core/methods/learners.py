"""Learners for tables, as data: `entries/learners.toml` describes them."""

from pathlib import Path

from core.errors import InputError, did_you_mean
from core.schemas import Frozen
from core.store.files import read_entries


class Learner(Frozen):
    """A learner of tables.

    Attributes:
        uses: the fields of a `TrainingSpec` that it reads.
        fit: the function, `core.module:name`; only a worker resolves it, because it may import Keras.
        source_strategy: the strategy used if a source is given but no strategy.
        prunable: whether its epochs are steps of one fit, so that a study can prune a trial.
        ensemble: its name for `ensemble --method` on the command line, if it trains several models.
        script: the sections of a script that repeats it, `core.module:name`; empty if there are none.
    """

    name: str
    title: str
    summary: str
    uses: tuple[str, ...]
    fit: str
    source_strategy: str = ""
    prunable: bool = False
    ensemble: str = ""
    script: str = ""


# Learners that `core.methods.recommendation` names.
NETWORK, LOGISTIC_REGRESSION = "network", "logistic_regression"

LEARNERS = read_entries(Path(__file__).with_name("entries") / "learners.toml", Learner)


def get_learner(name: str) -> Learner:
    if name not in LEARNERS:
        raise InputError(
            f"There is no learner “{name}”.", did_you_mean(name, LEARNERS, f"Choose one of: {', '.join(LEARNERS)}.")
        )
    return LEARNERS[name]
