"""Describes a distance between domains."""

from core.advice.domain.record import Distance

# Domain AUC from which two domains differ clearly, hardly overlap, and lie apart.
CLEARLY, HARDLY_ALIKE, APART = 0.7, 0.9, 0.995
ALPHA = 0.05
NAMED = 3  # columns named


def describe_distance(found: Distance) -> str:
    """One or two sentences: whether the two differ, how much, in which columns, and what to expect on the target."""
    pairs = f"a classifier tells the two apart in {round(100 * found.domain_auc)} of 100 pairs"
    differ = found.domain_auc_ci[0] > 0.5
    if not differ and found.mmd_p >= ALPHA:
        return (
            f"AUC {_format_auc(found.domain_auc)}: {pairs}; guessing would in 50. No difference can be shown between"
            " them; expect what is learnt on one to hold on the other."
        )
    if found.domain_auc >= APART:
        told = "They do not overlap: weighing or aligning the source cannot be relied on; label some of the target."
    elif found.domain_auc >= HARDLY_ALIKE:
        told = "They hardly overlap: expect a clear loss, and a gain from labels of the target."
    elif found.domain_auc >= CLEARLY:
        told = "They differ clearly: expect some loss on the target."
    elif differ:
        told = "They differ a little: expect a small loss on the target."
    else:
        told = f"The kernel test still finds a difference (p = {found.mmd_p:.2g}): expect a small loss on the target."
    return f"AUC {_format_auc(found.domain_auc)}: {pairs}. {told}{_most_shifted(found)}"


def _most_shifted(found: Distance) -> str:
    sure = [shift.name for shift in found.columns if shift.p_adjusted is not None and shift.p_adjusted < ALPHA]
    if not sure:
        return ""
    more = f" and {len(sure) - NAMED} more" if len(sure) > NAMED else ""
    return f" Most of all they differ in {', '.join(sure[:NAMED])}{more}."


def _format_auc(share: float) -> str:
    return f"{share:.2f}".removeprefix("0")
