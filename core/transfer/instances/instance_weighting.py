"""Instance weighting: source rows are weighted by how much they resemble the target."""

from dataclasses import replace

from core.evaluation.intervals import effective_size
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances import weights as instances

LEAST_EFFECTIVE_SHARE = 0.1  # effective share of the source's rows below which the run gets a note


def instance_weighting(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, weighted by `weights.instance_weights` (Shimodaira 2000)."""
    source = problem.source
    assert source
    rows = source.x[source.train]
    there, resolved = problem.x[problem.train], problem.resolved
    weights = instances.instance_weights(rows, there, resolved.method, resolved.seed, source.labels[source.train])
    size = effective_size(weights)
    if size < LEAST_EFFECTIVE_SHARE * len(rows):
        problem.recorder.note(
            f"The {len(rows):,} weighted source rows have an effective sample size of only {size:,.0f}: the result"
            " rests on few of them."
        )
    fitted = learn(join_source(problem, weights))
    facts = {"effective_sample_size": size, "source_samples": float(len(rows))}
    return replace(fitted, facts=fitted.facts | facts, source_weights=weights)
