"""The ways of carrying source knowledge over, as data. What a strategy does lives in a file of its own.

To add one, write its function in this folder and describe it here.
"""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, Literal

from core.errors import InputError
from core.schemas import Frozen, Kind

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


# Fields that a strategy with a source reads, and those of the head that it fits on embeddings: views are left out.
SOURCE = ("source", "target_labels")
ON_VECTORS = tuple(field for field in HEAD if field not in ("augmentation", "views"))


Group = Literal["Fine-tuning", "Ensembles", "From other data", "From a teacher", "Baselines"]
GROUPS: dict[Group, str] = {
    "Fine-tuning": "What the backbone knows is kept, and changed as little or as much as your data allow.",
    "Ensembles": "Several heads on one frozen backbone decide together.",
    "From other data": "Another labelled dataset of yours is learnt from as well, or instead.",
    "From a teacher": "A small network learns from one of your runs with a larger one.",
    "Baselines": "What transfer has to beat.",
}


class Strategy(Frozen):
    """`fit` names the function, resolved only inside a worker because it imports Keras; `uses`: fields it reads.

    A strategy of images is called with a `Problem`. One with a source is called with a `VectorProblem` and the
    learner, for images and tables alike (`core.transfer.fitting.vectors`).

    Attributes:
        group: what it is offered under.
        selects: its head sees the pretrained embedding, so that a recipe can select among its features.
        methods: the values of the spec's `method`, each with a sentence on when it helps; the first is the default.
        learners: those of tables that it goes with; all unless told.
        labels: whether it needs the target's labels, never looks at them, or does either as the spec says.
        matched: source and target must have the same classes, and a table all its columns in the source.
        pretrained: whether it begins with the backbone's pretrained weights.
        stages: what is fitted, one after the other, where a script in plain Keras can repeat it.
        epochs_field: the field that `--epochs` on the command line means: the epochs of the last stage.
        ensemble: its name for `ensemble --method` on the command line, where it trains several models.
        searched: whether a search over strategies tries it unless told otherwise.
        source_note: how a run's note on its source begins.
        paper: where it was published.
    """

    name: str
    title: str
    kind: Kind | Literal["both"]
    summary: str
    help: str
    uses: tuple[str, ...]
    fit: str
    group: Group = "Fine-tuning"
    selects: bool = True
    methods: dict[str, str] = {}
    learners: tuple[str, ...] = ()
    labels: Literal["either", "needed", "ignored"] = "either"
    matched: bool = True
    pretrained: bool = True
    stages: tuple[Literal["head", "last blocks"], ...] = ()
    epochs_field: Literal["epochs", "fine_tune_epochs"] = "epochs"
    ensemble: str = ""
    searched: bool = False
    source_note: str = "Knowledge carried over from"
    paper: str = ""

    @property
    def has_source(self) -> bool:
        return "source" in self.uses

    def load(self) -> Callable[..., Any]:
        """The function `fit`; only a worker calls this, because it imports Keras."""
        function: Callable[..., Any] = resolve_name(self.fit)
        return function


# Strategies that the recommendations of `core.methods.recommendation` name.
LINEAR_PROBE, TWO_STAGE, GRADUAL_UNFREEZE = "linear_probe", "two_stage", "gradual_unfreeze"

_ALL = (
    Strategy(
        name=LINEAR_PROBE,
        title="Linear probe",
        kind="image",
        summary="Keep the backbone as it is and train one new layer on top. Seconds.",
        help="The backbone's weights stay frozen; a softmax layer learns your classes from its embeddings. "
        "The best choice for a few images a class, and the yardstick for everything else.",
        uses=HEAD,
        fit="core.transfer.features.linear_probe:linear_probe",
        stages=("head",),
        searched=True,
        paper="Alain and Bengio 2016, arXiv:1610.01644",
    ),
    Strategy(
        name=TWO_STAGE,
        title="Two-stage fine-tuning",
        kind="image",
        summary="Train the new layer first, then the backbone's last blocks gently. About a minute.",
        help="Stage one is the linear probe. Stage two unfreezes the last blocks at a low learning rate, with batch "
        "normalisation left as it was. If that is worse on the validation images, stage one is kept and the run "
        "says so.",
        uses=HEAD + TUNING,
        fit="core.transfer.parameters.two_stage:two_stage",
        stages=("head", "last blocks"),
        epochs_field="fine_tune_epochs",
        searched=True,
        paper="Kumar et al. 2022, arXiv:2202.10054",
    ),
    Strategy(
        name=GRADUAL_UNFREEZE,
        title="Gradual unfreezing",
        kind="image",
        summary="After the head, one more block each time, earlier ones at lower rates.",
        help="Howard and Ruder 2018. Gentler than two stages: layers nearest to your classes move first and most.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.parameters.gradual_unfreeze:gradual_unfreeze",
        paper="Howard and Ruder 2018, arXiv:1801.06146",
    ),
    Strategy(
        name="l2_sp",
        title="L2-SP",
        kind="image",
        summary="Two stages, the second pulled back to the pretrained weights.",
        help="Li et al. 2018: a Gaussian prior centred on the source weights. Helps where fine-tuning forgets.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.parameters.l2_sp:l2_sp",
        searched=True,
        paper="Li, Grandvalet and Davoine 2018, arXiv:1802.01483",
    ),
    Strategy(
        name="fine_tune",
        title="Fine-tuning",
        kind="image",
        summary="A new head and the last blocks together, from the start.",
        help="Yosinski et al. 2014. Simpler than two stages, usually a little worse on small data: the random head "
        "first sends large gradients into pretrained layers.",
        uses=(*(f for f in HEAD if f not in ("epochs", "learning_rate")), *TUNING),
        fit="core.transfer.parameters.fine_tune:fine_tune",
        stages=("last blocks",),
        paper="Yosinski et al. 2014, arXiv:1411.1792",
    ),
    Strategy(
        name="distillation",
        title="Distillation",
        kind="image",
        summary="A small network learns from a larger run's probabilities, beside the labels.",
        help="Hinton et al. 2015: how sure the teacher is, and what it takes for similar, tells more than labels. "
        "Helps where the teacher is clearly better than the small network alone.",
        uses=(*ON_VECTORS, *TUNING, "teacher"),
        fit="core.transfer.relations.distillation:distillation",
        paper="Hinton, Vinyals and Dean 2015, arXiv:1503.02531",
        group="From a teacher",
    ),
    Strategy(
        name="relational_distillation",
        title="Relational distillation",
        kind="image",
        summary="A small network learns which images are near to each other for a larger run.",
        help="Park et al. 2019: distances and angles between the images of a batch are kept as the teacher has them. "
        "The teacher's embedding may be of any length.",
        uses=(*ON_VECTORS, *TUNING[:3], "teacher"),
        fit="core.transfer.relations.distillation:relational_distillation",
        paper="Park et al. 2019, arXiv:1904.05068",
        group="From a teacher",
    ),
    Strategy(
        name="bagging",
        title="Bagging",
        kind="image",
        summary="Ten heads, each on images drawn anew, averaged. Steadier than one head.",
        help="Breiman 1996. Averages out what a head owes to the luck of its training images; helps most where those "
        "are few or some labels are wrong.",
        uses=(*HEAD, "estimators"),
        fit="core.transfer.features.bagging:bagging",
        ensemble="bagging",
        paper="Breiman 1996",
        group="Ensembles",
    ),
    Strategy(
        name="ada_boost",
        title="AdaBoost",
        kind="image",
        summary="Heads one after the other, each minding what those before got wrong.",
        help="Zhu et al. 2009 (SAMME). Helps where one linear head is too simple; with wrong labels it chases them.",
        uses=(*HEAD, "estimators"),
        fit="core.transfer.features.ada_boost:ada_boost",
        ensemble="boosting",
        paper="Zhu et al. 2009",
        group="Ensembles",
    ),
    Strategy(
        name="stacking",
        title="Stacking",
        kind="image",
        summary="Three kinds of heads, and one on top that learns whom to believe.",
        help="Wolpert 1992: a linear head, one with a hidden layer and class prototypes; the last head learns from "
        "their predictions for images that they had not seen.",
        uses=HEAD,
        fit="core.transfer.features.stacking:stacking",
        ensemble="stacking",
        paper="Wolpert 1992",
        group="Ensembles",
    ),
    Strategy(
        name="textbook",
        title="Textbook head",
        kind="image",
        summary="Frozen base, flattened, a dense layer of 1,024 units, softmax: as introductions teach it.",
        help="Mostly shown with VGG16 at 150 px. Millions of new weights on few images: it overfits sooner than the "
        "linear probe, which is why that one is the default.",
        uses=("epochs", "batch_size", "learning_rate", "class_weights", "augmentation", "views", "precision"),
        fit="core.transfer.features.textbook:textbook",
        paper="Chollet 2017, Deep Learning with Python, chapter 5.3",
        group="Baselines",
        selects=False,
    ),
    Strategy(
        name="from_scratch",
        title="From scratch",
        kind="image",
        summary="The same network with random weights: what transfer has to beat. Minutes.",
        help="The honest baseline. Where it beats the pretrained backbone, the source does harm: negative transfer.",
        uses=(*HEAD, "precision"),
        fit="core.transfer.parameters.from_scratch:from_scratch",
        pretrained=False,
        group="Baselines",
        selects=False,
    ),
    Strategy(
        name="pretraining",
        title="Pretraining",
        kind="table",
        summary="The network learns the source first and goes on with your rows from there.",
        help="Yosinski et al. 2014. Carries over parameters: classes and columns may differ in part.",
        uses=SOURCE,
        fit="core.transfer.parameters.pretraining:pretraining",
        source_note="Pretrained on",
        paper="Yosinski et al. 2014, arXiv:1411.1792",
        group="From other data",
        learners=("network",),
        labels="needed",
        matched=False,
    ),
    Strategy(
        name="adaptation",
        title="Adaptation without labels",
        kind="both",
        summary="Learn from the source, weighed by what your unlabelled samples tell. Recommended without labels.",
        help="Saerens et al. 2002. Where the domains differ, the shares of the classes are estimated for your "
        "samples and the source is weighed so; where they are alike, it is taken as it is.",
        uses=SOURCE,
        fit="core.transfer.instances.adaptation:adaptation",
        paper="Saerens, Latinne and Decaestecker 2002",
        group="From other data",
        labels="ignored",
    ),
    Strategy(
        name="instance_weighting",
        title="Instance weighting",
        kind="both",
        summary="Source samples count as much as they look like yours.",
        help="Shimodaira 2000. Helps where the samples differ but what their class depends on does not; the "
        "effective sample size tells how many source samples are left.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.instances.instance_weighting:instance_weighting",
        paper="Shimodaira 2000",
        group="From other data",
        methods={
            "density_ratio": "By a classifier that tells the domains apart: quick, for any number of samples.",
            "kernel_mean_matching": "The means of both domains meet in a kernel's space: for up to 6,000 samples.",
            "kliep": "Kernels on target samples: smoother weights, good where domains overlap well.",
            "nearest_neighbours": "A sample counts by the target samples next to it: no model of the densities.",
            "label_shift": "By class alone: where classes are more or less frequent than in the source.",
        },
    ),
    Strategy(
        name="tradaboost",
        title="TrAdaBoost",
        kind="both",
        summary="Boosting that trusts a source sample less each time it is got wrong.",
        help="Dai et al. 2007. Needs labels of your own; helps where part of the source contradicts them.",
        uses=SOURCE,
        fit="core.transfer.instances.tradaboost:tradaboost",
        paper="Dai et al. 2007",
        group="From other data",
        learners=("logistic_regression", "random_forest", "gradient_boosting"),
        labels="needed",
    ),
    Strategy(
        name="feature_alignment",
        title="Feature alignment",
        kind="both",
        summary="The source's features are brought to where yours are, then both are learnt from.",
        help="Helps where the same things are measured otherwise: other light, other units, another device.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.features.feature_alignment:feature_alignment",
        group="From other data",
        methods={
            "coral": "Means and covariances are made equal (Sun et al. 2016): quick, for any shift of all samples.",
            "subspace": "Main directions of both are turned onto each other (Fernando et al. 2013): many features.",
            "tca": "Directions along which the domains agree (Pan et al. 2011): where some features differ.",
            "optimal_transport": "Every sample moves the shortest way (Courty et al. 2017): shifts in parts.",
        },
    ),
    Strategy(
        name="deep_alignment",
        title="Deep alignment",
        kind="image",
        summary="Features that tell your classes apart and source and target alike, learnt in one.",
        help="A layer on the frozen backbone learns from the source's labels, from yours, and from what makes the "
        "domains differ. Helps where a straight map of the features does not: new light, cameras, styles.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.features.deep_alignment:deep_alignment",
        group="From other data",
        methods={
            "mmd": "The domains' features become as alike as samples of one set (Long et al. 2015): steady.",
            "deep_coral": "Their covariances become equal (Sun and Saenko 2016): quick and mild.",
            "dann": "A critic that tells domains apart is to be fooled (Ganin et al. 2016): strong, less steady.",
        },
    ),
    Strategy(
        name="bayesian_head",
        title="Bayesian head",
        kind="both",
        summary="What the source taught is the prior; your samples correct it.",
        help="A softmax regression whose prior is its posterior on the source (Laplace's approximation). Carries "
        "over parameters: for few labels of your own; classes and columns may differ in part.",
        uses=(*SOURCE, "l2", "class_weights"),
        fit="core.transfer.parameters.bayesian_head:bayesian_head",
        group="From other data",
        learners=("logistic_regression",),
        labels="needed",
        matched=False,
    ),
)

ACRONYMS = {"coral", "dann", "kliep", "mmd", "tca"}


def method_title(method: str) -> str:
    """A strategy's method as people call it: “Density ratio”, “Deep CORAL”."""
    words = [word.upper() if word in ACRONYMS else word for word in method.split("_")]
    return " ".join([words[0] if words[0].isupper() else words[0].capitalize(), *words[1:]])


STRATEGIES: dict[str, Strategy] = {s.name: s for s in _ALL}


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise InputError(f"There is no strategy “{name}”.", f"Choose one of: {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]
