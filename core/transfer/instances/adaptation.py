"""Unsupervised adaptation: learning from the source, reweighted for unlabelled target samples."""

from dataclasses import replace

import numpy as np

from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances.weights import check_domain_sizes, domain_auc, label_shift_weights

SAME_DOMAIN_AUC = 0.55  # domain AUC up to which the domains count as one


def adaptation(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the source, with its classes weighted to the estimated proportions of the target.

    If a classifier cannot separate the domains, the source is used as it is: there is nothing to correct, and any
    estimate adds noise. Otherwise the class proportions are estimated from the target's training samples
    (`weights.label_shift_weights`): K − 1 numbers for K classes, for which a few dozen samples suffice, whereas
    instance weights need a density and an alignment a whole matrix. No label of the target is used.
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
    separation = f"A classifier separates source and target with an AUC of {auc:.2f}; "
    if weights is None:
        problem.recorder.note(f"{separation}they are alike, and the source was used as it is.")
    else:
        means = [(weights * (source.labels[source.train] == i)).mean() for i in range(len(source.classes))]
        shares = ", ".join(f"{name} {share:.0%}" for name, share in zip(source.classes, means, strict=True))
        problem.recorder.note(
            f"{separation}the source's classes were weighted to the estimated shares in the target: {shares}."
        )
    fitted = learn(join_source(problem, weights))
    facts = {"domain_auc": auc, "source_samples": float(len(rows))}
    return replace(
        fitted, facts=fitted.facts | facts, source_weights=np.ones(len(rows)) if weights is None else weights
    )
