"""The text of the script that repeats a run on a table: its sections, with the run's own settings filled in."""

from pkgutil import resolve_name

from core.export.sections import FIT, Section, evaluation_section, fit_values
from core.methods.learners import get_learner
from core.schemas import ResolvedSpec, RunRecord

BESIDE = (
    "Beside this file lie the rows as the learner sees them (prepared.csv: every column made a number by the steps of"
    " the recipe, which were fitted on training rows; with part and label of each row) and what the run predicted for"
    " its test rows (predictions.csv). At the end stands on how many of them this script says the same."
)


def script_obstacle(run: RunRecord) -> str:
    """Why a run on a table cannot be written as a script; "" when it can."""
    if not get_learner(run.spec.learner).script:
        return "This learner is not written as a script."
    if run.spec.source:
        return "The network was trained on another table before, which a script does not repeat."
    return ""


def table_sections(run: RunRecord, classes: list[str]) -> list[Section]:
    """The script, from settings to the last line."""
    spec, learner = run.spec, get_learner(run.spec.learner)
    by_epochs = "epochs" in learner.uses
    values = fit_values(spec) | {
        "seed": spec.seed,
        "classes": classes,
        "key": "row",
        "judged": _JUDGED_BY[spec.class_weights],
        "monitored": _MONITORED[spec.monitor][0],
        "loss_of": _MONITORED[spec.monitor][1],
        "balance": '"balanced"' if spec.class_weights == "balanced" else None,
        "trees": spec.trees,
        "dropout": spec.dropout,
        "l2": spec.l2,
        "network_fit": _network_fit(spec) if by_epochs else "",
        "probabilities": "probabilities = model.predict(x[test], batch_size=1024, verbose=0)"
        if by_epochs
        else "probabilities = probabilities_of(best, test)",
    }
    parts: list[Section] = [*resolve_name(learner.script), evaluation_section("rows")]
    return [section.filled(values) for section in parts]


def _network_fit(spec: ResolvedSpec) -> str:
    return (
        f"FIT = dict(epochs={spec.epochs}, batch_size={spec.batch_size}, rate={spec.learning_rate},"
        f" patience={max(8, spec.epochs // 5)})"
    )


_NETWORK_SETTINGS = Section(
    title="Settings",
    text="Those of the run. A learning rate falls from its value here while training goes on; with so many epochs"
    " (the patience) without a better one, training ends.",
    code="""
import math
from pathlib import Path

import keras
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
CLASSES = $classes
SEED = $seed
DROPOUT = $dropout
L2 = $l2  # training rows worth n give weights W the penalty L2 / n · ‖W‖²
$network_fit

keras.utils.set_random_seed(SEED)
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # equal seeds, equal weights
""",
)

_SETTINGS = Section(
    title="Settings",
    text="Those of the run.",
    code="""
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
CLASSES = $classes
SEED = $seed
""",
)

_DATA = Section(
    title="The rows and their parts",
    text="Training rows teach, validation rows choose among candidates or epochs, test rows judge. The weight says"
    " how much a row counts while learning; rows that a step made have no number.",
    code="""
samples = pd.read_csv(
    HERE / "prepared.csv", dtype={"row": str, "label": str}, keep_default_na=False, float_precision="round_trip"
)
train, validation, test = (
    np.flatnonzero(samples["part"] == part) for part in ("train", "validation", "test")
)
labels = samples["label"].map(CLASSES.index).to_numpy()
targets = np.eye(len(CLASSES), dtype="float32")[labels]
given = samples["weight"].to_numpy()
x = samples.drop(columns=["row", "part", "label", "weight"]).to_numpy(dtype="float32")
""",
)

_NETWORK = Section(
    title="The network",
    text="Two hidden layers with dropout. Categories come as one column each, so that the first layer holds an"
    " embedding of 64 numbers for every category.",
    code="""
weights = weights * given
penalty = keras.regularizers.L2(L2 / enough)
model = keras.Sequential(
    [
        keras.Input((x.shape[1],)),
        keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
        keras.layers.Dropout(DROPOUT, seed=SEED),
        keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
        keras.layers.Dropout(DROPOUT, seed=SEED + 1),
        keras.layers.Dense(len(CLASSES), activation="softmax", kernel_regularizer=penalty),
    ]
)
fit(model, x, **FIT)
model.save(HERE / "model.keras")
""",
)

_MONITORED = {
    "loss": (
        "Cross-entropy on the validation rows, in nats, with classes weighted as in training.",
        """of_truth = p[np.arange(len(validation)), labels[validation]]
    return np.average(-np.log(np.clip(of_truth, 1e-7, 1)), weights=judged)""",
    ),
    "macro_f1": (
        "Minus macro-F1 on the validation rows.",
        """from sklearn.metrics import f1_score

    return -f1_score(labels[validation], p.argmax(axis=1), average="macro", zero_division=0)""",
    ),
}
_JUDGED_BY = {
    "balanced": """# Every class counts the same, as in training.
counts = np.bincount(labels[train], minlength=len(CLASSES))
of_class = np.divide(1, counts, out=np.zeros(len(CLASSES)), where=counts > 0)
judged = of_class[labels[validation]]""",
    "none": "judged = np.ones(len(validation))",
}
_JUDGED = '''
$judged

def probabilities_of(model, rows):
    """Of all classes; one that no training row is of gets none."""
    found = np.zeros((len(rows), len(CLASSES)))
    found[:, model.classes_] = model.predict_proba(x[rows])
    return found


def loss_of(model):
    """$monitored"""
    p = probabilities_of(model, validation)
    $loss_of

'''
_CHOOSE = """
for model in candidates:
    model.fit(x[train], labels[train], sample_weight=given[train])
best = min(candidates, key=loss_of)
"""

_LOGISTIC = Section(
    title="Logistic regression",
    text="The validation rows choose how strongly its weights are held down.",
    code="from sklearn.linear_model import LogisticRegression\n"
    + _JUDGED
    + """
candidates = [
    LogisticRegression(C=c, max_iter=2000, class_weight=$balance) for c in (0.01, 0.1, 1.0, 10.0, 100.0)
]"""
    + _CHOOSE,
)

_FOREST = Section(
    title="A random forest",
    text="Many trees on random rows and columns (Breiman 2001). The validation rows choose the size of the leaves.",
    code="from sklearn.ensemble import RandomForestClassifier\n"
    + _JUDGED
    + """
candidates = [
    RandomForestClassifier(
        $trees, min_samples_leaf=leaf, class_weight=$balance, random_state=SEED, n_jobs=-1
    )
    for leaf in (1, 3, 10, 30)
]"""
    + _CHOOSE,
)

_BOOSTING = Section(
    title="Gradient boosting",
    text="Each tree corrects the errors of the previous ones (Friedman 2001). Early stopping: training ends after"
    " four twentieths of the rounds without a lower validation loss.",
    code="from copy import deepcopy\n\nfrom sklearn.ensemble import HistGradientBoostingClassifier\n"
    + _JUDGED
    + """
model = HistGradientBoostingClassifier(
    learning_rate=0.1, early_stopping=False, warm_start=True, class_weight=$balance, random_state=SEED
)
best, least, since = None, np.inf, 0
for rounds in np.unique(np.linspace(0, $trees, 21).round().astype(int))[1:]:
    model.set_params(max_iter=rounds).fit(x[train], labels[train], sample_weight=given[train])
    loss, since = loss_of(model), since + 1
    if loss < least:
        best, least, since = deepcopy(model), loss, 0
    if since == 4:
        break
""",
)

# What a learner's `script` in `core.methods.learners` names.
NETWORK = [_NETWORK_SETTINGS, _DATA, FIT, _NETWORK]
LOGISTIC_REGRESSION = [_SETTINGS, _DATA, _LOGISTIC]
RANDOM_FOREST = [_SETTINGS, _DATA, _FOREST]
GRADIENT_BOOSTING = [_SETTINGS, _DATA, _BOOSTING]
