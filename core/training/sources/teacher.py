"""A run's network as the teacher of another run."""

import numpy as np

from core.evaluation.scores import classes_of
from core.methods import backbones as own
from core.schemas import RunRecord, VersionRecord
from core.store import runs
from core.training.recorder import Recorder
from core.training.version_images import VersionImages
from core.transfer.fitting.problem import Teacher

BATCH = 64


def make_teacher(run: RunRecord, images: VersionImages, version: VersionRecord, recorder: Recorder) -> Teacher:
    """The run as a teacher: cached embeddings, and probabilities in the version's order of classes."""
    if run.dataset == version.dataset and run.version != version.id:
        recorder.note(
            f"The teacher “{run.name}” was trained on another version of these data: it may have learnt from images"
            " that are tested here."
        )
    backbone, size = own.backbone_of_run(run), run.spec.image_size

    def embeddings() -> np.ndarray:
        recorder.phase("images through the teacher")
        return images.outputs(backbone, size, None, recorder.step)

    def probabilities() -> np.ndarray:
        import keras

        recorder.phase("images through the teacher")
        network = keras.models.load_model(runs.run_folder(run.id) / own.NETWORK, compile=False)
        found = []
        for start in range(0, len(images), BATCH):
            rows = np.arange(start, min(start + BATCH, len(images)))
            found.append(network.predict_on_batch(images.batch(rows, size).astype("float32")))
            recorder.step(int(rows[-1]) + 1, len(images))
        known = list(classes_of(runs.read_predictions(run.id)))
        shares = np.concatenate(found)[:, [known.index(name) for name in version.classes]]
        scaled: np.ndarray = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
        return scaled

    return Teacher(probabilities, embeddings)
