"""Do the tests see a fault? One small fault at a time (a mutant) goes into a copy of the tree, and the tests run.

    python -m tests.mutants --seed 0

The faults are mutmut's: an operator swapped, an argument left out, a number or a text changed. Equally many are drawn
from each room of `core`, only in the bodies of functions, and in none of what is written to the log. Each meets the
tests that mirror its module first, and other lanes only if these let it pass. A results file remembers what is done.
"""

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

try:
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider
    from mutmut.mutation.file_mutation import Mutation, MutationVisitor
    from mutmut.mutation.mutators import mutation_operators
    from mutmut.mutation.pragma_handling import IgnoredCode
except ImportError:
    sys.exit(
        "The faults are made by mutmut 3.8.1: install it in a virtual environment of its own, with `pip install"
        " mutmut==3.8.1`, and run this with the Python there and `--python .venv/bin/python`."
    )

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "evaluation", "training", "jobs")
LANES = ("mirror", "fast", "slow")
MARKS = {"fast": "not training and not browser and not soak", "slow": "(training or browser) and not soak"}
LOGS = ("log", "logging", "logger")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "node_modules")


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    before: str
    after: str
    code: str  # the whole module, with the fault

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  →  {self.after}"


@dataclass(frozen=True)
class Fault:
    """A change that mutmut makes to one node of a module."""

    path: Path
    module: cst.Module
    line: int
    change: Mutation

    def mutant(self) -> Mutant:
        mutated = self.module.deep_replace(self.change.original_node, self.change.mutated_node)
        assert isinstance(mutated, cst.Module)
        before, after = changed(self.module.code, mutated.code)
        return Mutant(str(self.path.relative_to(ROOT)), self.line, before, after, mutated.code)


def faults(path: Path) -> Iterator[Fault]:
    """Every fault that mutmut makes in the body of a function of a module, in the order in which they stand there."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text("utf-8")))
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    places = wrapper.resolve(PositionProvider)
    log: set[int] = set()
    for node in below(module):
        if isinstance(node, cst.Call) and module.code_for_node(node).split(".")[0] in LOGS:
            log |= {id(part) for part in below(node)}
    bodies: dict[cst.FunctionDef, set[int]] = {}
    for change in visitor.mutations:
        function, node = change.contained_by_top_level_function, change.original_node
        if isinstance(function, cst.FunctionDef):
            if function not in bodies:
                bodies[function] = {id(part) for part in below(function.body)} - log
            if id(node) in bodies[function]:
                yield Fault(path, module, places.get(node, places[function]).start.line, change)


def below(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from below(child)


def changed(before: str, after: str) -> tuple[str, str]:
    """The lines that a fault has changed, before and after, each as one line."""
    rows = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0))
    one, other = ([row[1:].strip() for row in rows[2:] if row.startswith(sign)] for sign in "-+")
    return " ".join(one), " ".join(other)


def drawn(seed: int, each: int) -> list[Mutant]:
    """`each` mutants of every room, the rooms taking turns: what has run at any time is fair to all of them."""
    chosen = []
    for room in ROOMS:
        files = sorted((ROOT / "core" / room).rglob("*.py"))
        chosen.append(random.Random(f"{seed} {room}").sample([f for file in files for f in faults(file)], each))
    return [fault.mutant() for fault in chain.from_iterable(zip(*chosen, strict=True))]


def mirrors(file: str) -> list[str]:
    """`core/a/b.py` → `tests/core/a/test_b.py` and the tests of that folder that import it.

    Where there are none, those of the next folder up that do, and so on; where none imports it, all of the folder.
    """
    path = Path(file)
    module, name = ".".join(path.with_suffix("").parts), f"test_{path.name}"
    folders = [folder for folder in (ROOT / "tests" / path).parents if ROOT in folder.parents]
    for folder in folders:
        found = [test for test in folder.rglob("test_*.py") if test.name == name or module in imported(test)]
        if found:
            break
    else:
        found = next(tests for folder in folders if (tests := list(folder.glob("test_*.py"))))
    found.sort(key=lambda test: (test.name != name, test))
    return [str(test.relative_to(ROOT)) for test in found]


def imported(test: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def run(python: str, tree: Path, arguments: list[str], limit: float) -> str:
    """The first test that fails; "" where all pass, and "timeout" where they take too long."""
    command = f"{python} -m pytest -x -q -n 0 -p no:randomly -p no:cacheprovider".split()
    process = subprocess.Popen(
        command + arguments,
        cwd=tree,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "timeout"
    if process.returncode in (0, 5):  # 5: these marks leave no test
        return ""
    told = output.rpartition("short test summary info")[2]  # above it, logs may have lines with ERROR
    failed = [line.split()[1] for line in told.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0].split("[")[0] if failed else " ".join(output.split())[-300:]


def killer(python: str, tree: Path, mutant: Mutant, tests: list[str], limit: float, unfit: set[str]) -> str:
    """The test that sees a mutant: alone it fails with the fault and passes without. One that does not is `unfit`."""
    path = tree / mutant.file
    whole = path.read_text("utf-8")
    while True:
        write(path, mutant.code)
        failed = run(python, tree, [*tests, *(f"--deselect={test}" for test in unfit)], limit)
        again = run(python, tree, [failed], limit) if "::" in failed else failed
        write(path, whole)
        if failed in ("", "timeout"):
            return failed
        if "::" not in failed and run(python, tree, ["--collect-only", *tests], limit):
            sys.exit(f"The tests do not start without a fault either: {failed}")
        if "::" not in failed or (again and not run(python, tree, [failed], limit)):
            return failed
        unfit.add(failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=10, help="mutants of each room")
    parser.add_argument("--lanes", nargs="+", choices=LANES, default=LANES[:2])
    parser.add_argument(
        "--limit", type=float, default=240, help="seconds for the mirroring tests; 10 times that for all"
    )
    parser.add_argument("--python", default=sys.executable, help="the Python that runs the tests")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir(), "graft-mutants.json"))
    options = parser.parse_args()
    python, unfit = str(Path(options.python).absolute()), set[str]()
    done: dict[str, dict[str, str]] = json.loads(options.results.read_text()) if options.results.exists() else {}
    chosen = drawn(options.seed, options.each)
    with tempfile.TemporaryDirectory(prefix="graft-mutants-") as folder:
        tree = Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for mutant in chosen:
            met = done.setdefault(mutant.name, {})
            for lane in options.lanes:
                if lane in met or any(met.values()):
                    continue
                tests = mirrors(mutant.file) if lane == "mirror" else ["-m", MARKS[lane]]
                began = time.monotonic()
                limit = options.limit * (1 if lane == "mirror" else 10)
                met[lane] = killer(python, tree, mutant, tests, limit, unfit)
                options.results.write_text(json.dumps(done, indent=1, ensure_ascii=False))
                said = f"killed by {lane}: {met[lane]}" if met[lane] else f"survived {lane}: {' '.join(tests)}"
                print(f"{mutant.name}\n    {said}  {time.monotonic() - began:.0f} s", flush=True)
    seen = sum(any(done[mutant.name].values()) for mutant in chosen)
    print(f"{seen} of {len(chosen)} seen")


def write(path: Path, code: str) -> None:
    """Write a module, and leave Python no bytecode of an earlier one that is as long and as old."""
    path.write_text(code, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


if __name__ == "__main__":
    main()
