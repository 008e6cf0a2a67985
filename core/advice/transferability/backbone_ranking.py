"""The task `rank`: which of the installed backbones suits a dataset, before fine-tuning."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from core.advice.transferability.record import BackboneRanking, RankedBackbone
from core.advice.transferability.scores import h_score, leep, logme
from core.data.cleaning.steps.step import sample_positions
from core.data.findings.label_errors import normalize_embeddings, predict_out_of_fold, principal_components
from core.data.versions import load_samples
from core.embedding.embeddings import limit_threads
from core.embedding.source_head import source_probabilities
from core.errors import InputError, NotFoundError
from core.evaluation.intervals import fold_share, wilson
from core.methods import backbones as own
from core.methods.backbone import Backbone, weights_state
from core.methods.plan import default_image_size
from core.methods.pretrained import BACKBONES
from core.schemas import DataRef, DatasetRecord, RunRecord, VersionRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version
from core.training.images.check import through_backbone
from core.training.version_images import VersionImages

MOST = 2_000  # samples for scores and probes at most
FOLDS = 5
EQUAL = 0.005  # probes that differ by no more count as equally good
FEWEST_FOR_TAU = 3
Progress = Callable[..., None]


def rank_task(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """`rank_backbones` in the background. `params`: `data`, DATASET[@VERSION]."""
    return rank_backbones(DataRef.parse(params["data"]), progress).model_dump(mode="json")


def rank_backbones(ref: DataRef, progress: Progress = lambda *_: None) -> BackboneRanking:
    """Score every backbone whose weights are here on a version's training and validation images.

    Your own networks that were trained on this dataset are left out: their scores would be too optimistic.

    Raises:
        InputError: a table, data without labels, or a class with fewer than two distinct images.
    """
    limit_threads()
    version, dataset = get_version(ref), get_dataset(ref.dataset)
    samples, of = known_samples(dataset, version)
    folds = min(FOLDS, int(samples.groupby("label")["group"].nunique().min()))
    here, notes = _available_backbones(dataset)
    ranked = []
    for number, backbone in enumerate(here, start=1):
        told = f"{backbone.title}, {number} of {len(here)}"
        size = max(default_image_size(backbone, samples), backbone.smallest_size)

        def tell(done: int, total: int, text: str = "", told: str = told) -> None:
            progress(done, total, f"{told}: {text}")

        ranked.append(_score_backbone(backbone, size, dataset, samples, folds, tell))
    ranked.sort(key=lambda r: r.probe, reverse=True)
    tau, of_runs = rank_agreement(ranked, runs.list_runs(dataset=dataset.id, states=["succeeded"]), version.id)
    return BackboneRanking(
        data=f"{dataset.id}@{version.id}",
        n=len(samples),
        of=of,
        folds=folds,
        backbones=tuple(ranked),
        recommended=recommended_backbone(ranked),
        tau=tau,
        tau_runs=of_runs,
        notes=notes,
    )


def recommended_backbone(ranked: Sequence[RankedBackbone]) -> str:
    """The name of the cheapest backbone whose probe accuracy is at most half a point below the best."""
    best = max(r.probe for r in ranked)
    return min((r for r in ranked if r.probe >= best - EQUAL), key=lambda r: (r.cost, -r.probe)).name


def rank_agreement(
    ranked: Sequence[RankedBackbone], finished: Sequence[RunRecord], version: str
) -> tuple[dict[str, float | None] | None, str]:
    """Kendall's τ of each score with the validation accuracy of a version's runs, and a description of the runs.

    Of the strategies that are finished with most backbones, the one with most runs counts; a backbone's runs are
    averaged. None where fewer than three backbones have such runs.
    """
    from scipy.stats import kendalltau

    reached: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    names = {r.name for r in ranked}
    for run in finished:
        found = run.metrics.get("validation_accuracy")
        if run.version == version and run.spec.backbone in names and found is not None and run.spec.strategy:
            reached[run.spec.strategy][run.spec.backbone].append(found)
    if not reached:
        return None, ""
    strategy, of = max(reached.items(), key=lambda item: (len(item[1]), sum(map(len, item[1].values()))))
    if len(of) < FEWEST_FOR_TAU:
        return None, ""
    known = [r for r in ranked if r.name in of]
    truth = [mean(of[r.name]) for r in known]
    columns: dict[str, list[float | None]] = {
        name: [getattr(r, name) for r in known] for name in ("probe", "logme", "leep", "hscore")
    }
    columns["imagenet"] = [BACKBONES[r.name].top1 if r.name in BACKBONES else None for r in known]
    found_tau: dict[str, float | None] = {}
    for name, values in columns.items():
        pairs = [(v, t) for v, t in zip(values, truth, strict=True) if v is not None]
        tau = float(kendalltau(*zip(*pairs, strict=True)).statistic) if len(pairs) >= FEWEST_FOR_TAU else np.nan
        found_tau[name] = None if np.isnan(tau) else tau
    return found_tau, f"{strategy}, {sum(map(len, of.values()))} runs on {len(of)} backbones"


def known_samples(dataset: DatasetRecord, version: VersionRecord) -> tuple[pd.DataFrame, int]:
    """Training and validation images, at most `MOST` chosen at random, and their number before.

    Raises:
        InputError: a table, data without labels, or a class with fewer than two distinct images.
    """
    if dataset.kind != "image":
        raise InputError(f"“{dataset.name}” is a table; backbones are for images.", "Choose a set of images.")
    if not dataset.labelled:
        raise InputError(f"Dataset “{dataset.name}” has no labels.", "Import it with labels, or choose another.")
    samples = load_samples(DataRef(dataset=dataset.id, version=version.id))
    samples = samples[samples["part"] != "test"]
    drawn = samples.iloc[sample_positions(len(samples), MOST)].reset_index(drop=True)
    distinct = drawn.groupby("label")["group"].nunique().reindex(version.classes, fill_value=0)
    if distinct.min() < 2:
        raise InputError(
            f"Class “{distinct.idxmin()}” has too few distinct images to judge by.",
            "Add some, so that it has two beside the test images, or leave the class out.",
        )
    return drawn, len(samples)


def _available_backbones(dataset: DatasetRecord) -> tuple[list[Backbone], tuple[str, ...]]:
    """Backbones with installed weights, and a note on those left out."""
    here = [b for b in BACKBONES.values() if weights_state(b) == "present"]
    mine = own.own_backbones()
    fresh = [b for b in mine if not has_seen(b.name, dataset.id)]
    if not here + fresh:
        raise InputError("No pretrained weights are installed.", "Run `python -m core doctor`, which tells more.")
    left = len(mine) - len(fresh)
    told = f"{left} of your own networks {'was' if left == 1 else 'were'} trained on this dataset and left out."
    return here + fresh, (told,) if left else ()


def has_seen(name: str, dataset: str) -> bool:
    """Whether a backbone learnt from this dataset: as a run on it, from a source, a teacher, or its own backbone."""
    if not name.startswith(own.RUN):
        return False
    try:
        run = runs.get_run(name.removeprefix(own.RUN))
    except NotFoundError:
        return True  # the run is gone, so assume it
    if dataset in {run.dataset, *(DataRef.parse(source).dataset for source in run.spec.source or ())}:
        return True
    before = [run.spec.backbone or "", *([f"{own.RUN}{run.spec.teacher}"] if run.spec.teacher else [])]
    return any(has_seen(b, dataset) for b in before)


def _score_backbone(
    backbone: Backbone, size: int, dataset: DatasetRecord, samples: pd.DataFrame, folds: int, progress: Progress
) -> RankedBackbone:
    start = time.perf_counter()
    x = VersionImages(dataset, samples).outputs(backbone, size, progress=through_backbone(progress))
    progress(0, 0, "scores and probe")
    labels, groups = pd.factorize(samples["label"], sort=True)[0], samples["group"].to_numpy()
    with threadpool_limits(1):  # threads that wait for one another cost more than they give
        source = source_probabilities(backbone, x)
        probabilities = predict_out_of_fold(principal_components(normalize_embeddings(x)), labels, groups, folds)
        right = int((probabilities.argmax(axis=1) == labels).sum())
        found = RankedBackbone(
            name=backbone.name,
            title=backbone.title,
            image_size=size,
            cost=backbone.multiply_adds * (size / backbone.input_size) ** 2 / 1e9,
            logme=logme(x, labels),
            leep=None if source is None else leep(source, labels),
            hscore=h_score(x, labels),
            probe=right / len(labels),
            probe_ci=wilson(fold_share(folds) * right, fold_share(folds) * len(labels)),
            seconds=0.0,
        )
    return found.model_copy(update={"seconds": time.perf_counter() - start})
