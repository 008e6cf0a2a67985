"""Instance weighting: source rows count as much as they look like the target."""

from dataclasses import replace

from core.evaluation.intervals import effective_size
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, joined
from core.transfer.instances import weights as instances

MEAGRE = 0.1  # share of the source's rows below which the weighted source is too small to rely on


def instance_weighting(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, those weighted by `instances.weights` (Shimodaira 2000)."""
    source = problem.source
    assert source
    rows = source.x[source.train]
    there, spec = problem.x[problem.train], problem.spec
    weights = instances.weights(rows, there, problem.spec.method, spec.seed, source.labels[source.train])
    size = effective_size(weights)
    if size < MEAGRE * len(rows):
        problem.recorder.note(
            f"Weighted, the {len(rows):,} source rows tell only as much as {size:,.0f} of equal weight would: what"
            " was learnt rests on few of them."
        )
    fitted = learn(joined(problem, weights))
    facts = {"effective_sample_size": size, "source_samples": float(len(rows))}
    return replace(fitted, facts=fitted.facts | facts, source_weights=weights)
