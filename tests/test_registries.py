"""What a registry names exists, takes what it is given, and is known by its name nowhere else."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest

from core.data.cleaning.steps.registry import STEPS
from core.export.formats import FORMATS
from core.jobs.tasks import TASKS
from core.methods.augmentation_layers import LAYERS
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.pretrained import BACKBONES
from core.methods.strategies import STRATEGIES
from core.settings import ROOT

DOTTED = re.compile(r"core(\.\w+)+:\w+(\.\w+)*")
SOURCES = sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "pages").glob("*.py")])

# What each registry names, with how many arguments it is called with.
CALLED: list[tuple[str, int]] = [
    *((function, 3) for function in TASKS.values()),
    *((s.fit, 2 if s.has_source else 1) for s in STRATEGIES.values()),
    *((learner.fit, 1) for learner in LEARNERS.values()),
    *((function, 1) for combination in COMBINATIONS.values() for function in combination.fit.values()),
    *((f.write, 1) for f in FORMATS.values()),
    *((backbone.builder, 3) for backbone in BACKBONES.values()),
    *((layer.function, 1) for layer in LAYERS),
    *((f.hindered, 1) for f in FORMATS.values() if f.hindered),
]

NAMES: dict[str, set[str]] = {
    "strategy": set(STRATEGIES) | set(COMBINATIONS),
    "learner": set(LEARNERS),
    "backbone": set(BACKBONES),
    "format": set(FORMATS),
    "step": set(STEPS),
}
# Where the names belong: the registries, and the presets.
REGISTRIES = {
    f"core/methods/{name}.py" for name in ("strategies", "learners", "combinations", "pretrained", "presets")
} | {"core/export/formats.py"}


def dotted_names() -> Iterator[str]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
                yield node.value


@pytest.mark.training
@pytest.mark.parametrize("name", sorted(set(dotted_names())))
def test_every_dotted_name_leads_somewhere(name):
    assert resolve_name(name) is not None


@pytest.mark.training
@pytest.mark.parametrize(("name", "n"), sorted(set(CALLED)))
def test_what_a_registry_names_takes_what_it_is_given(name, n):
    inspect.signature(resolve_name(name)).bind(*range(n))


def names_of_methods(path: Path) -> Iterator[str]:
    """Names of registered things that stand as literals in a module.

    A name of several words is one wherever it stands. One that is a plain word as well ("run", "keep") is one where
    it is compared with, or given as, a strategy, learner, backbone, format or step.
    """
    fields = {"strategy", "learner", "backbone", "format"}
    every = {name for names in NAMES.values() for name in names}
    tree = ast.parse(path.read_text("utf-8"))

    def named(node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in fields

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in every and "_" in str(node.value):
            yield str(node.value)
        elif isinstance(node, ast.Compare) and any(named(side) for side in (node.left, *node.comparators)):
            inside = [n for side in (node.left, *node.comparators) for n in ast.walk(side)]
            yield from (str(n.value) for n in inside if isinstance(n, ast.Constant) and n.value in every)
        elif isinstance(node, ast.Call):
            words = {word.arg: word.value for word in node.keywords if word.arg}
            for field in ("strategy", "learner", "backbone"):
                value = words.get(field)
                if isinstance(value, ast.Constant) and value.value in every:
                    yield str(value.value)
            if isinstance(node.func, ast.Name) and node.func.id in ("Step", "remedy"):
                kind = words.get("kind", node.args[0] if node.args else None)
                if isinstance(kind, ast.Constant) and kind.value in every:
                    yield str(kind.value)


def test_nothing_outside_its_registry_knows_a_method_by_its_name():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        if str(path.relative_to(ROOT)) not in REGISTRIES and "cleaning/steps" not in str(path)
        for name in names_of_methods(path)
    }
    assert not found


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('if run.spec.strategy == "textbook": pass', ["textbook"]),
        ('if learner in ("network",) or spec.learner in ("network",): pass', ["network"]),
        ('x = {"two_stage": 1}', ["two_stage"]),
        ('Step(kind="keep")', ["keep"]),
        ('TrainingSpec(data="d", learner="bagging")', ["bagging"]),
        ('tasks.start("run", "run")', []),
    ],
)
def test_a_literal_name_is_seen(tmp_path, code, names):
    path = tmp_path / "module.py"
    path.write_text(code)
    assert list(names_of_methods(path)) == names
