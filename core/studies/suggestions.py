"""Suggested search spaces: ranges around the values that a run would have by default."""

from typing import Any

from core.methods.plan import available_models, fields_read
from core.methods.strategies import STRATEGIES
from core.schemas import Kind, ResolvedSpec
from core.studies.record import Range, Value
from core.studies.space import OFF

Space = dict[str, tuple[Value, ...] | Range]

# Fields searched by default: the most influential ones that do not make a run slower.
USUAL: dict[Kind, tuple[str, ...]] = {
    "image": ("l2", "class_weights"),
    "table": ("learner", "l2", "trees"),
}


def worth_searching(spec: ResolvedSpec, kind: Kind) -> Space:
    """A range or values for every field that can be searched.

    Args:
        spec: as `core.methods.plan.resolve` filled it. Methods are always offered; of the other fields, those that it
            or another method reads.
    """
    backbones = tuple(available_models("image")) if kind == "image" else ()
    space: Space = {
        "strategy": tuple(s.name for s in STRATEGIES.values() if s.searched) if kind == "image" else (),
        "backbone": backbones,
        "learner": tuple(available_models("table")) if kind == "table" else (),
        "learning_rate": _around(spec.learning_rate or 3e-3, 10),
        "fine_tune_learning_rate": _around(spec.fine_tune_learning_rate or 3e-4, 10),
        "l2": _around(spec.l2 or 1.0, 30),
        "dropout": Range(low=0.0, high=0.6),
        "label_smoothing": Range(low=0.0, high=0.2),
        "epochs": Range(low=max(1, (spec.epochs or 40) // 2), high=2 * (spec.epochs or 40)),
        "unfreeze": Range(low=1, high=8),
        "batch_size": (16, 32, 64, 128),
        "trees": Range(low=50, high=500),
        "optimizer": ("adam", "adamw", "sgd"),
        "loss": ("cross_entropy", "focal"),
        "class_weights": ("balanced", "none"),
        "augmentation": (OFF, "light", "medium", "strong") if kind == "image" else (),
    }
    reads = _readable(spec, kind, space)
    return {field: values for field, values in space.items() if values and field in reads}


def _around(value: float, factor: float) -> Range:
    return Range(low=float(f"{value / factor:.2g}"), high=float(f"{value * factor:.2g}"), log=True)


def _readable(spec: ResolvedSpec, kind: Kind, space: Space) -> set[str]:
    """Fields that one at least of the methods to choose from reads."""
    field = "strategy" if kind == "image" else "learner"
    values: dict[str, Any] = spec.model_dump()
    methods = {getattr(spec, field), *space[field]} if isinstance(space[field], tuple) else set()
    return {read for method in methods for read in fields_read(values | {field: method}, kind)}
