"""Ways of combining runs that have ended, as data, and which runs can be combined. The result is a run of its own."""

from collections.abc import Sequence

from core.errors import InputError
from core.schemas import Frozen, Kind, RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.store.predictors import check_model

LEAST, MOST = 2, 20


class Combination(Frozen):
    """A way to combine finished runs.

    Attributes:
        fit: the function for each kind of data that it is for, `core.module:name`, resolved only in a worker.
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


_ALL = (
    Combination(
        name="voting",
        title="Voting",
        summary="Each run has its say, weighed by how well it does on the validation samples.",
        help="The weighted mean of the runs' probabilities, with the weights that make the validation labels most "
        "likely. Helps most where the runs err on different samples.",
        fit={
            "image": "core.training.ensembles.combining:Combining.voted_images",
            "table": "core.training.ensembles.combining:Combining.voted_rows",
        },
        ensemble="voting",
    ),
    Combination(
        name="weight_averaging",
        title="Weight averaging",
        summary="One network whose weights are the mean of theirs: no slower than one run.",
        help="A greedy soup (Wortsman et al. 2022): starting from the best run, another is added where the "
        "validation loss falls. Needs runs of one backbone and image size.",
        fit={"image": "core.training.ensembles.combining:Combining.averaged_images"},
        ensemble="averaging",
        same_network=True,
    ),
)
COMBINATIONS: dict[str, Combination] = {c.name: c for c in _ALL}
DEFAULT = _ALL[0].name


def get_members(names: Sequence[str], combination: str) -> list[RunRecord]:
    """The runs of these ids or names, as members of an ensemble that the named combination makes.

    Raises:
        InputError, NotFoundError: there are too few or too many, one cannot predict, or they do not fit together.
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
        raise InputError(f"{way.title} does not combine runs on a {kind}.", "Choose voting, which combines any.")
    if way.same_network:
        _check_same_network(found)
    return found


def _check_same_samples(members: Sequence[RunRecord]) -> None:
    """No member may have learnt from the samples that weigh the ensemble or judge it."""
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
                    f"“{run.name}” and “{first.name}” have not the same {said}, so that their weights have no mean.",
                    "Choose runs that have the same, or voting, which combines any.",
                )
    if any(run.spec.members for run in members):
        raise InputError(
            "An ensemble has no weights of its own to average.", "Choose its members instead, or voting."
        )
