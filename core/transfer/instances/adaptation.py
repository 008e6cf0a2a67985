"""What to do without labels of the target, by what its samples tell."""

from dataclasses import replace

import numpy as np

from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances.weights import check_domain_sizes, domain_auc, label_shift_weights

SAME_DOMAIN_AUC = 0.55  # area under the curve up to which the domains count as one


def adaptation(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the source, its classes weighed as often as they seem to occur in the target.

    Where a classifier cannot tell the domains apart, the source is taken as it is: there is nothing to mend, and
    whatever is estimated adds noise. Else the shares of the classes are estimated from the target's training samples
    (`instances.label_shift`): with K classes that is K − 1 numbers, which a few dozen samples give, where weights of
    instances need a density and an alignment a whole matrix. No label of the target is used.
    """
    source = problem.source
    assert source
    rows, there = source.x[source.train], problem.x[problem.train]
    check_domain_sizes(rows, there)
    auc = domain_auc(rows, there, problem.resolved.seed)
    weights = (
        None
        if auc <= SAME_DOMAIN_AUC
        else label_shift_weights(rows, source.labels[source.train], there, problem.resolved.seed)
    )
    told = f"A classifier tells source and target apart with an area under the curve of {auc:.2f}; "
    if weights is None:
        problem.recorder.note(f"{told}they are alike, and the source was taken as it is.")
    else:
        of = [(weights * (source.labels[source.train] == i)).mean() for i in range(len(source.classes))]
        shares = ", ".join(f"{name} {share:.0%}" for name, share in zip(source.classes, of, strict=True))
        problem.recorder.note(
            f"{told}the source's classes were weighed by the shares that they seem to have in the target: {shares}."
        )
    fitted = learn(join_source(problem, weights))
    facts = {"domain_auc": auc, "source_samples": float(len(rows))}
    return replace(
        fitted, facts=fitted.facts | facts, source_weights=np.ones(len(rows)) if weights is None else weights
    )
