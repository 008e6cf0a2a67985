"""The training problem of a source, and the baselines trained on the source alone and on the target alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pkgutil import resolve_name

import numpy as np
import pandas as pd

from core.data.cleaning.preparation import Preparation
from core.data.tables.matching import matched_columns, rename_to_target
from core.data.versions import load_rows, load_samples, load_weights
from core.methods.backbone import Backbone
from core.methods.parts import Parts, predictions_table
from core.methods.strategies import get_strategy
from core.schemas import DataRef, ResolvedSpec
from core.store.datasets import get_dataset, get_version
from core.training.recorder import Recorder
from core.training.version_images import VersionImages
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, source_only

KNOWN = ("train", "validation")  # the test part of a source is not used


@dataclass(frozen=True)
class SourceLabels:
    """The samples of all sources together: classes, class indices `(n,)`, and positions of both parts."""

    classes: tuple[str, ...]
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray

    @classmethod
    def of(cls, samples: Sequence[pd.DataFrame], classes: Sequence[str]) -> "SourceLabels":
        part = np.concatenate([s["part"].to_numpy(dtype=object) for s in samples])
        names = tuple(sorted(set(classes)))
        index = {name: i for i, name in enumerate(names)}
        labels = pd.concat([s["label"] for s in samples]).map(index).to_numpy(dtype="int64")
        return cls(names, labels, np.flatnonzero(part == "train"), np.flatnonzero(part == "validation"))

    def problem(self, target: VectorProblem, x: np.ndarray, weights: np.ndarray | None = None) -> VectorProblem:
        """The source's own problem beside a target's, with vectors `x`, `(n, d)`."""
        return replace(
            target,
            classes=self.classes,
            x=x,
            labels=self.labels,
            weights=weights,
            train=self.train,
            validation=self.validation,
            judged=self.validation,
        )


class SourceTables:
    """Rows of other datasets under the target's columns."""

    def __init__(self, resolved: ResolvedSpec, target: pd.DataFrame, recorder: Recorder) -> None:
        cells, samples, weights = [], [], []
        classes: list[str] = []
        for text in resolved.source:
            ref = DataRef.parse(text)
            dataset, version = get_dataset(ref.dataset), get_version(ref)
            rows, _ = load_rows(ref, cells=True)
            rows = rows.keep(rows.samples["part"].isin(KNOWN).to_numpy())
            matched = matched_columns(target, rows.cells)
            note = get_strategy(resolved.strategy).source_note
            recorder.note(
                f"{note} “{dataset.name}” with {len(matched)} of {target.shape[1]} columns: {', '.join(matched)}."
            )
            given = load_weights(version, rows.samples)
            weights.append(np.ones(len(rows.samples)) if given is None else given / given.mean())
            cells.append(rename_to_target(rows.cells, target, matched))
            samples.append(rows.samples)
            classes += version.classes
        self.cells = pd.concat(cells, ignore_index=True)
        self.labels = SourceLabels.of(samples, classes)
        joined = np.concatenate(weights)
        self.weights = None if (joined == 1).all() else joined

    def prepared(self, preparation: Preparation) -> Preparation:
        """The preparation fitted on the source's training rows, where the target's labels must teach nothing."""
        rows = self.labels.train
        return preparation.fit(self.cells.iloc[rows], self.labels.labels[rows])

    def problem(self, target: VectorProblem, preparation: Preparation) -> VectorProblem:
        return self.labels.problem(target, preparation.transform(self.cells), self.weights)


class SourceImages:
    """Embeddings of other datasets' images by the run's backbone, `(n, d)`."""

    def __init__(self, resolved: ResolvedSpec, backbone: Backbone, recorder: Recorder) -> None:
        found, samples = [], []
        classes: list[str] = []
        for text in resolved.source:
            ref = DataRef.parse(text)
            version = get_version(ref)
            rows = load_samples(ref)
            rows = rows[rows["part"].isin(KNOWN)].reset_index(drop=True)
            recorder.phase("source images through the backbone")
            with recorder.timed("embed"):
                images = VersionImages(get_dataset(ref.dataset), rows)
                found.append(images.outputs(backbone, resolved.image_size, None, recorder.step))
            note = get_strategy(resolved.strategy).source_note
            recorder.note(f"{note} “{get_dataset(ref.dataset).name}”, {len(rows):,} images.")
            samples.append(rows)
            classes += version.classes
        self.embeddings = np.concatenate(found)
        self.labels = SourceLabels.of(samples, classes)


class SourceEffect:
    """The effect of a source, fold by fold: predictions of the baselines, and weights of the source's rows."""

    def __init__(self) -> None:
        self._baselines: list[pd.DataFrame] = []
        self._weights: list[pd.DataFrame] = []

    def add(
        self,
        samples: pd.DataFrame,
        problem: VectorProblem,
        parts: Parts,
        baselines: dict[str, np.ndarray],
        weights: np.ndarray | None,
    ) -> None:
        for name, probabilities in baselines.items():
            table = predictions_table(samples, problem.judged, parts, probabilities, problem.classes)
            self._baselines.append(table.assign(baseline=name))
        if weights is not None and problem.source:
            source = problem.source
            labels = np.array(source.classes, dtype=object)[source.labels[source.train]]
            self._weights.append(pd.DataFrame({"fold": parts.fold, "label": labels, "weight": weights}))

    def tables(self) -> dict[str, pd.DataFrame]:
        """By the names of their files in the run's folder."""
        found = {"baselines": self._baselines, "weights": self._weights}
        return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items() if tables}


def fit_with_baselines(problem: VectorProblem, learn: Learn) -> tuple[VectorFitted, dict[str, np.ndarray]]:
    """The strategy's fitted model and, for its two baselines, the probabilities of the samples to predict.

    `source_only` is trained on the source's labels alone, `target_only` on the target's alone, with the same learner.
    One that cannot be trained is left out with a note.
    """
    fitted = resolve_name(get_strategy(problem.resolved.strategy).fit)(problem, learn)
    recorder, source = problem.recorder, problem.source
    assert source
    baselines = {}
    before = recorder.prefix
    if set(source.classes) == set(problem.classes):
        recorder.prefix = f"{before} · source alone" if before else "source alone"
        baselines["source_only"] = learn(source_only(problem)).probabilities
    else:
        recorder.note("The source alone cannot serve as a baseline: it has other classes.")
    if len(np.unique(problem.labels[problem.train])) > 1:
        recorder.prefix = f"{before} · target alone" if before else "target alone"
        baselines["target_only"] = learn(replace(problem, source=None)).probabilities
    else:
        recorder.note("The target alone cannot serve as a baseline: its training part has one class.")
    recorder.prefix = before
    return fitted, baselines
