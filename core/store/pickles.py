"""Aliases for modules that pickles name by their paths in version 0.1.

A run's `preparation.joblib` and `model.joblib`, and the bundles exported from it, name classes by their module. Those
that have moved since are found where they are now, so that older workspaces and bundles load.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_STEPS = (
    "categories",
    "cells",
    "construction",
    "harmony",
    "missing",
    "numbers",
    "outliers",
    "resampling",
    "review",
    "samples",
    "selection",
    "step",
)
MOVED = {
    "core.data.preparation": "core.data.cleaning.preparation",
    "core.data.steps": "core.data.cleaning.steps",
    **{f"core.data.steps.{name}": f"core.data.cleaning.steps.{name}" for name in _STEPS},
    "core.ensembles": "core.training.ensembles",
    "core.ensembles.tables": "core.models.estimators",
    "core.training.ensembles.tables": "core.models.estimators",
    "core.training.table_ensembles": "core.training.tables.ensembles",
    "core.transfer.alignment": "core.transfer.fitting.vectors",
    "core.transfer.linear": "core.transfer.fitting.linear",
    "core.transfer.tradaboost": "core.transfer.instances.tradaboost",
}


class _Moved(MetaPathFinder, Loader):
    """Import hook that returns a moved module for its old name."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(MOVED[spec.name])
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has been executed under its own name; its own spec, which the import replaced, is put back."""
        name = module.__spec__.name if module.__spec__ else module.__name__
        module.__spec__ = self._specs.pop(name)


def install_moved_modules() -> None:
    """Make moved modules importable under their old names; idempotent."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Moved())
