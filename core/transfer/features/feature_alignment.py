"""Feature alignment: the source's vectors mapped onto the target's, or both onto shared components."""

from dataclasses import replace

import numpy as np

from core.transfer.features.alignment import align_source
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source


def feature_alignment(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, mapped by `alignment.align_source` without labels."""
    source = problem.source
    assert source
    rows = np.concatenate([source.train, source.validation])
    aligned = align_source(source.x[rows], problem.x[problem.train], problem.resolved.method, problem.resolved.seed)
    if aligned.note:
        problem.recorder.note(aligned.note)
    moved = np.zeros((len(source.x), aligned.source.shape[1]), "float32")
    moved[rows] = aligned.source
    x = problem.x if aligned.target is None else aligned.target(problem.x)
    fitted = learn(join_source(replace(problem, x=x, source=replace(source, x=moved))))
    facts = {"aligned_dimensions": float(moved.shape[1]), "source_samples": float(len(source.train))}
    return replace(fitted, facts=fitted.facts | facts, projection=aligned.target)
