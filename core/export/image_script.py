"""The text of the script that repeats a run on images: its sections, with the run's own settings filled in."""

import json
from typing import TYPE_CHECKING

from core.data.cleaning.recipe import enabled_steps
from core.errors import DataError
from core.export.sections import FIT, Section, evaluation_section, fit_values
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, ResolvedSpec, RunRecord
from core.store.datasets import get_version
from core.store.runs import run_folder

if TYPE_CHECKING:
    import keras

BESIDE = (
    "Beside this file lie the images (data/, with label and part of each in data/samples.csv), the pretrained network"
    " as it was before any training (backbone.keras: RGB images of 0 to 255 to embeddings) and what the run predicted"
    " for its test images (predictions.csv). At the end stands on how many of them this script says the same."
)


def script_obstacle(run: RunRecord) -> str:
    """Why a run on images cannot be written as a script; "" when it can."""
    strategy = STRATEGIES.get(run.spec.strategy)
    if strategy is None or not strategy.stages:
        title = strategy.title if strategy else "This strategy"
        written = ", ".join(s.title.lower() for s in STRATEGIES.values() if s.stages)
        return f"{title} is not written as a script, only {written}."
    if run.spec.augmentation:
        return "Augmented copies are drawn by layers of Graft's own, which a plain script does not have."
    if any(enabled_steps(get_version(DataRef(dataset=run.dataset, version=run.version)).recipe, "learnt")):
        return "The recipe selects features of the embedding, which a plain script does not do."
    if strategy.solved and "l2" not in run.metrics:
        return "An earlier version of Graft trained the head of this run in another way. Train it again."
    return ""


def image_sections(run: RunRecord, classes: list[str], n_train: int, cut: str) -> list[Section]:
    """The script, from settings to the last line.

    Args:
        n_train: number of training images.
        cut: the layer behind which the network is fine-tuned; "" for a linear probe.
    """
    spec, stages = run.spec, STRATEGIES[run.spec.strategy].stages
    seen, learnt = ("activations", "tuned") if cut else ("embeddings", "head")
    solved = STRATEGIES[spec.strategy].solved
    penalty = "            kernel_regularizer=keras.regularizers.L2(L2 / enough),"
    values = fit_values(spec) | {
        "seed": spec.seed,
        "classes": classes,
        "size": spec.image_size,
        "dropout": f"DROPOUT = {spec.dropout}" if cut else "",
        "drop": "        keras.layers.Dropout(DROPOUT, seed=SEED)," if cut else "",
        "l2": run.metrics["l2"] if solved else spec.l2,
        "penalty": penalty if cut else "",
        "learnt": "train" if cut else "np.concatenate([train, validation])",
        "of_class": _OF_CLASS[spec.class_weights],
        "tail_fit": _tail_fit(spec, n_train) if cut else "",
        "cut": f'CUT = "{cut}"  # everything behind this layer is fine-tuned' if cut else "",
        "embeddings": 'through(backbone, "embeddings")' if cut else "through(backbone)",
        "remember": _REMEMBER if len(stages) > 1 else "",
        "key": "file",
        "probabilities": f"probabilities = {learnt}.predict({seen}[test], verbose=0)\n"
        'keras.Model(backbone.input, head(backbone.output)).save(HERE / "model.keras")',
    }
    tune = _TUNE_IN_HALF if _in_bfloat16(run) else _TUNE
    head = [_SOLVE_HEAD] if solved else []
    tail = [_CUT, tune] if "last blocks" in stages else []
    guard = [_GUARD] if len(stages) > 1 else []
    backbone = _BACKBONE_KEPT if tail else _BACKBONE
    fit = [FIT] if tail else []
    settings = _SETTINGS if tail else _SETTINGS.model_copy(update={"text": "Those of the run."})
    parts = [settings, _DATA, backbone, *fit, _HEAD, *head, *tail, *guard, evaluation_section("images")]
    return [section.filled(values) for section in parts]


def cut_layer(spec: ResolvedSpec, backbone: "keras.Model") -> tuple[str, str]:
    """The block at whose end the strategy cuts its backbone, and the layer that it ends in; "" where it cuts none."""
    from core.models.networks import network_blocks

    if "last blocks" not in STRATEGIES[spec.strategy].stages:
        return "", ""
    parts = network_blocks(backbone)
    block = parts[max(0, len(parts) - 1 - spec.unfreeze)]
    layer: str | None = next((layer.name for layer in backbone.layers if layer.output is block.end), None)
    if layer is None:
        raise DataError(
            "The place where this network is cut is no layer of it, so that a script cannot name it.",
            "Take the Keras file.",
        )
    return block.name, layer


def _tail_fit(spec: ResolvedSpec, n_train: int) -> str:
    from core.transfer.parameters.tail import SMALLEST_BATCH, STEPS

    # Smaller batches on small data: with few steps an epoch nothing would have moved at the end.
    size = min(spec.batch_size, max(SMALLEST_BATCH, n_train // STEPS))
    return (
        f"TUNING_FIT = dict(epochs={spec.fine_tune_epochs}, batch_size={size}, rate={spec.fine_tune_learning_rate},"
        f" patience={max(4, spec.fine_tune_epochs // 3)})"
    )


def _in_bfloat16(run: RunRecord) -> bool:
    """Whether fine-tuning computed in bfloat16: on request, or because a measurement found it faster."""
    if run.spec.precision != "auto":
        return run.spec.precision == "bfloat16"
    path = run_folder(run.id) / "metrics.json"
    decisions = json.loads(path.read_text("utf-8")).get("decisions") if path.exists() else None
    if decisions is None:  # a run of version 0.1 has only the note
        return any(note.startswith("Trained in bfloat16") for note in run.notes)
    return bool(decisions.get("precision", ["float32"])[0] == "bfloat16")


_SETTINGS = Section(
    title="Settings",
    text="Those of the run. A learning rate falls from its value here while training goes on; with so many epochs"
    " (the patience) without a better one, training ends.",
    code="""
import math
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from PIL import Image

HERE = Path(__file__).parent
CLASSES = $classes
SEED = $seed
SIZE = $size  # pixels, height and width at which the network sees an image
$dropout
L2 = $l2  # images worth n give the new layer's weights W the penalty L2 / n · ‖W‖²
$tail_fit
$cut

keras.utils.set_random_seed(SEED)
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # equal seeds, equal weights
""",
)

_DATA = Section(
    title="The images and their parts",
    text="Training images teach, validation images choose what is kept, test images judge. Copies of one image are"
    " all in the same part. Each image is scaled to the square, whatever its proportions.",
    code='''
samples = pd.read_csv(HERE / "data" / "samples.csv", dtype=str, keep_default_na=False)
train, validation, test = (
    np.flatnonzero(samples["part"] == part) for part in ("train", "validation", "test")
)
labels = samples["label"].map(CLASSES.index).to_numpy()
targets = np.eye(len(CLASSES), dtype="float32")[labels]


def images(rows):
    """RGB images of 0 to 255, (n, SIZE, SIZE, 3)."""
    opened = (Image.open(HERE / "data" / name) for name in samples["file"].iloc[rows])
    scaled = [image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR) for image in opened]
    return np.stack([np.asarray(image, dtype="float32") for image in scaled])
''',
)

_BACKBONE = Section(
    title="The pretrained network",
    text="Trained on another, larger set. What it makes of an image does not change while it is frozen, so that"
    " every image goes through it once, not once an epoch.",
    code='''
backbone = keras.saving.load_model(HERE / "backbone.keras", compile=False)


def through(network, batch=32):
    """What a frozen network makes of every image, in the order of `samples`."""
    starts = range(0, len(samples), batch)
    return np.concatenate([network.predict_on_batch(images(slice(i, i + batch))) for i in starts])
''',
)

_BACKBONE_KEPT = Section(
    title=_BACKBONE.title,
    text=f"{_BACKBONE.text} What came with this script was computed by the run; delete the .npy files to compute it"
    " anew. The seventh digits then differ, which fine-tuning enlarges.",
    code='''
backbone = keras.saving.load_model(HERE / "backbone.keras", compile=False)


def through(network, name, batch=32):
    """What a frozen network makes of every image, in the order of `samples`; kept in NAME.npy."""
    path = HERE / f"{name}.npy"
    if not path.exists():
        starts = range(0, len(samples), batch)
        np.save(path, np.concatenate([network.predict_on_batch(images(slice(i, i + batch))) for i in starts]))
    return np.load(path)
''',
)

_HEAD = Section(
    title="The new layer",
    text="A softmax regression on embeddings. These are squashed and scaled to one length first: large components,"
    " which speak of a few patterns seen strongly, would otherwise drown the rest.",
    code="""
features = backbone.output.shape[-1]
head = keras.Sequential(
    [
        keras.Input((features,)),
        keras.layers.Activation("tanh"),
        keras.layers.UnitNormalization(),
        keras.layers.Rescaling(math.sqrt(features)),
$drop
        keras.layers.Dense(
            len(CLASSES),
            activation="softmax",
            dtype="float32",
            kernel_initializer=keras.initializers.GlorotUniform(SEED),
$penalty
        ),
    ],
    name="head",
)
""",
)

_OF_CLASS = {
    "balanced": "np.divide(len(learnt), (counts > 0).sum() * counts, out=0 * counts, where=counts > 0)",
    "none": "np.ones(len(CLASSES))",
}
_SOLVE_HEAD = Section(
    title="Solve the new layer",
    text="The network itself stays as it was pretrained (Alain and Bengio 2016). The loss has a single"
    " minimum, which scikit-learn finds. The penalty L2 was chosen by cross-validation on the same images.",
    code="""
from sklearn.linear_model import LogisticRegression

embeddings = $embeddings
learnt = $learnt
counts = targets[learnt].sum(axis=0)
of_class = $of_class  # the weight of a sample of each class
counted = of_class[labels[learnt]]
worth = counted.sum() ** 2 / (counted**2).sum()  # images of equal weight that tell as much (Kish 1965)
two = len(CLASSES) == 2  # scikit-learn then shrinks one vector, the difference of ours
C = worth / len(learnt) / (2 * L2) * (2 if two else 1)  # it sums the loss, where ours is a mean
squashed = keras.Sequential([layer for layer in head.layers if not layer.weights]).predict(embeddings, verbose=0)
solved = LogisticRegression(C=C, tol=1e-8, max_iter=5000)
solved.fit(squashed[learnt], labels[learnt], sample_weight=counted)
kernel, bias = solved.coef_.T, solved.intercept_
if two:
    kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
head.layers[-1].set_weights([kernel, bias])
""",
)

_CUT = Section(
    title="Cut the network in two",
    text="The first part stays frozen, so its output is computed once; the last blocks are to be trained. Batch"
    " normalisation keeps its statistics: a small set would ruin them. In Keras 3 only `trainable = False` on each"
    " such layer holds them, `training=False` in the call does not.",
    code="""
cut = backbone.get_layer(CUT).output
frozen, last_blocks = keras.Model(backbone.input, cut), keras.Model(cut, backbone.output)
activations = through(frozen, "activations")

for layer in backbone.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
tuned = keras.Sequential([keras.Input(activations.shape[1:]), last_blocks, head])
""",
)

_TUNE = Section(
    title="Train the last blocks",
    text="Together with the new layer, at a low rate: what was learnt on the larger set is to be adapted, not lost.",
    code="""
$remember
fit(tuned, activations, **TUNING_FIT)
""",
)

_TUNE_IN_HALF = Section(
    title="Train the last blocks",
    text=f"{_TUNE.text} The run computed in bfloat16, its weights in float32; the softmax layer, whose probabilities"
    " would be coarse, stays in float32 throughout.",
    code="""
$remember
in_half = [tuned, last_blocks, head, *last_blocks.layers, *head.layers[:-1]]
for layer in in_half:
    layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
fit(tuned, activations, **TUNING_FIT)
for layer in in_half:
    layer.dtype_policy = keras.DTypePolicy("float32")
tuned.make_predict_function(force=True)
""",
)

_REMEMBER = """
def validation_loss():
    p = tuned.predict(activations[validation], verbose=0)[np.arange(len(validation)), labels[validation]]
    return -np.log(np.clip(p, 1e-7, 1)).mean()


weights_before, loss_before = [w.copy() for w in tuned.get_weights()], validation_loss()""".strip()

_GUARD = Section(
    title="Keep whichever is better",
    text="On few images fine-tuning can do harm. The validation images tell.",
    code="""
if validation_loss() > loss_before:
    tuned.set_weights(weights_before)
    print("Fine-tuning was worse on the validation images, so it was undone.")
""",
)
