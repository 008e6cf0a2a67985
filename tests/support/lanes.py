"""Which tests are quick: those that start no worker, load no Keras and open no browser.

A test that does is marked `training`, `browser` or, where it is a whole campaign, `soak`. `make test-fast` runs the
tests with none of these marks, and one that should have had a mark fails, here and in `make test`.
"""

import ast
import sys
from pathlib import Path

import pytest

from tests.support import forking

SLOW = ("training", "browser", "soak")
HEAVY = ("keras", "tensorflow")
_loaded = pytest.StashKey[frozenset[str]]()
_launched = pytest.StashKey[int]()


def leaves_out_training(expression: str) -> bool:
    """Whether a run of pytest with `-m expression` wants no test that is marked `training`."""
    return "not training" in expression


def marked_as_a_whole(path: Path) -> bool:
    """Whether a file says `pytestmark = pytest.mark.training`. Then it may import Keras at its top."""
    if path.suffix != ".py":
        return False
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
            return "pytest.mark.training" in ast.unparse(statement.value)
    return False


def before(item: pytest.Item) -> None:
    """Remember what is loaded and launched before a test and its fixtures."""
    item.stash[_loaded] = loaded()
    item.stash[_launched] = len(forking.launched)


def after(item: pytest.Item) -> None:
    """Fail a test without a mark that did what only a marked one may."""
    if any(item.get_closest_marker(mark) for mark in SLOW):
        return
    if "browser" in getattr(item, "fixturenames", ()):
        pytest.fail("This test opens a browser: mark it with pytest.mark.browser.", pytrace=False)
    launched = forking.launched[item.stash[_launched] :]
    loaded_before = item.stash[_loaded]
    imported = sorted(loaded() - loaded_before)
    if launched or imported:
        did = f"starts {launched[0]}" if launched else f"imports {imported[0]}"
        pytest.fail(f"This test {did}: mark it with pytest.mark.training, or let it do without.", pytrace=False)


def loaded() -> frozenset[str]:
    """The heavy libraries that this process has imported."""
    return frozenset(name for name in HEAVY if name in sys.modules)
