"""What each preset fills in where a `TrainingSpec` leaves a setting open."""

from typing import Any

from core.schemas import Kind, Preset

# Chosen by cross-validation on training photos of CIFAR-10 and not changed since.
_HEAD: dict[str, Any] = {"epochs": 40, "batch_size": 64, "learning_rate": 3e-3, "dropout": 0.2, "l2": 8.0}
_HEAD |= {"class_weights": "balanced", "estimators": 10}
_OPTIMIZATION: dict[str, Any] = {
    "optimizer": "adam",
    "schedule": "cosine",
    "loss": "cross_entropy",
    "label_smoothing": 0.0,
    "averaging": "none",
    "monitor": "loss",
}
# Strengths of what carries knowledge over, each read by the strategies that name it.
_STRENGTHS: dict[str, Any] = {
    "pull": 0.1,  # the usual best in the paper (Li et al. 2018, section 4: from 0.01 to 1)
    "teacher_weight": 0.5,
    "teacher_temperature": 1.0,
    "relation_weight": 1.0,
    "alignment_weight": 1.0,
}
RATES = ("learning_rate", "fine_tune_learning_rate")
# Gradients are smaller than Adam's normalised steps, so SGD needs a higher rate.
RATE_FACTOR = {"sgd": 10.0}
_TUNE: dict[str, Any] = {"fine_tune_epochs": 6, "fine_tune_learning_rate": 3e-4, "unfreeze": 5, "precision": "auto"}
_IMAGE: dict[str, Any] = (
    {"strategy": "linear_probe", "backbone": "efficientnet_lite0"} | _HEAD | _TUNE | _OPTIMIZATION | _STRENGTHS
)
_TABLE: dict[str, Any] = {
    "learner": "network",
    "epochs": 60,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "dropout": 0.2,
    "l2": 0.3,
    "trees": 200,
    "estimators": 50,
    "class_weights": "balanced",
    **_OPTIMIZATION,
}

PRESETS: dict[Kind, dict[Preset, dict[str, Any]]] = {
    "image": {
        "quick": _IMAGE,
        "balanced": _IMAGE | {"strategy": "two_stage", "fine_tune_epochs": 12},
        "thorough": _IMAGE
        | {"strategy": "two_stage", "backbone": "efficientnet_lite2", "fine_tune_epochs": 30, "unfreeze": 8},
    },
    "table": {
        "quick": _TABLE,
        "balanced": _TABLE | {"epochs": 150, "trees": 500},
        "thorough": _TABLE | {"epochs": 400, "learning_rate": 1e-3, "trees": 1000},
    },
}

PRESET_HELP: dict[Kind, dict[Preset, str]] = {
    "image": {
        "quick": "Only a head on the smallest backbone: a result in seconds.",
        "balanced": "Two stages: the head, then the last blocks for up to 12 epochs.",
        "thorough": "The largest backbone that comes with Graft, more blocks, up to 30 epochs.",
    },
    "table": {
        "quick": "Up to 60 epochs, or 200 trees.",
        "balanced": "Up to 150 epochs, or 500 trees.",
        "thorough": "Up to 400 epochs at a lower learning rate, or 1,000 trees.",
    },
}


VIEWS = 4  # augmented copies of each training image
