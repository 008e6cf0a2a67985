"""The ways of carrying source knowledge over, as data. What a strategy does lives in a file of its own.

To add one, write its function in this folder and describe it here.
"""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.schemas import Frozen, Kind

if TYPE_CHECKING:
    from core.transfer.problem import Fitted, Problem


# Fields of a `TrainingSpec` that training a head on images reads, and those that fine-tuning adds.
OPTIMIZATION = ("optimizer", "schedule", "loss", "label_smoothing", "averaging")
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


class Strategy(Frozen):
    """`fit` names the function, resolved only inside a worker because it imports Keras; `uses`: fields it reads.

    `selects` tells that its head sees the pretrained embedding, so that a recipe can select among its features.
    """

    name: str
    title: str
    kind: Kind
    summary: str
    help: str
    uses: tuple[str, ...]
    fit: str
    selects: bool = True

    def run(self, problem: "Problem") -> "Fitted":
        function: Any = resolve_name(self.fit)
        fitted: Fitted = function(problem)
        return fitted


_ALL = (
    Strategy(
        name="linear_probe",
        title="Linear probe",
        kind="image",
        summary="Keep the backbone as it is and train one new layer on top. Seconds.",
        help="The backbone's weights stay frozen; a softmax layer learns your classes from its embeddings. "
        "The best choice for a few images a class, and the yardstick for everything else.",
        uses=HEAD,
        fit="core.transfer.linear_probe:linear_probe",
    ),
    Strategy(
        name="two_stage",
        title="Two-stage fine-tuning",
        kind="image",
        summary="Train the new layer first, then the backbone's last blocks gently. About a minute.",
        help="Stage one is the linear probe. Stage two unfreezes the last blocks at a low learning rate, with batch "
        "normalisation left as it was. If that is worse on the validation images, stage one is kept and the run "
        "says so.",
        uses=HEAD + TUNING,
        fit="core.transfer.two_stage:two_stage",
    ),
    Strategy(
        name="gradual_unfreeze",
        title="Gradual unfreezing",
        kind="image",
        summary="After the head, one more block each time, earlier ones at lower rates.",
        help="Howard and Ruder 2018. Gentler than two stages: layers nearest to your classes move first and most.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.gradual_unfreeze:gradual_unfreeze",
    ),
    Strategy(
        name="l2_sp",
        title="L2-SP",
        kind="image",
        summary="Two stages, the second pulled back to the pretrained weights.",
        help="Li et al. 2018: a Gaussian prior centred on the source weights. Helps where fine-tuning forgets.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.l2_sp:l2_sp",
    ),
    Strategy(
        name="fine_tune",
        title="Fine-tuning",
        kind="image",
        summary="A new head and the last blocks together, from the start.",
        help="Yosinski et al. 2014. Simpler than two stages, usually a little worse on small data: the random head "
        "first sends large gradients into pretrained layers.",
        uses=(*(f for f in HEAD if f not in ("epochs", "learning_rate")), *TUNING),
        fit="core.transfer.fine_tune:fine_tune",
    ),
    Strategy(
        name="bagging",
        title="Bagging",
        kind="image",
        summary="Ten heads, each on images drawn anew, averaged. Steadier than one head.",
        help="Breiman 1996. Averages out what a head owes to the luck of its training images; helps most where those "
        "are few or some labels are wrong.",
        uses=(*HEAD, "estimators"),
        fit="core.transfer.bagging:bagging",
    ),
    Strategy(
        name="ada_boost",
        title="AdaBoost",
        kind="image",
        summary="Heads one after the other, each minding what those before got wrong.",
        help="Zhu et al. 2009 (SAMME). Helps where one linear head is too simple; with wrong labels it chases them.",
        uses=(*HEAD, "estimators"),
        fit="core.transfer.ada_boost:ada_boost",
    ),
    Strategy(
        name="stacking",
        title="Stacking",
        kind="image",
        summary="Three kinds of heads, and one on top that learns whom to believe.",
        help="Wolpert 1992: a linear head, one with a hidden layer and class prototypes; the last head learns from "
        "their predictions for images that they had not seen.",
        uses=HEAD,
        fit="core.transfer.stacking:stacking",
    ),
    Strategy(
        name="textbook",
        title="Textbook head",
        kind="image",
        summary="Frozen base, flattened, a dense layer of 1,024 units, softmax: as introductions teach it.",
        help="Mostly shown with VGG16 at 150 px. Millions of new weights on few images: it overfits sooner than the "
        "linear probe, which is why that one is the default.",
        uses=("epochs", "batch_size", "learning_rate", "class_weights", "augmentation", "views", "precision"),
        fit="core.transfer.textbook:textbook",
        selects=False,
    ),
    Strategy(
        name="from_scratch",
        title="From scratch",
        kind="image",
        summary="The same network with random weights: what transfer has to beat. Minutes.",
        help="The honest baseline. Where it beats the pretrained backbone, the source does harm: negative transfer.",
        uses=(*HEAD, "precision"),
        fit="core.transfer.from_scratch:from_scratch",
        selects=False,
    ),
)

STRATEGIES: dict[str, Strategy] = {s.name: s for s in _ALL}


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise InputError(f"There is no strategy “{name}”.", f"Choose one of: {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]
