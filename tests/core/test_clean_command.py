"""`check` and `clean` on the command line: what is wrong, and a version by a recipe file."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.data.importing import import_sample
from core.data.versions import load_table
from core.schemas import DataRef


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    import_sample("penguins")

    def command(*args: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main([*args, "--json"])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else None, out.err

    return command


def test_check_names_findings_with_samples_and_remedies(run: Any) -> None:
    code, said, _ = run("check", "penguins")
    assert code == 0
    missing = next(f for f in said["findings"] if f["kind"] == "missing")
    assert {"kind", "severity", "message", "samples", "scores", "remedy"} <= set(missing)
    assert all(name.startswith("row ") for name in missing["samples"])


def test_clean_makes_the_version_of_a_recipe_file(run: Any, tmp_path: Path) -> None:
    steps = [{"kind": "drop_rows_missing"}, {"kind": "scale", "params": {"method": "robust"}}]
    for number, content in enumerate((steps, {"steps": steps})):
        recipe = tmp_path / f"{number}.json"
        recipe.write_text(json.dumps(content))
        code, said, _ = run("clean", "penguins", "--recipe", str(recipe))
        assert code == 0 and said["n"] + said["dropped"] == 344
        table, _ = load_table(DataRef(dataset="penguins", version=said["version"]))
        assert len(table) == said["n"] and not table.isna().any(axis=None)


def test_the_remedy_of_a_finding_is_a_recipe_step(run: Any, tmp_path: Path) -> None:
    remedies = [f["remedy"] for f in run("check", "penguins")[1]["findings"] if f["remedy"]]
    (tmp_path / "r.json").write_text(json.dumps(remedies))
    assert run("clean", "penguins", "--recipe", str(tmp_path / "r.json"))[0] == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("no json", "is not JSON"),
        ('{"steps": [{"params": {}}]}', "“steps.0.kind” cannot be used"),
        ('[{"kind": "wash"}]', "There is no cleaning step “wash”"),
        ('[{"kind": "scale", "params": {"columns": ["weight"]}}]', "no column “weight”"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_told_in_a_sentence(
    run: Any, tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "r.json").write_text(content)
    code, said, error = run("clean", "penguins", "--recipe", str(tmp_path / "r.json"))
    assert code == 2 and said is None
    assert says in error and error.count("\n") == 1
