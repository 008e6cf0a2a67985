"""Ways to combine finished runs into a new run (`entries/combinations.toml`), and which runs can be combined."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import InputError
from core.methods.strategies import trains_network
from core.schemas import Frozen, Kind, RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.store.files import read_entries
from core.store.predictors import check_model

LEAST, MOST = 2, 20


class Combination(Frozen):
    """A way to combine finished runs.

    Attributes:
        fit: the function for each kind of data that it supports, `core.module:name`; only a worker resolves it.
        same_network: whether all runs must have one backbone and image size.
        ensemble: its name for `ensemble --method` on the command line.
    """

    name: str
    title: str
    summary: str
    help: str
    fit: dict[Kind, str]
    ensemble: str
    same_network: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self.fit)


COMBINATIONS = read_entries(Path(__file__).with_name("entries") / "combinations.toml", Combination)
DEFAULT = next(iter(COMBINATIONS))


def get_members(names: Sequence[str], combination: str) -> list[RunRecord]:
    """The runs with these ids or names, checked as members of an ensemble of the named combination.

    Raises:
        InputError, NotFoundError: there are too few or too many, one cannot predict, or they cannot be combined.
    """
    way = COMBINATIONS.get(combination)
    if way is None:
        raise InputError(f"“{combination}” does not combine runs.", f"Choose one of: {', '.join(COMBINATIONS)}.")
    found = [runs.get_run(name) for name in dict.fromkeys(names)]
    if not LEAST <= len(found) <= MOST:
        raise InputError(
            f"{len(found)} run{'' if len(found) == 1 else 's'} cannot be combined.",
            f"Choose {LEAST} to {MOST} different runs on the same data.",
        )
    for run in found:
        check_model(run)
    _check_same_samples(found)
    kind = get_dataset(found[0].dataset).kind
    if kind not in way.kinds:
        raise InputError(f"{way.title} does not combine runs on a {kind}.", "Use voting, which combines any runs.")
    if way.same_network:
        _check_same_network(found)
    return found


def _check_same_samples(members: Sequence[RunRecord]) -> None:
    """No member may have been trained on samples that weight or evaluate the ensemble."""
    first = members[0]
    for run in members[1:]:
        if (run.dataset, run.version) != (first.dataset, first.version):
            raise InputError(
                f"“{run.name}” was trained on other data or another split than “{first.name}”: its training samples"
                " may be among the test samples.",
                "Choose runs on the same version of one dataset.",
            )


def _check_same_network(members: Sequence[RunRecord]) -> None:
    first = members[0]
    for run in members[1:]:
        for field, said in (("backbone", "backbone"), ("image_size", "image size")):
            if getattr(run.spec, field) != getattr(first.spec, field):
                raise InputError(
                    f"“{run.name}” and “{first.name}” differ in {said}, so their weights cannot be averaged.",
                    "Choose runs that have the same, or use voting, which combines any runs.",
                )
    if any(run.spec.members for run in members):
        raise InputError(
            "An ensemble has no weights of its own to average.", "Choose its members instead, or voting."
        )
    # Heads of earlier versions were trained, and have chosen no penalty.
    solved = next((run for run in members if "l2" in run.metrics and not trains_network(run.spec)), None)
    if solved:
        raise InputError(
            f"The head of “{solved.name}” has learnt from the validation images too, by which averages are chosen.",
            "Choose runs with fine-tuned networks, or voting.",
        )
