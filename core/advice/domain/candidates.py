"""The task `candidates`: which other datasets would help as sources for a target."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from core.advice.domain import distances
from core.advice.domain.consistency import fit_probe
from core.advice.domain.record import Candidate, Candidates
from core.advice.domain.sides import Side, Vectors, draw_sides, draw_target, prepare_tables, side_vectors
from core.data.findings.label_errors import predict_out_of_fold
from core.data.tables.matching import matched_columns, rename_to_target
from core.data.versions import load_cells
from core.embedding.embeddings import limit_threads
from core.errors import InputError
from core.evaluation.intervals import ALPHA, fold_share, paired_gain, wilson
from core.methods.sources import possible_sources
from core.schemas import DataRef, DatasetRecord
from core.store.datasets import get_dataset, get_version

FOLDS = 5
MOST_SHARED = 0.5  # share of rows in common from which on a source holds the target itself
APART = 0.99  # domain AUC from which on nothing overlaps
Progress = Callable[..., None]


def candidates_task(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """`rank_candidates` in the background. `params`: `data`, DATASET[@VERSION]."""
    return rank_candidates(DataRef.parse(params["data"]), progress).model_dump(mode="json")


def rank_candidates(ref: DataRef, progress: Progress = lambda *_: None) -> Candidates:
    """Try every other labelled dataset of the target's kind as a source, with linear probes.

    Raises:
        InputError: no other dataset, a target without labels, or a class with fewer than two distinct samples.
        WeightsError: the backbone's weights are missing.
    """
    limit_threads()
    version, dataset = get_version(ref), get_dataset(ref.dataset)
    target = draw_target(DataRef(dataset=dataset.id, version=version.id))
    if not dataset.labelled:
        raise InputError(f"“{dataset.name}” has no labels to judge sources by.", "Give some of its samples labels.")
    if _folds(target) < 2:
        raise InputError(
            f"A class of “{dataset.name}” has fewer than two distinct samples beside the test part.",
            "Add some, or leave the class out.",
        )
    others = possible_sources(dataset)
    if not others:
        raise InputError(
            f"There is no other labelled {'set of images' if dataset.kind == 'image' else 'table'} to learn from.",
            "Bring one in.",
        )
    found = []
    for number, other in enumerate(others, start=1):
        told = f"{other.name}, {number} of {len(others)}"

        def tell(done: int, total: int, text: str = "", told: str = told) -> None:
            progress(done, total, f"{told}: {text}")

        tell(0, 0, "probes")
        found.append(_try_candidate(other, target.ref, ALPHA / len(others), tell))
    found.sort(key=lambda c: (c.gain is None, -(c.gain or 0.0), c.domain_auc or 1.0))
    sure = [c.source for c in found if c.gain_ci and c.gain_ci[0] > 0]
    return Candidates(
        data=str(target.ref),
        n=len(target.samples),
        of=target.n,
        folds=_folds(target),
        sources=tuple(found),
        recommended=sure[0] if sure else None,
    )


def _folds(target: Side) -> int:
    """As many as the class with the fewest distinct samples allows, at most five."""
    distinct = target.samples.groupby("label")["group"].nunique().reindex(target.version.classes, fill_value=0)
    return min(FOLDS, int(distinct.min()))


def _try_candidate(other: DatasetRecord, target: DataRef, alpha: float, progress: Progress) -> Candidate:
    """One candidate; figures that cannot be computed are None, with a note."""
    found = Candidate(source=f"{other.id}@{other.version}", name=other.name)
    try:
        first, second, _ = draw_sides(DataRef.parse(found.source), target, untested=True)
        seen = side_vectors(first, second, None, progress)
    except InputError as error:
        return found.model_copy(update={"note": error.message})
    m = len(seen.x)
    with threadpool_limits(1):  # threads that wait for one another cost more than they give
        scores = distances.domain_scores(seen.x, seen.y, seen.groups, linear=other.kind == "image")
        auc, auc_ci = distances.domain_auc(scores, m)
        mmd, _ = distances.mmd(seen.x, seen.y, seen.groups, permutations=0)
        notes = ["Nothing overlaps, so that no weighting of its samples can help."] if auc >= APART else []
        probed, said = _probe_accuracies(first, second, seen, alpha)
    near = {"n": m, "domain_auc": auc, "domain_auc_ci": auc_ci, "mmd": mmd, "note": " ".join(notes + said)}
    return found.model_copy(update=near | probed)


def _probe_accuracies(first: Side, second: Side, seen: Vectors, alpha: float) -> tuple[dict[str, Any], list[str]]:
    """Accuracy on the target of probes trained on the source, on the target and on both, and notes."""
    x, y, notes = _spaces(first, second, seen)
    classes = list(second.version.classes)
    of_source, truth = (pd.Index(classes).get_indexer(pd.Index(side.samples["label"])) for side in (first, second))
    lacking = [c for i, c in enumerate(classes) if i not in set(of_source)]
    folds, groups = _folds(second), second.samples["group"].to_numpy()
    if len(lacking) == len(classes):
        return {}, [*notes, "It has none of the target's classes; what a network learnt there may carry over."]
    if second.dataset.kind == "table" and _shared_share(seen) > MOST_SHARED:
        return {}, [*notes, "Half of the target's rows or more stand in it as well: what it adds cannot be told."]
    if folds < 2:
        return {}, [*notes, "Without what both hold, a class of the target has too few samples."]
    if lacking:
        notes.append(f"Lacks the class “{lacking[0]}”" + (f" and {len(lacking) - 1} more." if lacking[1:] else "."))
    x, of_source = x[of_source >= 0], of_source[of_source >= 0]

    def on_both(learnt: np.ndarray, labels: np.ndarray) -> Any:
        return fit_probe(np.concatenate([x, learnt]), np.concatenate([of_source, labels]))

    said = [predict_out_of_fold(y, truth, groups, folds, learn).argmax(axis=1) for learn in (fit_probe, on_both)]
    if not lacking and len(classes) > 1:
        said.append(fit_probe(x, of_source).predict(y))
    right = np.column_stack(said) == truth[:, None]
    own, together = right[:, 0], right[:, 1]
    n = len(truth)
    gain, gain_ci = paired_gain(own, together, alpha, fold_share(folds))
    found: dict[str, Any] = {"own": float(own.mean()), "together": float(together.mean())}
    found |= {"gain": gain, "gain_ci": gain_ci}
    if len(said) > 2:
        alone = int(right[:, 2].sum())
        found |= {"alone": alone / n, "alone_ci": wilson(alone, n)}
    return found, notes


def _spaces(first: Side, second: Side, seen: Vectors) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Vectors for the probes: of tables with all columns of the target, those that the source lacks missing there."""
    if first.dataset.kind == "image":
        return seen.x, seen.y, []
    theirs, ours = (load_cells(side.version, side.samples).reset_index(drop=True) for side in (first, second))
    matched = matched_columns(ours, theirs)
    lacking = [c for c in ours if c not in matched]
    if not lacking:
        return seen.x, seen.y, []
    x, y = prepare_tables(rename_to_target(theirs, ours, matched), ours)
    more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
    return x, y, [f"Lacks the column “{lacking[0]}”{more}."]


def _shared_share(seen: Vectors) -> float:
    """The share of the target's rows that the source has too, in all columns that both have."""
    theirs, ours = (pd.util.hash_pandas_object(side, index=False) for side in seen.columns)
    return float(ours.isin(theirs).mean())
