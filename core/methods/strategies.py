"""The transfer strategies, as data; `core.transfer` holds their functions.

To add one, write its function there and describe it in `entries/strategies.toml`.
"""

from pathlib import Path
from typing import Literal

from pydantic import field_validator

from core.errors import InputError, did_you_mean
from core.methods.learners import NETWORK
from core.schemas import Frozen, Kind, ResolvedSpec
from core.store.files import read_entries

# Fields of a `TrainingSpec` that training a head on images reads, and those that fine-tuning reads as well.
OPTIMIZATION = ("optimizer", "schedule", "loss", "label_smoothing", "averaging", "monitor")
HEAD = (
    "epochs",
    "batch_size",
    "learning_rate",
    "dropout",
    "l2",
    "class_weights",
    "augmentation",
    "views",
    *OPTIMIZATION,
)
TUNING = ("fine_tune_epochs", "fine_tune_learning_rate", "unfreeze", "precision")


# Fields that a strategy with a source reads, and those of a head on embeddings, which has no augmented views.
SOURCE = ("source", "target_labels")
ON_VECTORS = tuple(field for field in HEAD if field not in ("augmentation", "views"))
# Fields that solving a head reads; one that is solved before the last blocks are trained has no epochs of its own.
SOLVED = ("l2", "class_weights", "augmentation", "views")
# What `uses` may call these groups in the file.
FIELDS = {"solved head": SOLVED, "head": HEAD, "head on embeddings": ON_VECTORS, "tuning": TUNING, "source": SOURCE}


Group = Literal["Fine-tuning", "Ensembles", "From other data", "From a teacher", "Baselines"]
GROUPS: dict[Group, str] = {
    "Fine-tuning": "Keep what the backbone has learnt, and adapt as much of it as your data allow.",
    "Ensembles": "Several heads on one frozen backbone, combined.",
    "From other data": "Learn from another labelled dataset of yours as well, or instead.",
    "From a teacher": "A small network learns from one of your runs with a larger one.",
    "Baselines": "Baselines that transfer should beat.",
}


class Strategy(Frozen):
    """`fit` names the function, which only a worker resolves because it imports Keras; `uses`: the fields it reads.

    A strategy for images is called with a `Problem`. One with a source is called with a `VectorProblem` and a
    learner, for images and tables alike (`core.transfer.fitting.vectors`).

    Attributes:
        group: the heading that it is listed under.
        solved: its head is solved, under a penalty that is chosen unless `l2` is given.
        network: it trains a network, for which a worker imports Keras.
        embeds: its network goes through the backbone's embedding, so that it can be a backbone itself.
        selects: its head is trained on the pretrained embedding, so that a recipe can select features.
        methods: the values of the spec's `method`, each with a sentence on when it helps; the first is the default.
        learners: the table learners that it works with; empty means all.
        labels: whether it needs the target's labels, ignores them, or does either, as the spec says.
        matched: source and target must have the same classes, and for tables all the target's columns.
        pretrained: whether it starts from the backbone's pretrained weights.
        stages: the parts trained, in order, if a script in plain Keras can repeat it.
        own_model: it fits a model of its own, so that the head's or the learner's settings reach its baselines alone.
        ensemble: its name for `ensemble --method` on the command line, if it trains several models.
        searched: whether a study over strategies includes it by default.
        source_note: the beginning of a run's note on its source.
        paper: its publication.
    """

    name: str
    title: str
    kind: Kind | Literal["both"]
    summary: str
    help: str
    uses: tuple[str, ...]
    fit: str
    group: Group = "Fine-tuning"
    solved: bool = False
    network: bool = True
    embeds: bool = True
    selects: bool = True
    methods: dict[str, str] = {}
    learners: tuple[str, ...] = ()
    labels: Literal["either", "needed", "ignored"] = "either"
    matched: bool = True
    pretrained: bool = True
    stages: tuple[Literal["head", "last blocks"], ...] = ()
    own_model: bool = False
    ensemble: str = ""
    searched: bool = False
    source_note: str = "Knowledge transferred from"
    paper: str = ""

    @field_validator("uses", mode="before")
    @classmethod
    def _fields(cls, names: list[str]) -> tuple[str, ...]:
        """Groups of fields as their fields; one with a minus is taken away."""
        fields = [field for name in names for field in FIELDS.get(name, (name,))]
        return tuple(field for field in fields if f"-{field}" not in names and field[0] != "-")

    @property
    def has_source(self) -> bool:
        return "source" in self.uses

    @property
    def epochs_field(self) -> str:
        """The field that `--epochs` on the command line sets: the epochs of the last stage that is trained."""
        return "fine_tune_epochs" if "fine_tune_epochs" in self.uses else "epochs"


def trains_network(spec: ResolvedSpec) -> bool:
    """Whether a run trains or combines networks, for which its worker needs Keras from the start."""
    if spec.members:
        return True
    return get_strategy(spec.strategy).network if spec.backbone else spec.learner == NETWORK


# Strategies that the recommendations of `core.methods.recommendation` name.
LINEAR_PROBE, MULTI_LAYER_PROBE = "linear_probe", "multi_layer_probe"
TWO_STAGE, GRADUAL_UNFREEZE = "two_stage", "gradual_unfreeze"

ACRONYMS = {"coral", "dann", "kliep", "mmd", "tca"}


def method_title(method: str) -> str:
    """The title of a strategy's method: “Density ratio”, “Deep CORAL”."""
    words = [word.upper() if word in ACRONYMS else word for word in method.split("_")]
    return " ".join([words[0] if words[0].isupper() else words[0].capitalize(), *words[1:]])


STRATEGIES = read_entries(Path(__file__).with_name("entries") / "strategies.toml", Strategy)


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise InputError(
            f"There is no strategy “{name}”.",
            did_you_mean(name, STRATEGIES, f"Choose one of: {', '.join(STRATEGIES)}."),
        )
    return STRATEGIES[name]
