"""The layers and the rules of the house hold, and the checks that hold them can fail."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core.settings import ROOT

CORE = ROOT / "core"
FOLDERS = sorted({path.parent for path in CORE.rglob("*.py")})
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = next(contract for contract in CONTRACTS if contract["type"] == "layers")
HEAVY = {"tensorflow", "keras", "torch", "jax"}


def contract(words: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = next(c for c in CONTRACTS if words in c["name"])
    return found


def rooms() -> list[str]:
    """The rooms of `core` that the layers name, from top to bottom."""
    return [name.strip() for layer in LAYERS["layers"] for name in layer.split("|")]


def lint(tree: Path) -> str:
    """What import-linter prints for the packages in `tree`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "pyproject.toml", "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False).stdout


PLANTED = {
    "core/data/splitting.py": "from core.jobs import queue",
    "core/evaluation/intervals.py": "if TYPE_CHECKING:\n    from core.methods import plan",
    "core/methods/backbone.py": "from core.methods import backbones",
    "core/embedding/engines.py": "import keras",
    "core/charts/style.py": "import streamlit",
    "core/ui/runs/table.py": "from core.ui.train import form",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the tree into which forbidden imports were planted."""
    tree = tmp_path_factory.mktemp("planted")
    for name in ("core", "pages", "pyproject.toml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tree / name)
    for module, line in PLANTED.items():
        path = tree / module
        path.write_text(path.read_text("utf-8") + f"\nfrom typing import TYPE_CHECKING\n\n{line}\n", "utf-8")
    return lint(tree)


@pytest.mark.parametrize(
    "broken",
    [
        "core.data.splitting -> core.jobs.queue",
        "core.evaluation.intervals -> core.methods.plan",
        "no circles between siblings BROKEN",
        "core.embedding.engines -> keras",
        "core.charts.style -> streamlit",
        "core.ui.runs.table -> core.ui.train.form",
    ],
)
def test_an_import_that_the_contracts_forbid_is_seen(report, broken):
    assert broken in report


def test_every_room_is_in_the_layers_and_no_import_is_excused():
    there = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(rooms()) == there - {"__init__"}
    assert LAYERS["exhaustive"] and not any("ignore_imports" in c for c in CONTRACTS)


def test_the_lists_of_the_other_contracts_follow_from_the_layers():
    below_ui = {f"core.{room}" for room in rooms() if room not in ("__main__", "ui")}
    assert set(contract("Streamlit")["source_modules"]) == below_ui
    web = contract("deep-learning")["source_modules"]
    below_jobs = rooms()[rooms().index("jobs") :]
    assert set(web) == {"pages", "core.ui", "core.charts", *(f"core.{room}" for room in below_jobs)}
    for words in ("deep-learning", "without Keras"):
        assert set(contract(words)["forbidden_modules"]) >= HEAVY


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_has_at_most_sixteen_files(folder):
    assert len([path for path in folder.iterdir() if path.is_file()]) <= 16


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_says_in_a_sentence_what_lives_there_and_exports_nothing(folder):
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1
