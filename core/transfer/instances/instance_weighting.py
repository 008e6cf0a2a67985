"""Instance weighting: source rows count as much as they look like the target."""

from dataclasses import replace

from core.evaluation.intervals import effective_size
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances import weights as instances

LEAST_EFFECTIVE_SHARE = 0.1  # share of the source's rows below which the weighted source is too small to rely on


def instance_weighting(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, those weighted by `instances.weights` (Shimodaira 2000)."""
    source = problem.source
    assert source
    rows = source.x[source.train]
    there, resolved = problem.x[problem.train], problem.resolved
    weights = instances.instance_weights(rows, there, resolved.method, resolved.seed, source.labels[source.train])
    size = effective_size(weights)
    if size < LEAST_EFFECTIVE_SHARE * len(rows):
        problem.recorder.note(
            f"Weighted, the {len(rows):,} source rows tell only as much as {size:,.0f} of equal weight would: what"
            " was learnt rests on few of them."
        )
    fitted = learn(join_source(problem, weights))
    facts = {"effective_sample_size": size, "source_samples": float(len(rows))}
    return replace(fitted, facts=fitted.facts | facts, source_weights=weights)
