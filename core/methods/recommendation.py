"""Which strategy to begin with: a few rules of thumb, each with its reason."""

from collections.abc import Mapping

from core.methods.learners import LOGISTIC_REGRESSION, NETWORK
from core.methods.strategies import GRADUAL_UNFREEZE, LINEAR_PROBE, TWO_STAGE
from core.schemas import Frozen, ResolvedSpec

FEW = 10  # training images of the smallest class under which nothing but a head is fitted
SOLVED = 0.97  # accuracy of a probe from which little is left to gain
UNLIKE = 0.6  # accuracy of a probe under which the source knows little of these images


class Recommendation(Frozen):
    strategy: str
    reason: str


def recommend_strategy(per_class: Mapping[str, int], probe: float | None) -> Recommendation:
    """A strategy and why, in a sentence.

    Args:
        per_class: training images of each class.
        probe: validation accuracy of the newest linear probe on this version, if there is one.

    The rules: a new layer on frozen features is what few images allow, fine-tuning gains with more of them
    (Kornblith, Shlens and Le 2019, arXiv:1805.08974); a fitted head first keeps large gradients away from pretrained
    layers (Kumar et al. 2022, arXiv:2202.10054); where source and target differ, more of the network must move
    (Yosinski et al. 2014, arXiv:1411.1792).
    """
    fewest = min(per_class.values(), default=0)
    if fewest < FEW:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason=f"The smallest class has {fewest} training images: more than a new layer would memorise them.",
        )
    if probe is None:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason="Seconds, and it tells how much the backbone already knows of your images.",
        )
    if probe >= SOLVED:
        return Recommendation(
            strategy=LINEAR_PROBE,
            reason=f"The probe is right on {probe:.0%} of the validation images: there is little left to gain.",
        )
    if probe < UNLIKE:
        return Recommendation(
            strategy=GRADUAL_UNFREEZE,
            reason=f"The probe is right on {probe:.0%} only: the backbone knows little of such images, so more of it"
            " must change, the layers nearest to the classes first.",
        )
    return Recommendation(
        strategy=TWO_STAGE,
        reason=f"The probe is right on {probe:.0%} and the smallest class has {fewest} training images: enough to let"
        " the last blocks adapt, once the head is fitted.",
    )


class NextStep(Frozen):
    """What is worth trying after a method: the button's label and help, and the fields of the spec that say it."""

    label: str
    help: str = ""
    method: dict[str, str]

    @property
    def name(self) -> str:
        """The strategy or learner that it tries."""
        return self.method.get("strategy") or self.method["learner"]


_AFTER = {
    LINEAR_PROBE: NextStep(label="Try fine-tuning", method={"strategy": TWO_STAGE, "preset": "balanced"}),
    NETWORK: NextStep(
        label="Try logistic regression",
        help="The linear baseline: use a network only if it is better.",
        method={"learner": LOGISTIC_REGRESSION},
    ),
}


def next_step(resolved: ResolvedSpec) -> NextStep | None:
    """What to try after a run with this spec; None where nothing stands out. Fine-tuning keeps the backbone."""
    step = _AFTER.get(resolved.strategy or resolved.learner)
    if step and resolved.backbone:
        return step.model_copy(update={"method": step.method | {"backbone": resolved.backbone}})
    return step
