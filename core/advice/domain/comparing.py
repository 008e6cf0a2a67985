"""The task `distance`: how far a target is from a source, and where they differ."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.advice.domain import distances
from core.advice.domain.columns import column_shifts
from core.advice.domain.consistency import probe_agreement
from core.advice.domain.expectation import expected_accuracy
from core.advice.domain.record import COLUMNS, SAMPLES, Distance, Expectation
from core.advice.domain.sides import Side, Vectors, draw_sides, side_vectors
from core.data.cleaning.steps.step import sample_positions
from core.data.images.map import map_coordinates
from core.embedding.embeddings import limit_threads
from core.errors import InputError
from core.schemas import DataRef
from core.store import files, runs

MAPPED = 300  # samples of a side on the map
Progress = Callable[..., None]


def distance_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Task `distance`: `params` are `source` and `target`, DATASET[@VERSION][:PART], maybe `backbone` and `run`."""
    source, target = (DataRef.parse(params[side]) for side in ("source", "target"))
    run = params.get("run") or None
    return compare_domains(source, target, params.get("backbone"), run, folder, progress).model_dump(mode="json")


def compare_domains(
    source: DataRef,
    target: DataRef,
    backbone: str | None = None,
    run: str | None = None,
    folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Distance:
    """Compare two datasets of one kind, and estimate the accuracy of a finished `run` of the source on the target.

    Into a `folder` goes `samples.parquet`: the compared samples, source first, with side, id, path, label, score (how
    much a classifier that has not seen it takes it for one of the target) and, of some, their places on two maps;
    beside it `columns.parquet` with what the columns of both hold.

    If the run's accuracy cannot be estimated, `unexpected` says why.

    Raises:
        InputError: they cannot be compared; see `core.advice.domain.sides`.
        WeightsError: the backbone's weights are missing.
    """
    limit_threads()
    progress(0, 0, "reading both")
    first, second, shared = draw_sides(source, target)
    seen = side_vectors(first, second, backbone, progress)
    progress(0, 0, "distances")
    x, y, m = seen.x, seen.y, len(seen.x)
    mmd, mmd_p = distances.mmd(x, y, seen.groups)
    scores = distances.domain_scores(x, y, seen.groups, linear=first.dataset.kind == "image")
    auc, auc_ci = distances.domain_auc(scores, m)
    expected, reason = _expected(run, first, second, progress) if run else (None, "")
    found = Distance(
        source=str(first.ref),
        target=str(second.ref),
        kind=first.dataset.kind,
        n_source=m,
        n_target=len(y),
        of_source=first.n,
        of_target=second.n,
        shared=shared,
        dimensions=x.shape[1],
        backbone=seen.backbone,
        image_size=seen.image_size,
        mmd=mmd,
        mmd_p=mmd_p,
        domain_auc=auc,
        domain_auc_ci=auc_ci,
        a_distance=distances.a_distance(scores, m),
        coral=distances.coral(x, y),
        frechet=distances.frechet(x, y),
        columns=column_shifts(*seen.columns),
        expectation=expected,
        unexpected=reason,
        consistency=probe_agreement(x, first.samples["label"], y, second.samples["label"], seen.groups[m:]),
        notes=seen.notes,
    )
    if folder:
        progress(0, 0, "drawing the map")
        files.write_parquet(folder / SAMPLES, _samples(first, second, seen, scores))
        files.write_parquet(folder / COLUMNS, pd.concat(seen.columns, ignore_index=True))
    return found


def _expected(run: str, first: Side, second: Side, progress: Progress) -> tuple[Expectation | None, str]:
    try:
        return expected_accuracy(runs.get_run(run), first, second, progress), ""
    except InputError as error:
        return None, error.message


def _samples(first: Side, second: Side, seen: Vectors, scores: np.ndarray) -> pd.DataFrame:
    columns = ["id", "path", "label"]
    parts = [side.samples[columns].assign(side=name) for side, name in ((first, "source"), (second, "target"))]
    table = pd.concat(parts, ignore_index=True).assign(score=scores)
    m = len(seen.x)
    shown = np.concatenate([sample_positions(m, MAPPED), m + sample_positions(len(seen.y), MAPPED)])
    places = map_coordinates(np.concatenate([seen.x, seen.y])[shown], [str(place) for place in shown])
    return table.join(places.drop(columns="id").set_axis(shown))
