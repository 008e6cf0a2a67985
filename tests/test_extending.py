"""What `docs/extending.md` promises: each kind of thing is added by one module and one registration.

The page's own code is put into a copy of the source tree, and each new thing is looked for wherever its kind appears.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.settings import ROOT

pytestmark = pytest.mark.training

PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"```(python|diff)\n# (\S+)\n(.*?)```", re.S)
COPIED = ("core", "pages", "docs", "samples", ".streamlit", "streamlit_app.py", "requirements.txt")

# What a visitor sees of each new thing, printed as JSON.
VISIT = """
import json, sys
from streamlit.testing.v1 import AppTest

table, images, run = sys.argv[1:]

def opened(page, **query):
    app = AppTest.from_file("streamlit_app.py", default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app

def offered(app):
    boxes = [*app.selectbox, *app.radio, *app.multiselect, *app.get("button_group"), *app.get("segmented_control")]
    return sorted({str(o) for box in boxes for o in getattr(box, "options", ())})

def said(app):
    return " ".join(str(m.value) for m in [*app.markdown, *app.caption, *app.subheader, *app.warning, *app.info])

def sliders(app):
    return [s.label for s in app.slider]

clean, findings = opened("data", dataset=table, tab="clean"), opened("data", dataset=table, tab="findings")
augment, train = opened("data", dataset=images, tab="augment"), opened("train", dataset=images)
staircase = opened("data", dataset=images, tab="staircase")
export = opened("evaluate", runs=run, tab="export")
print(json.dumps({
    "step": offered(clean),
    "finding": said(findings),
    "augmentation": sliders(augment),
    "strategy and backbone": offered(train) + [said(train)],
    "learner": offered(opened("train", dataset=table)),
    "format": offered(export) + [said(export)],
    "tab": [tab.label for tab in staircase.tabs],
    "chart": len(staircase.get("plotly_chart")),
}))
"""


def register(text: str, diff: str) -> str:
    """`text` with the lines of a diff that begin with + put in, and those with - taken out."""
    lines, place, waiting = text.splitlines(), 0, []
    for row in diff.splitlines():
        sign, line = row[:1], row[1:]
        if sign == "+":
            waiting.append(line)
            continue
        found = lines.index(line, place)
        # What stands before the first line of context goes in front of it, all else behind the line before.
        lines[(at := found if place == 0 and waiting else place) : at] = waiting
        place, waiting = found + len(waiting) + 1, []
        if sign == "-":
            place -= 1
            del lines[place]
    lines[place:place] = waiting
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree with all that the page adds."""
    folder = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    for kind, path, code in BLOCK.findall(PAGE.read_text("utf-8")):
        target = folder / path
        assert kind == "diff" or not target.exists()
        target.write_text(register(target.read_text("utf-8"), code) if kind == "diff" else code, "utf-8")
    (folder / "home" / "weights").mkdir(parents=True)
    (folder / "home" / "weights" / "pinhole.bin").write_bytes(b"nothing to learn")
    return folder


def python(tree: Path, *args: str) -> str:
    environment = os.environ | {"GRAFT_HOME": str(tree / "home"), "PYTHONPATH": str(tree)}
    done = subprocess.run([sys.executable, *args], cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
    return done.stdout


def graft(tree: Path, *args: str) -> Any:
    return json.loads(python(tree, "-m", "core", *args, "--json"))


@pytest.fixture(scope="module")
def table_run(tree: Path) -> dict[str, Any]:
    """A run on a table with the new step in its recipe and the new learner."""
    rng = np.random.default_rng(0)
    kind = np.repeat(["ash", "oak"], 40)
    values = {"WIDTH": (kind == "oak") * 3 + rng.normal(size=80), "height": rng.normal(size=80), "kind": kind}
    pd.DataFrame(values).to_csv(tree / "trees.csv", index=False)
    made = graft(tree, "import", str(tree / "trees.csv"), "--target", "kind")
    recipe = {"steps": [{"kind": "round_numbers", "params": {"digits": 1}}]}
    (tree / "recipe.json").write_text(json.dumps(recipe))
    cleaned = graft(tree, "clean", made["dataset"], "--recipe", str(tree / "recipe.json"))
    data = f"{made['dataset']}@{cleaned['version']}"
    return made | {"trained": graft(tree, "train", data, "--learner", "nearest_rows", "--wait")}


@pytest.fixture(scope="module")
def image_run(tree: Path) -> dict[str, Any]:
    """A run on images by the new strategy, backbone and augmentation layer."""
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 150)):
        (tree / "pictures" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(low, low + 100, (32, 32, 3), dtype="uint8")
            Image.fromarray(pixels).save(tree / "pictures" / name / f"{i}.png")
    made = graft(tree, "import", str(tree / "pictures"))
    spec = {"augmentation": {"name": "grainy", "grain": 0.2}, "views": 1, "epochs": 2}
    (tree / "spec.json").write_text(json.dumps(spec))
    flags = ["--strategy", "patient_probe", "--backbone", "pinhole", "--spec", str(tree / "spec.json"), "--wait"]
    return made | {"trained": graft(tree, "train", made["dataset"], *flags)}


@pytest.fixture(scope="module")
def seen(tree: Path, table_run: dict[str, Any], image_run: dict[str, Any]) -> dict[str, Any]:
    """What the pages offer."""
    names = [table_run["dataset"], image_run["dataset"], table_run["trained"]["run"]]
    found: dict[str, Any] = json.loads(python(tree, "-c", VISIT, *names).splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def reference(tree: Path) -> str:
    """The generated reference."""
    python(tree, "-m", "docs.generate")
    return "".join(page.read_text("utf-8") for page in sorted((tree / "docs" / "reference").glob("*.md")))


def test_every_kind_takes_one_module_and_one_registration():
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    made = [path for kind, path, _ in blocks if kind == "python"]
    changed = [path for kind, path, _ in blocks if kind == "diff"]
    assert len(made) == 9 and len(set(made)) == 9
    assert len(set(changed)) == len(changed) == 8, "a chart alone needs no registration"


def test_a_step_a_finding_and_a_learner_work_from_import_to_scores(table_run):
    assert "shouted_name" in {finding["kind"] for finding in table_run["findings"]}
    assert table_run["trained"]["state"] == "succeeded"
    assert table_run["trained"]["metrics"]["accuracy"] > 0.5


def test_a_strategy_a_backbone_and_an_augmentation_layer_work_from_import_to_scores(image_run):
    assert image_run["trained"]["state"] == "succeeded"
    assert "The patient probe was here." in image_run["trained"]["notes"]


def test_a_format_is_exported(tree, table_run):
    run = table_run["trained"]["run"]
    graft(tree, "export", run, "--format", "plain_text", "--out", str(tree / "name.txt"))
    assert (tree / "name.txt").read_text("utf-8") == table_run["trained"]["name"]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("step", "round numbers"),
        ("finding", "all capitals"),
        ("augmentation", "Film grain"),
        ("strategy and backbone", "Patient probe"),
        ("strategy and backbone", "Pinhole"),
        ("learner", "Nearest rows"),
        ("format", "Plain text"),
        ("tab", "Staircase"),
    ],
)
def test_the_pages_offer_it(seen, kind, shown):
    assert shown in str(seen[kind])


def test_a_chart_is_drawn(seen):
    assert seen["chart"] == 1


def test_the_command_line_knows_it(tree):
    assert "plain_text" in python(tree, "-m", "core", "export", "--help")
    assert "pinhole" in {backbone["name"] for backbone in graft(tree, "backbones")["backbones"]}


@pytest.mark.parametrize(
    "name",
    ["round_numbers", "shouted_name", "patient_probe", "nearest_rows", "pinhole", "plain_text", "grain"],
)
def test_the_reference_describes_it(reference, name):
    assert name in reference
