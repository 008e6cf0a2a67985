"""The transfer strategies, as data; `core.transfer` holds their functions.

To add one, write its function there and describe it here.
"""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, Literal

from core.errors import InputError
from core.schemas import Frozen, Kind

# Fields of a `TrainingSpec` that training a head on images reads, and those that fine-tuning reads as well.
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


# Fields that a strategy with a source reads, and those of a head on embeddings, which has no augmented views.
SOURCE = ("source", "target_labels")
ON_VECTORS = tuple(field for field in HEAD if field not in ("augmentation", "views"))


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
        selects: its head is trained on the pretrained embedding, so that a recipe can select features.
        methods: the values of the spec's `method`, each with a sentence on when it helps; the first is the default.
        learners: the table learners that it works with; empty means all.
        labels: whether it needs the target's labels, ignores them, or does either, as the spec says.
        matched: source and target must have the same classes, and for tables all the target's columns.
        pretrained: whether it starts from the backbone's pretrained weights.
        stages: the parts trained, in order, if a script in plain Keras can repeat it.
        epochs_field: the field that `--epochs` on the command line sets: the epochs of the last stage.
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
    source_note: str = "Knowledge transferred from"
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
        summary="Keep the backbone frozen and train one new layer on top. Takes seconds.",
        help="The backbone's weights stay frozen; a softmax layer learns your classes from its embeddings. "
        "The best choice for a few images per class, and the baseline for all other strategies.",
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
        summary="Train the new layer first, then fine-tune the backbone's last blocks. Takes about a minute.",
        help="Stage one is the linear probe. Stage two unfreezes the last blocks at a low learning rate and keeps "
        "batch normalisation frozen. If that is worse on the validation images, stage one is kept and the run "
        "notes it.",
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
        summary="Train the head, then unfreeze one block at a time; earlier blocks learn more slowly.",
        help="Howard and Ruder 2018. Gentler than two stages: the last layers change first and most.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.parameters.gradual_unfreeze:gradual_unfreeze",
        paper="Howard and Ruder 2018, arXiv:1801.06146",
    ),
    Strategy(
        name="l2_sp",
        title="L2-SP",
        kind="image",
        summary="Two stages; in the second a penalty keeps the weights near the pretrained ones.",
        help="Li et al. 2018: a Gaussian prior centred on the source weights. Helps where fine-tuning overfits.",
        uses=(*(f for f in HEAD if f != "optimizer"), *TUNING),  # it has an optimizer of its own
        fit="core.transfer.parameters.l2_sp:l2_sp",
        searched=True,
        paper="Li, Grandvalet and Davoine 2018, arXiv:1802.01483",
    ),
    Strategy(
        name="fine_tune",
        title="Fine-tuning",
        kind="image",
        summary="Train a new head and the last blocks together from the start.",
        help="Yosinski et al. 2014. Simpler than two stages, usually a little worse on small data: at first "
        "the random head sends large gradients into pretrained layers.",
        uses=(*(f for f in HEAD if f not in ("epochs", "learning_rate")), *TUNING),
        fit="core.transfer.parameters.fine_tune:fine_tune",
        stages=("last blocks",),
        paper="Yosinski et al. 2014, arXiv:1411.1792",
    ),
    Strategy(
        name="distillation",
        title="Distillation",
        kind="image",
        summary="A small network learns from a larger network's probabilities as well as from the labels.",
        help="Hinton et al. 2015: soft targets say how sure the teacher is and which classes it finds similar. "
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
        summary="A small network learns which images a larger network finds similar.",
        help="Park et al. 2019: the distances and angles between the images of a batch should match the teacher's. "
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
        summary="Ten heads, each on a bootstrap sample of the images, averaged. More stable than one head.",
        help="Breiman 1996. Reduces the variance that comes from the choice of training images; helps most with "
        "few images or some wrong labels.",
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
        summary="A sequence of heads, each weighting the images that the previous ones misclassified.",
        help="Zhu et al. 2009 (SAMME). Helps where one linear head is too simple; sensitive to wrong labels.",
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
        summary="Three kinds of heads, combined by a meta-learner.",
        help="Wolpert 1992: a linear head, one with a hidden layer and class prototypes; the meta-learner "
        "is trained on their out-of-fold predictions.",
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
        summary="Frozen base, flattened, a dense layer of 1,024 units, softmax: as introductory books do it.",
        help="Mostly shown with VGG16 at 150 px. Millions of new weights on few images: it overfits sooner than the "
        "linear probe, which is therefore the default.",
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
        summary="The same network from random weights, without transfer. Takes minutes.",
        help="The baseline for transfer. If it beats the pretrained backbone, that is negative transfer.",
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
        summary="Train the network on the source first, then continue on your rows.",
        help="Yosinski et al. 2014. Transfers parameters: classes and columns may differ in part.",
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
        summary="Learn from the source, reweighted for your unlabelled samples. Recommended without labels.",
        help="Saerens et al. 2002. If the domains differ, the class proportions of your samples are estimated "
        "and the source is reweighted to match; if they are alike, it is used as it is.",
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
        summary="Source samples are weighted by how much they resemble yours.",
        help="Shimodaira 2000. For covariate shift: the samples differ, but not how the class depends on them. "
        "The effective sample size shows how many source samples remain.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.instances.instance_weighting:instance_weighting",
        paper="Shimodaira 2000",
        group="From other data",
        methods={
            "density_ratio": "From a classifier of the two domains: fast, for any number of samples.",
            "kernel_mean_matching": "Matches the means of both domains in a kernel space: for up to 6,000 samples.",
            "kliep": "Kernels on target samples: smoother weights, good where domains overlap well.",
            "nearest_neighbours": "Counts the target samples nearest to each source sample: no density model.",
            "label_shift": "One weight per class: for classes that are more or less frequent than in the source.",
        },
    ),
    Strategy(
        name="tradaboost",
        title="TrAdaBoost",
        kind="both",
        summary="Boosting that lowers the weight of source samples that it misclassifies.",
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
        summary="Map the source's features onto yours, then learn from both.",
        help="Helps where the same things are measured differently: lighting, units, devices.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.features.feature_alignment:feature_alignment",
        group="From other data",
        methods={
            "coral": "Matches means and covariances (Sun et al. 2016): fast, for shifts that affect all samples.",
            "subspace": "Aligns the principal directions of both (Fernando et al. 2013): for many features.",
            "tca": "Finds components on which the domains agree (Pan et al. 2011): if some features differ.",
            "optimal_transport": "Moves source samples onto target samples (Courty et al. 2017): for local shifts.",
        },
    ),
    Strategy(
        name="deep_alignment",
        title="Deep alignment",
        kind="image",
        summary="Learn features that separate the classes but not source and target.",
        help="A layer on the frozen backbone is trained on the source's labels, on yours, and with a loss on the "
        "difference of the domains. Helps where a linear map does not: new lighting, cameras, styles.",
        uses=(*SOURCE, "method"),
        fit="core.transfer.features.deep_alignment:deep_alignment",
        group="From other data",
        methods={
            "mmd": "Minimises the maximum mean discrepancy (Long et al. 2015): stable.",
            "deep_coral": "Matches the covariances (Sun and Saenko 2016): fast, a weaker effect.",
            "dann": "Adversarial training against a domain classifier (Ganin et al. 2016): strong, less stable.",
        },
    ),
    Strategy(
        name="bayesian_head",
        title="Bayesian head",
        kind="both",
        summary="The posterior on the source is the prior for your samples.",
        help="A softmax regression whose prior is its posterior on the source (Laplace approximation). Transfers "
        "parameters: for few labels of your own; classes and columns may differ in part.",
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
    """The title of a strategy's method: “Density ratio”, “Deep CORAL”."""
    words = [word.upper() if word in ACRONYMS else word for word in method.split("_")]
    return " ".join([words[0] if words[0].isupper() else words[0].capitalize(), *words[1:]])


STRATEGIES: dict[str, Strategy] = {s.name: s for s in _ALL}


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise InputError(f"There is no strategy “{name}”.", f"Choose one of: {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]
