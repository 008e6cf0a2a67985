"""Run benchmarks in one form and keep what they found: `python -m benchmarks [NAME …]`, or `make bench`.

Every script in this folder with a `BENCHMARK` takes part, and can also be run alone, as `python -m benchmarks.NAME`.
One that compares two things measures them in turns (`in_turns`) and returns the rounds; one that reports figures
prints them. Each runs in a process of its own. `results.json` keeps the last result of each, with the machine it was
measured on; `RESULTS.md` and the table in the project's README are written from it. `--tables` writes them anew
without measuring.
"""

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS, TABLE, README = HERE / "results.json", HERE / "RESULTS.md", ROOT / "README.md"
BEGIN, END = "<!-- benchmarks: written by `make bench` -->", "<!-- end of benchmarks -->"


@dataclass(frozen=True)
class Benchmark:
    """What a script measures.

    Attributes:
        name: the script's.
        what: what is measured, with data and settings, in a phrase.
        opponent: what it is held against; empty for one that reports figures alone.
        unit: of the two numbers of a round; the ratio says how many times as large the opponent's is, so that more
            than 1 is better, unless `more_is_better`, when it is the other way round.
        goal: what it is to reach, as people read it.
        minutes: about how long it takes on two cores.
    """

    name: str
    what: str
    opponent: str = ""
    unit: str = "s"
    more_is_better: bool = False
    goal: str = ""
    minutes: float = 5


@dataclass(frozen=True)
class Round:
    """One turn of each side: Graft's number and the opponent's."""

    ours: float
    theirs: float


@dataclass(frozen=True)
class Rounds:
    """The rounds of a comparison, in the order in which they were measured."""

    benchmark: Benchmark
    rounds: tuple[Round, ...]

    @property
    def ratios(self) -> list[float]:
        """Of each round, how many times Graft is better."""
        better = self.benchmark.more_is_better
        return [r.ours / r.theirs if better else r.theirs / r.ours for r in self.rounds]

    def __str__(self) -> str:
        ratios = self.ratios
        return f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), {len(ratios)} rounds"


def in_turns(
    benchmark: Benchmark,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    rounds: int,
) -> Rounds:
    """Measure both sides once a round, printing each.

    Who begins alternates, so that neither side always finds the machine warmer or its disk cache fuller.

    Args:
        ours, theirs: do the work once and return the number measured, in `benchmark.unit`.
    """
    found = []
    for number in range(rounds):
        if number % 2:
            other = theirs()
            own = ours()
        else:
            own = ours()
            other = theirs()
        found.append(Round(own, other))
        print(f"round {number + 1}: {own:.4g} and {other:.4g} {benchmark.unit}", flush=True)
    result = Rounds(benchmark, tuple(found))
    print(result, flush=True)
    return result


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes, by the clock."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def registered() -> dict[str, Benchmark]:
    """The benchmarks of this folder by name, read without importing their scripts."""
    found = {}
    for path in sorted(HERE.glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BENCHMARK":
                assert isinstance(node.value, ast.Call)
                values = {str(word.arg): ast.literal_eval(word.value) for word in node.value.keywords}
                found[path.stem] = Benchmark(**values)
                if values["name"] != path.stem:
                    raise ValueError(f"the benchmark of {path.name} is named {values['name']}")
    return found


def machine() -> dict[str, Any]:
    """What it is measured on, and how busy that is."""
    from core.training.worker.environment import environment

    found = environment()
    hardware = {
        key: found["hardware"][key] for key in ("system", "python", "processor", "cores", "memory_gb", "gpus")
    }
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return hardware | {"libraries": found["libraries"], "load_before": load}


def measure(benchmark: Benchmark) -> dict[str, Any]:
    """Run one in a process of its own; what is to be kept of it."""
    on = machine()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks", "--child", str(out), benchmark.name]
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            lines.append(line.rstrip())
        if process.wait():
            raise SystemExit(f"{benchmark.name} failed with exit code {process.returncode}.")
        took = time.perf_counter() - begun
        rounds = json.loads(out.read_text(encoding="utf-8"))
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "minutes": round(took / 60, 1),
        "machine": on,
        "rounds": rounds,
        "lines": [line for line in lines if line],
    }


def child(name: str, out: Path) -> None:
    """The process of one benchmark: run it and write down its rounds."""
    module = import_module(f"benchmarks.{name}")
    sys.argv = [f"benchmarks/{name}.py"]
    result = module.main()
    rounds = [asdict(r) for r in result.rounds] if isinstance(result, Rounds) else []
    out.write_text(json.dumps(rounds), encoding="utf-8")


def load() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def ratio_of(benchmark: Benchmark, result: dict[str, Any]) -> str:
    """The median ratio with its spread over the rounds."""
    if not result["rounds"]:
        return str(result.get("ratio", ""))
    ratios = Rounds(benchmark, tuple(Round(**r) for r in result["rounds"])).ratios
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _machine_of(result: dict[str, Any]) -> str:
    on = result["machine"]
    if isinstance(on, str):
        return on
    gpus = f", {', '.join(on['gpus'])}" if on["gpus"] else ""
    return f"{on['processor']}, {on['cores']} cores{gpus}, load {on['load_before']} before"


def comparisons(benchmarks: dict[str, Benchmark], results: dict[str, Any]) -> str:
    """The table of what was measured against something else."""
    rows = [_row(("what", "against", "times as good", "goal")), _row(["---"] * 4)]
    for name, benchmark in benchmarks.items():
        if benchmark.opponent and name in results:
            ratio = ratio_of(benchmark, results[name])
            rows.append(_row((benchmark.what, benchmark.opponent, ratio, benchmark.goal or "–")))
    return "\n".join(rows)


def write_tables(benchmarks: dict[str, Benchmark], results: dict[str, Any]) -> None:
    """`RESULTS.md`, and the table in the README."""
    parts = [
        "# Results of the benchmarks",
        "Written by `make bench` from `results.json`; do not edit. Of a comparison, the median over the rounds and,"
        " in brackets, the smallest and the largest; more than 1 is better for Graft.",
        "## Comparisons",
        comparisons(benchmarks, results),
        "## All results",
    ]
    for name, benchmark in benchmarks.items():
        parts.append(f"### {name}")
        against = f" Against: {benchmark.opponent}." if benchmark.opponent else ""
        goal = f" Goal: {benchmark.goal}." if benchmark.goal else ""
        parts.append(f"{benchmark.what[:1].upper()}{benchmark.what[1:]}.{against}{goal}")
        if name not in results:
            parts.append("Not measured yet.")
            continue
        result = results[name]
        parts.append(f"Measured {result['measured']}: {_machine_of(result)}.")
        if benchmark.opponent:
            parts.append(f"Ratio {ratio_of(benchmark, result)}.")
        parts.append("\n".join(f"- {line}" for line in result["lines"]))
    TABLE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{comparisons(benchmarks, results)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the benchmarks to run; all unless told")
    parser.add_argument("--tables", action="store_true", help="write the tables from results.json, measure nothing")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.names[0], arguments.child)
        return
    benchmarks = registered()
    unknown = [name for name in arguments.names if name not in benchmarks]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(benchmarks)}")
    for name in [] if arguments.tables else arguments.names or benchmarks:
        print(f"{name}: about {benchmarks[name].minutes:g} minutes", flush=True)
        result = measure(benchmarks[name])
        RESULTS.write_text(json.dumps(load() | {name: result}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_tables(benchmarks, load())
    write_tables(benchmarks, load())
