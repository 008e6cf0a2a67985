"""Which strategy to start with: a few rules of thumb, each with its reason."""

from collections.abc import Mapping

from core.methods.learners import LOGISTIC_REGRESSION, NETWORK
from core.methods.strategies import GRADUAL_UNFREEZE, LINEAR_PROBE, MULTI_LAYER_PROBE, TWO_STAGE
from core.schemas import Frozen, ResolvedSpec

FEW = 10  # training images of the smallest class; with fewer only a head is trained
SOLVED = 0.97  # accuracy of a linear probe above which little is left to gain
UNLIKE = 0.6  # accuracy of a linear probe below which the features suit these images badly


class Recommendation(Frozen):
    strategy: str
    reason: str


def recommend_strategy(per_class: Mapping[str, int], probe: float | None) -> Recommendation:
    """A strategy and the reason, as a sentence.

    Args:
        per_class: training images of each class.
        probe: validation accuracy of the newest linear probe on this version, if there is one.

    The rules: few images allow only a new layer on frozen features, and fine-tuning gains with more of them
    (Kornblith, Shlens and Le 2019, arXiv:1805.08974); training the head first keeps large gradients away from
    pretrained layers (Kumar et al. 2022, arXiv:2202.10054); where source and target differ, more of the network must
    change (Yosinski et al. 2014, arXiv:1411.1792).
    """
    fewest = min(per_class.values(), default=0)
    if fewest < FEW:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason=f"The smallest class has {fewest} training images: training more than a new layer would overfit.",
        )
    if probe is None:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason="It takes seconds and shows how well the backbone's features already separate your classes.",
        )
    if probe >= SOLVED:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason=f"A linear probe reaches {probe:.0%} validation accuracy: there is little left to gain.",
        )
    if probe < UNLIKE:
        return Recommendation(
            strategy=GRADUAL_UNFREEZE,
            reason=f"A linear probe reaches only {probe:.0%} validation accuracy: the features suit your images"
            " badly, so more of the backbone must change, starting with the last layers.",
        )
    return Recommendation(
        strategy=TWO_STAGE,
        reason=f"A linear probe reaches {probe:.0%} validation accuracy and the smallest class has {fewest}"
        " training images: enough to fine-tune the last blocks once the head is trained.",
    )


class NextStep(Frozen):
    """What to try after a method: label and help of a button, and the fields of the spec that it sets."""

    label: str
    help: str = ""
    method: dict[str, str]

    @property
    def name(self) -> str:
        """The suggested strategy or learner."""
        return self.method.get("strategy") or self.method["learner"]


_FINE_TUNING = NextStep(label="Try fine-tuning", method={"strategy": TWO_STAGE, "preset": "balanced"})
_ALL_LAYERS = NextStep(
    label="Try all layers",
    help="Takes seconds: earlier layers of the same backbone see edges and textures that are gone from the last.",
    method={"strategy": MULTI_LAYER_PROBE},
)
_AFTER = {
    LINEAR_PROBE: (_ALL_LAYERS, _FINE_TUNING),
    MULTI_LAYER_PROBE: (_FINE_TUNING,),
    NETWORK: (
        NextStep(
            label="Try logistic regression",
            help="The linear baseline: use a network only if it is better.",
            method={"learner": LOGISTIC_REGRESSION},
        ),
    ),
}


def next_steps(resolved: ResolvedSpec) -> list[NextStep]:
    """What to try after a run with this spec, the quickest first. What is for images keeps the backbone."""
    steps = _AFTER.get(resolved.strategy or resolved.learner, ())
    kept = {"backbone": resolved.backbone} if resolved.backbone else {}
    return [step.model_copy(update={"method": step.method | kept}) for step in steps]
