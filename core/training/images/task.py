"""Training on images: embeddings from the cache, then the strategy, once or once a fold."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.data.cleaning.preparation import features_kept
from core.data.cleaning.recipe import enabled_steps
from core.data.versions import load_samples
from core.embedding.embeddings import EmbeddingInfo, embed
from core.embedding.engines import Images, runs_in_openvino
from core.embedding.prepared import LAYERS
from core.methods import backbones as own
from core.methods.backbone import Backbone
from core.methods.backbones import get_backbone
from core.methods.parts import Parts, parts_of, predictions_table
from core.methods.strategies import get_strategy
from core.schemas import DataRef, Recipe, ResolvedSpec, RunRecord
from core.store import files, runs
from core.store.datasets import get_dataset, get_version
from core.training.images.views import training_views
from core.training.recorder import Recorder
from core.training.result import Result
from core.training.sources.source_problem import SourceEffect, SourceImages, fit_with_baselines
from core.training.sources.teacher import make_teacher
from core.training.version_images import VersionImages
from core.transfer.fitting.problem import CHOSEN, Fitted, Problem
from core.transfer.fitting.weighing import one_hot

if TYPE_CHECKING:
    import keras


class ImageTask:
    """A spec's version, samples and splits, and the problem that its strategy solves on each split."""

    def __init__(self, resolved: ResolvedSpec, recorder: Recorder) -> None:
        ref = DataRef.parse(resolved.data)
        self.resolved = resolved
        self.recorder = recorder
        self.version = get_version(ref)
        self.samples = load_samples(ref)
        self.strategy = get_strategy(resolved.strategy)
        index = {name: i for i, name in enumerate(self.version.classes)}
        self._labels = self.samples["label"].map(index).to_numpy(dtype="int64")
        self.splits = list(parts_of(self.samples, resolved.folds, resolved.seed))
        self._images = VersionImages(get_dataset(ref.dataset), self.samples)
        self._outputs = FrozenOutputs(self._images, self.splits, resolved, recorder)
        self.backbone = self._outputs.backbone
        self._targets = self._outputs.targets(one_hot(self._labels, len(self.version.classes)))
        asked = resolved.teacher and runs.get_run(resolved.teacher)
        self._teacher = make_teacher(asked, self._images, self.version, recorder) if asked else None
        self.selects = self.strategy.selects and not self.strategy.has_source

    def problem(self, parts: Parts) -> Problem:
        outputs = self._outputs
        return Problem(
            resolved=self.resolved,
            classes=self.version.classes,
            targets=self._targets,
            train=outputs.training_rows(parts.train),
            validation=parts.validation,
            n_train=len(parts.train),
            with_views=outputs.training_rows,
            groups=self.samples["group"].to_numpy(),
            judged=np.concatenate([parts.validation, parts.test]) if not parts.fold else parts.test,
            embeddings=outputs.embeddings,
            activations=outputs.activations,
            images=outputs.images,
            features=outputs.backbone.features,
            kept=outputs.kept(self.version.recipe, parts.train, self._labels) if self.selects else None,
            network=outputs.network,
            untrained=outputs.untrained,
            recorder=self.recorder,
            teacher=self._teacher,
        )


def train_images(run: RunRecord, recorder: Recorder) -> Result:
    """Train a run on images; returns its predictions and a function that saves its network."""
    resolved = run.spec
    task = ImageTask(resolved, recorder)
    tables: list[pd.DataFrame] = []
    facts: list[dict[str, float]] = []
    fitted: Fitted | None = None
    effect = SourceEffect()
    other = SourceImages(resolved, task.backbone, recorder) if resolved.source else None
    for parts in task.splits:
        recorder.prefix = f"fold {parts.fold} of {resolved.folds}" if parts.fold else ""
        problem = task.problem(parts)
        if other:
            from core.training.sources import embedding_problem

            vectors = embedding_problem.vector_problem(problem, other)
            with recorder.timed("fit"):
                learnt, baselines = fit_with_baselines(vectors, embedding_problem.fit_linear_head)
            effect.add(task.samples, vectors, parts, baselines, learnt.source_weights)
            fitted = embedding_problem.fitted_from_pixels(problem, learnt)
        else:
            with recorder.timed("fit"):
                fitted = resolve_name(task.strategy.fit)(problem)
        tables.append(predictions_table(task.samples, problem.judged, parts, fitted.probabilities, problem.classes))
        kept = problem.kept
        told = {name: fact for name, fact in fitted.facts.items() if not (resolved.folds and name in CHOSEN)}
        facts.append(told | ({} if kept is None else {"features_kept": float(kept.sum())}))
    recorder.prefix = ""
    assert fitted is not None
    if not task.selects and any(enabled_steps(task.version.recipe, "learnt")):
        recorder.note(
            f"{task.strategy.title} does without the embedding, so the recipe's feature selection was left out."
        )
    return Result(
        predictions=pd.concat(tables, ignore_index=True),
        classes=task.version.classes,
        facts=facts,
        save=None if resolved.folds else _network_saver(fitted, task.backbone, resolved.image_size),
        tables=effect.tables(),
    )


def _network_saver(fitted: Fitted, backbone: Backbone, size: int) -> Callable[[Path], None]:
    """A function that saves the network; one with a solved head is written without Keras where OpenVINO ran it."""

    def save(folder: Path) -> None:
        files.write_text(folder / own.RECORD, backbone.model_dump_json(indent=1))
        head = fitted.head
        with files.atomic_file(folder / own.NETWORK) as temporary:
            if head is not None and runs_in_openvino():
                head.write(temporary, backbone, size)
            else:
                fitted.build().save(temporary)

    return save


class FrozenOutputs:
    """The frozen backbone's outputs for the samples, followed by their augmented views; computed on first use."""

    def __init__(
        self, images: VersionImages, splits: list[Parts], resolved: ResolvedSpec, recorder: Recorder
    ) -> None:
        self._originals = images
        self._views = training_views(images, splits, resolved)
        self.backbone = get_backbone(resolved.backbone)
        self.size = resolved.image_size
        self.recorder = recorder
        self._outputs: dict[str | None, np.ndarray] = {}

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """Class probabilities at every position, from those of the samples, `(n, classes)`."""
        return targets if self._views is None else np.concatenate([targets, self._views.targets(targets)])

    def training_rows(self, train: np.ndarray) -> np.ndarray:
        """Positions of the training samples and of the views made only of them."""
        if self._views is None:
            return train
        return np.concatenate([train, len(self._originals) + np.flatnonzero(self._views.made_of(train))])

    def embeddings(self) -> np.ndarray:
        return self._output(None)

    def kept(self, recipe: Recipe, train: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
        """The features that the recipe keeps, `(d,)` boolean, fitted on training samples; None without such steps."""
        if not any(enabled_steps(recipe, "learnt")):
            return None
        embeddings = self.embeddings()[train]
        with self.recorder.timed("fit"):
            self.recorder.phase("selection of features")
            return features_kept(recipe, embeddings, labels[train])

    def activations(self, cut: str) -> np.ndarray:
        return self._output(cut)

    def network(self) -> "keras.Model":
        from core.models.networks import build_backbone

        return build_backbone(self.backbone, self.size)

    def untrained(self) -> "keras.Model":
        from core.models.networks import build_backbone

        return build_backbone(self.backbone, self.size, weights=False)

    def images(self) -> np.ndarray:
        """All images at the input size, `(n, size, size, 3)` uint8, followed by augmented views."""
        parts: list[Images] = [self._originals] if self._views is None else [self._originals, self._views]
        return np.concatenate([part.batch(range(len(part)), self.size) for part in parts])

    def _output(self, cut: str | None) -> np.ndarray:
        if cut not in self._outputs:
            with self.recorder.timed("embed"):
                self._outputs[cut] = self._compute(cut)
        return self._outputs[cut]

    def _compute(self, cut: str | None) -> np.ndarray:
        def note_engine(info: EmbeddingInfo) -> None:
            if not info.cached:
                self.recorder.note(f"Embeddings by {info.engine}: {info.reason}.")

        whole = cut in (None, LAYERS)
        self.recorder.phase("images through the backbone" if whole else "images up to the frozen boundary")
        originals = self._originals.outputs(self.backbone, self.size, cut, self.recorder.step, note_engine)
        if self._views is None:
            return originals
        self.recorder.phase("augmented images through the backbone")
        return np.concatenate([originals, embed(self._views, self.backbone, self.size, cut, self.recorder.step)])
