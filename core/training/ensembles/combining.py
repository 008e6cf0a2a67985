"""Training of a run that combines others: their weights, a model made of theirs, and its predictions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import joblib
import keras
import numpy as np
import pandas as pd
from keras import layers

from core.data.versions import load_rows, load_samples
from core.errors import DataError, InputError
from core.methods import backbones as own
from core.methods.combinations import COMBINATIONS, get_members
from core.methods.parts import parts_of, predictions_table
from core.models.estimators import TIES, Together, Vote
from core.models.heads import voting, weighted_mean
from core.schemas import DataRef, Kind, RunRecord
from core.store import files, runs
from core.store.datasets import get_dataset, get_version
from core.training.ensembles.mixture import mixture_weights
from core.training.recorder import Recorder
from core.training.result import Result
from core.training.version_images import VersionImages
from core.transfer.fitting.weighing import loss_and_accuracy, one_hot

BATCH = 64
Save = Callable[[Path], None]


def combine_runs(run: RunRecord, recorder: Recorder) -> Result:
    """Combine the runs in `run.spec.members` using the validation samples, and predict the test samples."""
    kind: Kind = "image" if run.spec.backbone else "table"
    result: Result = resolve_name(COMBINATIONS[run.spec.strategy].fit[kind])(Combining(run, recorder))
    return result


class Combining:
    """The members of a run, and the samples that choose and judge: `rows` are their places among the version's."""

    def __init__(self, run: RunRecord, recorder: Recorder) -> None:
        self.run, self.recorder = run, recorder
        self.ref = DataRef.parse(run.spec.data)
        self.members = get_members(run.spec.members, run.spec.strategy)
        self.version = get_version(self.ref)
        self.samples = load_samples(self.ref)
        (self.parts,) = parts_of(self.samples, 0, run.spec.seed)
        self.rows = np.concatenate([self.parts.validation, self.parts.test])
        index = {name: i for i, name in enumerate(self.version.classes)}
        self.truth = self.samples["label"].map(index).to_numpy(dtype="int64")[self.rows]
        self.choosing = slice(0, len(self.parts.validation))

    def voted_images(self) -> Result:
        """The weighted mean of the members' networks, each seeing the image at its own size."""
        weights = self._weights().tolist()
        return self._image_result(weighted_mean(self._networks(), weights, "vote"), {}, self._held_out(weights))

    def mean_of_images(self) -> Result:
        """The mean of the members' networks."""
        even = self._even()
        return self._image_result(weighted_mean(self._networks(), even, "mean"), {}, self._held_out(even))

    def majority_of_images(self) -> Result:
        """The share of the members' networks that name each class."""
        even, votes = self._even(), list(map(voting, self._networks()))
        return self._image_result(weighted_mean(votes, even, "majority"), {}, self._held_out(even, by_class=True))

    def averaged_images(self) -> Result:
        """A greedy soup: the members from the best on, each kept where the validation loss falls."""
        networks = [self._network(member) for member in self.members]
        weights = [network.get_weights() for network in networks]
        if len({tuple(w.shape for w in each) for each in weights}) > 1:
            raise InputError("The runs' networks do not have the same layers.", "Choose voting, which combines any.")
        images, truth = self._images(self.rows[self.choosing]), self.truth[self.choosing]
        soup = networks[0]

        def loss(mean: Sequence[np.ndarray]) -> float:
            soup.set_weights(mean)
            found = soup.predict(images, batch_size=BATCH, verbose=0)
            return loss_and_accuracy(found, one_hot(truth, len(self.version.classes)))["loss"]

        self.recorder.phase("validation images through each network", len(weights))
        alone = []
        for i, each in enumerate(weights, start=1):
            alone.append(loss(each))
            self.recorder.step(i, len(weights))
        order = np.argsort(alone).tolist()
        kept, best = [order[0]], alone[order[0]]
        for place in order[1:]:
            tried = loss(_mean_weights([weights[i] for i in [*kept, place]]))
            if tried <= best:
                kept, best = [*kept, place], tried
        soup.set_weights(_mean_weights([weights[i] for i in kept]))
        names = ", ".join(f"“{self.members[i].name}”" for i in kept)
        self.recorder.note(f"The mean of {len(kept)} of {len(weights)} networks: {names}.")
        if len(kept) == 1:
            self.recorder.note("No mean of weights was better on the validation images than the best run alone.")
        return self._image_result(soup, {"averaged": float(len(kept))})

    def voted_rows(self) -> Result:
        """The weighted mean of the members' learners with their preparations, in one."""
        return self._rows_result(self._weights().tolist())

    def mean_of_rows(self) -> Result:
        """The mean of the members' learners."""
        return self._rows_result(self._even())

    def majority_of_rows(self) -> Result:
        """The share of the members' learners that name each class."""
        return self._rows_result(self._even(), by_class=True)

    def _rows_result(self, weights: list[float], by_class: bool = False) -> Result:
        loaded = [_load_member(runs.run_folder(member.id)) for member in self.members]
        cells, _ = load_rows(self.ref, cells=True)
        prepared = [preparation.transform(cells.cells.iloc[self.rows]) for preparation, _ in loaded]
        vote = Vote(
            [learner for _, learner in loaded],
            [part.shape[1] for part in prepared],
            weights,
            len(self.version.classes),
            by_class,
        )
        together = Together([preparation for preparation, _ in loaded])

        def save(folder: Path) -> None:
            joblib.dump(together, folder / "preparation.joblib")
            joblib.dump(vote, folder / "model.joblib", compress=3)

        return self._result(vote.predict_proba(np.concatenate(prepared, axis=1)), {}, save)

    def _even(self) -> list[float]:
        return [1 / len(self.members)] * len(self.members)

    def _networks(self) -> list[keras.Model]:
        """The members' networks, all for images of the run's size."""
        size = self.run.spec.image_size
        loaded = [self._network(member) for member in self.members]
        return [_at_size(network, size, f"member_{i}") for i, network in enumerate(loaded, start=1)]

    def _network(self, member: RunRecord) -> keras.Model:
        network: keras.Model = keras.models.load_model(runs.run_folder(member.id) / own.NETWORK, compile=False)
        return network

    def _weights(self) -> np.ndarray:
        """The weight of each member, from its predictions on the validation samples."""
        found = mixture_weights(self._validation(), self.truth[self.choosing])
        said = ", ".join(f"{m.name} {w:.2f}" for m, w in zip(self.members, found, strict=True))
        self.recorder.note(f"Weights found on the validation samples: {said}.")
        return found

    def _validation(self) -> np.ndarray:
        """What the members said of the validation samples, `(members, n, classes)`."""
        columns = [f"p:{name}" for name in self.version.classes]
        return np.stack([self._validation_of(member)[columns].to_numpy() for member in self.members])

    def _held_out(self, weights: list[float], by_class: bool = False) -> np.ndarray:
        """What the ensemble says of the validation samples, from what its members said, `(n, classes)`.

        Their networks may have learnt from these samples after they were predicted out of fold.
        """
        said = self._validation()
        if by_class:
            said = (1 - TIES) * np.eye(said.shape[2])[said.argmax(axis=2)] + TIES * said
        return np.asarray(np.tensordot(weights, said, 1))

    def _validation_of(self, member: RunRecord) -> pd.DataFrame:
        table = runs.read_predictions(member.id).query("part == 'validation'").set_index("id")
        ids = self.samples["id"].iloc[self.parts.validation]
        if not set(ids) <= set(table.index):
            raise DataError(
                f"“{member.name}” has no predictions for some of the validation samples.",
                "Train it again, or leave it out.",
            )
        return table.loc[ids]

    def _images(self, rows: np.ndarray) -> np.ndarray:
        size = self.run.spec.image_size
        images = VersionImages(get_dataset(self.ref.dataset), self.samples.iloc[rows].reset_index(drop=True))
        return images.batch(range(len(images)), size).astype("float32")

    def _image_result(
        self, network: keras.Model, facts: dict[str, float], held_out: np.ndarray | None = None
    ) -> Result:
        """Predictions are those of the combined network, so that the saved model gives the same.

        Those of the validation samples are `held_out`, if given.
        """
        self.recorder.phase("images through the ensemble")
        found = np.empty((len(self.rows), len(self.version.classes)))
        for start in range(0, len(self.rows), BATCH):
            here = slice(start, start + BATCH)
            found[here] = network.predict_on_batch(self._images(self.rows[here]))
            self.recorder.step(min(start + BATCH, len(self.rows)), len(self.rows))

        if held_out is not None:
            found[self.choosing] = held_out

        def save(folder: Path) -> None:
            files.write_text(folder / own.RECORD, own.base_backbone(self.members[0]).model_dump_json(indent=1))
            with files.atomic_file(folder / own.NETWORK) as temporary:
                network.save(temporary)

        return self._result(found, facts, save)

    def _result(self, found: np.ndarray, facts: dict[str, float], save: Save) -> Result:
        chosen = loss_and_accuracy(
            found[self.choosing], one_hot(self.truth[self.choosing], len(self.version.classes))
        )
        facts = {"validation_loss": chosen["loss"], "validation_accuracy": chosen["accuracy"]} | facts
        table = predictions_table(self.samples, self.rows, self.parts, found, self.version.classes)
        return Result(predictions=table, classes=self.version.classes, facts=[facts], save=save)


def _at_size(network: keras.Model, size: int, name: str) -> keras.Model:
    """The network under another name for images of `size`, which are scaled to its own where that differs."""
    image = keras.Input((size, size, 3))
    wanted = int(network.input_shape[1])
    seen = image if wanted == size else layers.Resizing(wanted, wanted, antialias=True)(image)
    return keras.Model(image, keras.Model(network.input, network.output, name=f"{name}_network")(seen), name=name)


def _mean_weights(each: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.mean(layer, axis=0) for layer in zip(*each, strict=True)]


def _load_member(folder: Path) -> tuple[Any, Any]:
    """A run's preparation and learner."""
    network = folder / own.NETWORK
    learner = (
        keras.models.load_model(network, compile=False) if network.exists() else joblib.load(folder / "model.joblib")
    )
    return joblib.load(folder / "preparation.joblib"), learner
