"""A finished run's model, loaded to predict. Only workers use it, for it may import Keras."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd

from core.data.findings.label_errors import normalize_embeddings
from core.data.tables.readings import import_reading
from core.data.tables.schema import Schema, load_schema
from core.data.versions import load_rows, load_samples
from core.embedding.engines import Engine, Images, Progress, choose_engine, runs_in_openvino
from core.embedding.prepared import LAYERS
from core.errors import GraftError
from core.evaluation.calibration import validation_scaling
from core.evaluation.scores import classes_of
from core.inference.predicting import novelty, rows
from core.methods import backbones as own
from core.methods.strategies import trains_network
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version, import_folder
from core.store.predictors import check_model
from core.training.version_images import VersionImages
from core.transfer.fitting.linear import Head, LayersHead, SoftmaxHead, load_head

if TYPE_CHECKING:
    import keras

BATCH = 64
LARGE_BATCH = 1024
KNOWN = ("train", "validation")  # the parts that a model and its scaling have seen


class Model:
    """What image and table models share: the run, its classes in order, its scaling, and the samples it knows.

    `scaling` calibrates probabilities; it is None where there is none, `uncalibrated` then says why. `ids` are those
    of the samples in `reference`, which is None where it cannot be had, and `unjudged` says why.
    """

    def __init__(self, run: RunRecord) -> None:
        predictions = runs.read_predictions(run.id)
        self.run = run
        self.folder = runs.run_folder(run.id)
        self.classes: tuple[str, ...] = tuple(classes_of(predictions))
        self.scaling, self.uncalibrated = validation_scaling(predictions[predictions["part"] == "validation"])
        self.reference: novelty.Reference | None = None
        self.unjudged = ""
        self.ids = np.empty(0, dtype=object)

    def _learn_known(self) -> None:
        """Fit `reference`; without it if the dataset, version or backbone has been deleted."""
        try:
            x, samples = self._known()
        except GraftError as error:
            self.unjudged = f"What is unlike the training data cannot be told: {error.message}"
            return
        self.reference = novelty.fit_reference(x, samples["group"].to_numpy())
        self.unjudged = self.reference.reason
        self.ids = samples["id"].to_numpy(dtype=object)

    def _known(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Vectors of the samples that the run knows, `(m, d)`, and their rows of `load_samples`."""
        raise NotImplementedError

    def _known_samples(self) -> np.ndarray:
        """Positions, among the version's samples, of those that the run knows, `novelty.LARGEST` at most."""
        samples = load_samples(_data(self.run))
        places = np.flatnonzero(samples["part"].isin(KNOWN))
        return np.sort(np.random.default_rng(0).permutation(places)[: novelty.LARGEST])


class ImageModel(Model):
    """A network from pixels to probabilities, and its pretrained backbone, whose embeddings detect OOD images.

    Where a head was solved and nothing else learnt, OpenVINO computes both, without Keras.
    """

    def __init__(self, run: RunRecord) -> None:
        super().__init__(run)
        self.size = run.spec.image_size
        self._engine: Any = None
        self._seen: Any = None
        self._learn_known()
        self._head: Head | None = None
        # Without its backbone, which may have been deleted, the run's own file still holds the whole network.
        if self._engine and "l2" in run.metrics and not trains_network(run.spec) and runs_in_openvino():
            self._head = load_head(self.folder / own.NETWORK)
            of_layers = isinstance(self._head, LayersHead)
            self._seen = choose_engine(own.base_backbone(run), self.size, LAYERS) if of_layers else self._engine

    @cached_property
    def network(self) -> "keras.Model":
        import keras

        return keras.models.load_model(self.folder / own.NETWORK, compile=False)

    def _known(self) -> tuple[np.ndarray, pd.DataFrame]:
        backbone = own.base_backbone(self.run)
        samples = load_samples(_data(self.run)).iloc[self._known_samples()].reset_index(drop=True)
        found = VersionImages(get_dataset(self.run.dataset), samples).outputs(backbone, self.size)
        self._engine = choose_engine(backbone, self.size)
        return normalize_embeddings(found), samples

    def probabilities(self, images: Images, progress: Progress | None = None) -> np.ndarray:
        """As trained, `(n, classes)`."""
        if self._head:
            return self._head.predict_proba(self._through(self._seen, images, progress))
        found = np.empty((len(images), len(self.classes)))
        for start in range(0, len(images), BATCH):
            batch = range(start, min(start + BATCH, len(images)))
            found[batch.start : batch.stop] = self.network.predict_on_batch(
                images.batch(batch, self.size).astype("float32")
            )[: len(batch)]
            if progress:
                progress(batch.stop, len(images))
        return found

    def judged(self, images: Images, progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Probabilities and, where there is a reference, vectors, in one pass where both come from the embedding."""
        if isinstance(self._head, SoftmaxHead):
            embeddings = self._through(self._engine, images, progress)
            return self._head.predict_proba(embeddings), normalize_embeddings(embeddings) if self.reference else None
        return self.probabilities(images, progress), self.vectors(images) if self.reference else None

    def vectors(self, images: Images) -> np.ndarray:
        """Embeddings of the pretrained backbone, squashed, `(n, d)`."""
        return normalize_embeddings(self._through(self._engine, images))

    def _through(self, engine: Engine, images: Images, progress: Progress | None = None) -> np.ndarray:
        out = np.empty((len(images), *engine.shape), "float32")
        engine.embed_into(images, self.size, out, progress)
        return out


class TableModel(Model):
    """A learner of tables with the run's own preparation."""

    def __init__(self, run: RunRecord) -> None:
        super().__init__(run)
        self.preparation = joblib.load(self.folder / "preparation.joblib")
        network = self.folder / own.NETWORK
        self.learner: Any
        if network.exists():
            import keras

            self.learner = keras.models.load_model(network, compile=False)
        else:
            self.learner = joblib.load(self.folder / "model.joblib")
        dataset = get_dataset(run.dataset)
        version = get_version(_data(run))
        first = import_folder(dataset.id, version.imports[0])
        self.schema: Schema = load_schema(first)
        self.reading = import_reading(first)
        self.recipe = version.recipe
        self.trained_on = pd.DataFrame()
        self._learn_known()

    def _known(self) -> tuple[np.ndarray, pd.DataFrame]:
        every, _ = load_rows(_data(self.run), cells=True)
        self.trained_on = every.cells[(every.samples["part"] == "train").to_numpy()]
        places = self._known_samples()
        return self.preparation.transform(every.cells.iloc[places]), every.samples.iloc[places]

    def take(self, path: Path, allow_unreadable: bool = False) -> tuple[rows.Rows, pd.DataFrame, tuple[str, ...]]:
        """The rows of a file, their cells after the recipe's steps, and notes on how they were read."""
        given = rows.read_rows(path, self.schema, self.reading, allow_unreadable)
        cells, notes = rows.clean_rows(
            given, self.recipe, {str(name): column for name, column in self.trained_on.items()}
        )
        return given, cells, (*given.notes, *notes)

    def vectors(self, cells: pd.DataFrame) -> np.ndarray:
        """The rows as the learner sees them, `(n, columns)`."""
        prepared: np.ndarray = self.preparation.transform(cells)
        return prepared

    def probabilities(self, prepared: np.ndarray) -> np.ndarray:
        """As trained, `(n, classes)`; a class that the training rows lack gets 0."""
        if not hasattr(self.learner, "predict_proba"):
            found: np.ndarray = self.learner.predict(prepared, batch_size=LARGE_BATCH, verbose=0)
            return found.astype("float64")
        full = np.zeros((len(prepared), len(self.classes)))
        full[:, self.learner.classes_] = self.learner.predict_proba(prepared)
        return full


def _data(run: RunRecord) -> DataRef:
    return DataRef(dataset=run.dataset, version=run.version)


def load_model(run_id: str) -> ImageModel | TableModel:
    """The run's model; the one used last stays in memory. `InputError` when the run cannot predict."""
    run = runs.get_run(run_id)
    check_model(run)
    return _load_cached(run.id, bool(run.spec.backbone))


@lru_cache(maxsize=1)
def _load_cached(run_id: str, of_images: bool) -> ImageModel | TableModel:
    run = runs.get_run(run_id)
    return ImageModel(run) if of_images else TableModel(run)
