"""The modules of Graft that a script needs, copied with all that they import, and the packages they come from."""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

from core.settings import ROOT

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Sources:
    """`files`: modules and what they read, by their paths below the root; `packages`: what they import, by name."""

    files: tuple[Path, ...]
    packages: frozenset[str]


def collect_sources(script: Path, named: Iterable[str] = ()) -> Sources:
    """All modules of Graft that a script, or one of the modules `named`, imports, directly or not.

    Imports inside of functions count where they name a module of Graft, but not where they name a package: what is
    imported only when it is needed is for files of a kind that the script may never meet.
    """
    modules: set[Path] = set()
    packages: set[str] = set()
    imported = [*named, *_imports(script)]
    while imported:
        name = imported.pop()
        top = name.partition(".")[0]
        if top == "core":
            for path in _files(name):
                if path not in modules:
                    modules.add(path)
                    imported += _imports(ROOT / path)
        elif top not in sys.stdlib_module_names:
            packages.add(top)
    read = {file.relative_to(ROOT) for module in modules for file in (ROOT / module).parent.glob("*.toml")}
    return Sources(tuple(sorted(modules | read)), frozenset(packages))


def pin_requirements(packages: Iterable[str]) -> str:
    """`requirements.txt`: the distributions that hold these packages, in the versions installed here."""
    known = packages_distributions()
    names = {known[package][0] for package in packages}
    return "".join(f"{name}=={version(name)}\n" for name in sorted(names, key=str.lower))


def _imports(path: Path) -> list[str]:
    """The modules that a file imports, and the packages that it imports as soon as it is run."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {node for outer in ast.walk(tree) if _is_for_types(outer) for node in ast.walk(outer)}
    late = {node for outer in ast.walk(tree) if isinstance(outer, _FUNCTIONS) for node in ast.walk(outer)}
    names: list[str] = []
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            here = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            here = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        names += [name for name in here if node not in late or name.startswith("core.")]
    return names


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _files(name: str) -> Iterator[Path]:
    """The files of a module and of the packages around it; none of a name that is no module's."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        path = Path(*parts[:depth])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if (ROOT / file).is_file():
                yield file
