"""The form that all benchmarks share: turns, ratios, and tables written from the results."""

import json
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import Benchmark, Round, Rounds, in_turns

SECONDS = Benchmark("made_up", "sorting", "sorting twice")
RATES = Benchmark("made_up", "sorting", "sorting twice", unit="rows/s", more_is_better=True)


def test_sides_take_turns_and_who_begins_alternates(capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def side(name: str, value: float) -> float:
        order.append(name)
        return value

    found = in_turns(SECONDS, lambda: side("ours", 2.0), lambda: side("theirs", 5.0), rounds=3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert found.rounds == (Round(2.0, 5.0),) * 3
    assert "ratio 2.50 (2.50 to 2.50), 3 rounds" in capsys.readouterr().out


def test_more_than_one_is_better_in_seconds_and_in_rates() -> None:
    assert Rounds(SECONDS, (Round(1.0, 4.0),)).ratios == [4.0]
    assert Rounds(RATES, (Round(4.0, 1.0),)).ratios == [4.0]


def test_the_ratio_is_told_with_its_spread() -> None:
    rounds = [{"ours": 1.0, "theirs": value} for value in (2.0, 3.0, 5.0)]
    assert harness.ratio_of(SECONDS, {"rounds": rounds}) == "3.00 (2.00 to 5.00)"


def test_every_result_is_of_a_benchmark() -> None:
    benchmarks = harness.registered()
    assert len(benchmarks) > 25
    assert set(harness.load()) <= set(benchmarks)
    for name in benchmarks:
        assert "def main(" in (harness.HERE / f"{name}.py").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = harness.TABLE.read_text(encoding="utf-8"), harness.README.read_text(encoding="utf-8")
    for name, text in zip(("TABLE", "README"), written, strict=True):
        path = tmp_path / f"{name}.md"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(harness, name, path)
    harness.write_tables(harness.registered(), harness.load())
    again = harness.TABLE.read_text(encoding="utf-8"), harness.README.read_text(encoding="utf-8")
    assert again == written, "stale: run `python -m benchmarks --tables`"


def test_a_benchmark_runs_in_a_process_of_its_own_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name in ("__main__.py", "harness.py"):
        (folder / name).write_text((harness.HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "made_up.py").write_text(
        "from benchmarks.harness import Benchmark, Rounds, in_turns\n"
        "BENCHMARK = Benchmark(name='made_up', what='sorting', opponent='sorting twice')\n"
        "def main() -> Rounds:\n    return in_turns(BENCHMARK, lambda: 1.0, lambda: 2.0, 2)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    monkeypatch.setattr(harness, "machine", lambda: {})
    (benchmark,) = [Benchmark(name="made_up", what="sorting", opponent="sorting twice")]
    result = harness.measure(benchmark)
    assert result["rounds"] == [{"ours": 1.0, "theirs": 2.0}] * 2
    assert json.dumps(result)
    assert result["lines"][-1].startswith("ratio 2.00")
