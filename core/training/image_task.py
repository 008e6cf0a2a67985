"""Training on images: embeddings from the cache, then the strategy, once or once a fold."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.data.images import ImageStore
from core.data.versions import load_samples
from core.models.catalogue import Backbone, get_backbone
from core.models.embedding import cached_embedding, embed
from core.schemas import DataRef, ImportRecord, RunRecord
from core.store import files
from core.store.datasets import get_dataset, get_version, import_folder
from core.training.parts import parts_of, predictions
from core.training.recorder import Recorder
from core.training.result import Result
from core.training.views import Views
from core.transfer.problem import Fitted, Problem
from core.transfer.strategies import get_strategy

if TYPE_CHECKING:
    import keras


def train_images(run: RunRecord, recorder: Recorder) -> Result:
    """Train a run on images and return its predictions and a way to save its network."""
    spec = run.spec
    ref = DataRef.parse(spec.data)
    version = get_version(ref)
    samples = load_samples(ref)
    assert spec.backbone and spec.strategy and spec.image_size
    strategy = get_strategy(spec.strategy)
    index = {name: i for i, name in enumerate(version.classes)}
    labels = samples["label"].map(index).to_numpy(dtype="int64")
    splits = list(parts_of(samples, spec.folds, spec.seed))
    learnt_from = np.unique(np.concatenate([parts.train for parts in splits]))
    source = _Source(run.dataset, samples, get_backbone(spec.backbone), spec.image_size, recorder)
    if spec.augmentation and spec.views:
        source.views = Views(source.originals, learnt_from, spec.views, spec.augmentation, spec.seed)
    labels = labels[source.positions]

    tables: list[pd.DataFrame] = []
    facts: list[dict[str, float]] = []
    fitted: Fitted | None = None
    for parts in splits:
        recorder.prefix = f"fold {parts.fold} of {spec.folds}" if parts.fold else ""
        judged = np.concatenate([parts.validation, parts.test]) if not parts.fold else parts.test
        problem = Problem(
            spec=spec,
            classes=version.classes,
            labels=labels,
            train=np.flatnonzero(np.isin(source.positions, parts.train)),
            validation=parts.validation,
            n_train=len(parts.train),
            judged=judged,
            embeddings=source.embeddings,
            activations=source.activations,
            images=source.images,
            features=source.backbone.features,
            network=source.network,
            untrained=source.untrained,
            recorder=recorder,
        )
        with recorder.timed("fit"):
            fitted = strategy.run(problem)
        tables.append(predictions(samples, judged, parts, fitted.probabilities, version.classes))
        facts.append(fitted.facts)
    recorder.prefix = ""
    assert fitted is not None
    return Result(
        predictions=pd.concat(tables, ignore_index=True),
        classes=version.classes,
        facts=facts,
        save=None if spec.folds else _saver(fitted.build),
    )


def _saver(build: "Callable[[], keras.Model]") -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        model = build()
        with files.atomic(folder / "model.keras") as temporary:
            model.save(temporary)

    return save


class _Source:
    """What the frozen backbone says about the samples, in their order, computed when first asked for."""

    def __init__(
        self, dataset: str, samples: pd.DataFrame, backbone: Backbone, size: int, recorder: Recorder
    ) -> None:
        self.dataset = dataset
        self.samples = samples
        self.backbone = backbone
        self.size = size
        self.recorder = recorder
        self.views: Views | None = None
        self._outputs: dict[str | None, np.ndarray] = {}

    @property
    def positions(self) -> np.ndarray:
        """The sample behind every position: the samples themselves, then their augmented views."""
        samples = np.arange(len(self.samples))
        return samples if self.views is None else np.concatenate([samples, self.views.positions])

    def embeddings(self) -> np.ndarray:
        return self._output(None)

    def activations(self, cut: str) -> np.ndarray:
        return self._output(cut)

    def network(self) -> "keras.Model":
        from core.models.efficientnet_lite import build_backbone

        return build_backbone(self.backbone, self.size)

    def untrained(self) -> "keras.Model":
        from core.models.efficientnet_lite import build_backbone

        return build_backbone(self.backbone, self.size, weights=False)

    def images(self) -> np.ndarray:
        """All images at the input size, `(n, size, size, 3)` uint8, augmented views behind."""
        found = self.originals(np.arange(len(self.samples)), self.size)
        if self.views is None:
            return found
        return np.concatenate([found, self.views.batch(np.arange(len(self.views)), self.size)])

    def originals(self, positions: np.ndarray, size: int) -> np.ndarray:
        """The samples' own images, `(len(positions), size, size, 3)` uint8."""
        found = np.empty((len(positions), size, size, 3), dtype="uint8")
        rows = self.samples["row"].to_numpy()
        for store, _, here in self._stores():
            mine = np.flatnonzero(np.isin(positions, here))
            found[mine] = store.batch(rows[positions[mine]], size)
        return found

    def _stores(self) -> Iterator[tuple[ImageStore, ImportRecord, np.ndarray]]:
        """Each import that samples come from, with their positions."""
        for record in get_dataset(self.dataset).imports:
            here = np.flatnonzero((self.samples["import_number"] == record.number).to_numpy())
            if len(here):
                yield ImageStore(import_folder(self.dataset, record.number)), record, here

    def _output(self, cut: str | None) -> np.ndarray:
        if cut not in self._outputs:
            with self.recorder.timed("embed"):
                self._outputs[cut] = self._compute(cut)
        return self._outputs[cut]

    def _compute(self, cut: str | None) -> np.ndarray:
        """Output for every sample, from one cache entry an import, picked in the samples' order."""
        self.recorder.phase("images through the backbone" if cut is None else "images up to the frozen boundary")
        found: np.ndarray | None = None
        for store, record, here in self._stores():
            output, info = cached_embedding(
                store, record.content_hash, self.backbone, self.size, cut=cut, progress=self.recorder.step
            )
            if not info.cached:
                self.recorder.note(f"Embeddings by {info.engine}: {info.reason}.")
            if found is None:
                found = np.empty((len(self.samples), *output.shape[1:]), dtype="float32")
            found[here] = output[self.samples["row"].to_numpy()[here]]
        assert found is not None
        if self.views is None:
            return found
        self.recorder.phase("augmented images through the backbone")
        return np.concatenate([found, embed(self.views, self.backbone, self.size, cut, self.recorder.step)])
