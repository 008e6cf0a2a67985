"""How `version_0_1.zip` was made: a workspace of Graft 0.1.0, with what its runs predicted then.

It is not made again. Run it only inside a checkout of that version, and only to add something that it lacks:

    git worktree add ../graft-0.1 6a990fc
    cd ../graft-0.1 && python PATH/OF/make_version_0_1.py version_0_1.zip

The archive holds `workspace/` (the folder that `GRAFT_HOME` names), `inputs/` (pictures and rows to predict),
`exports/` (two bundles and an archive of a run) and `expected.json`: of every run its name, its state and what
`python -m core evaluate` said of it, and of those that can predict the probabilities of each input, as
`python -m core predict` gave them.

Everything goes through the command line of that version and, for what has no command, through short programs that
are given to its Python. They name its modules as they were then.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

CLASSES = ("circle", "cross", "square")
PICTURES = 12  # of each class
SIDE = 48  # pixels
ROWS = 160
TABLE_CLASSES = ("alder", "birch", "cedar")

# Programs for what 0.1 has no command for. `sys.argv[1]` is JSON.
TASK = """
import json, sys, time
from core.jobs import tasks
asked = json.loads(sys.argv[1])
task = tasks.start(asked["kind"], asked["title"], **asked["params"])
while not task.ended:
    time.sleep(0.2)
    task = tasks.get(task.id)
assert task.state == "succeeded", task
print(json.dumps(tasks.result(task.id)))
"""
MARK = """
import json, sys
from core.store import runs
asked = json.loads(sys.argv[1])
run = runs.get_run(asked["run"])
runs.annotate(run.id, tags=["keep", "first look"], note="The one to beat.")
runs.update_run(run.id, starred=True)
print("{}")
"""
SPLIT = """
import json, sys
from core.data.versions import next_version
from core.schemas import DataRef, Recipe
from core.store.datasets import get_version
asked = json.loads(sys.argv[1])
version = next_version(get_version(DataRef.parse(asked["data"])), Recipe.model_validate(asked["recipe"]))
print(json.dumps({"version": version.id, "name": version.name}))
"""
COMMANDS = """
import contextlib, io, json, sys
from core.__main__ import main
printed = []
for words in json.loads(sys.argv[1])["commands"]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*words, "--json"]) == 0, words
    printed.append(json.loads(out.getvalue()))
print(json.dumps({"printed": printed}))
"""
CHECKPOINT = """
import json, sqlite3, sys
connection = sqlite3.connect(json.loads(sys.argv[1])["database"])
connection.execute("pragma wal_checkpoint(truncate)")
connection.execute("pragma journal_mode=delete")
connection.close()
print("{}")
"""


def draw(kind: str, rng: np.random.Generator, paper: bool = False) -> Image.Image:
    """One picture: a shape of its class, its place, size, colour and background drawn at random."""
    light = rng.integers(190, 256, 3) if not paper else rng.integers(90, 160, 3)
    dark = rng.integers(0, 110, 3)
    image = Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in light))
    pen = ImageDraw.Draw(image)
    radius = int(rng.integers(10, 17))
    x, y = (int(v) for v in rng.integers(radius + 2, SIDE - radius - 2, 2))
    box, ink = (x - radius, y - radius, x + radius, y + radius), tuple(int(v) for v in dark)
    if kind == "circle":
        pen.ellipse(box, outline=ink, width=4)
    elif kind == "square":
        pen.rectangle(box, outline=ink, width=4)
    else:
        pen.line((x - radius, y - radius, x + radius, y + radius), fill=ink, width=4)
        pen.line((x - radius, y + radius, x + radius, y - radius), fill=ink, width=4)
    speckle = rng.integers(-12, 13, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(image).astype(int) + speckle, 0, 255).astype("uint8"))


def draw_set(folder: Path, seed: int, n: int, paper: bool = False) -> Path:
    rng = np.random.default_rng(seed)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for i in range(n):
            draw(kind, rng, paper).save(folder / kind / f"{kind}-{i:02d}.png")
    return folder


def rows(seed: int, n: int, shift: float = 0.0) -> pd.DataFrame:
    """Leaves of three trees: numbers and categories, some cells empty, one class rarer than the others."""
    rng = np.random.default_rng(seed)
    species = rng.choice(3, n, p=(0.42, 0.38, 0.2))
    length = rng.normal(6 + 1.6 * species + shift, 1.0)
    width = rng.normal(4.5 - 0.8 * species + shift / 2, 0.7)
    frame = pd.DataFrame(
        {
            "length": length.round(2),
            "width": width.round(2),
            "veins": rng.poisson(8 + 3 * species),
            "gloss": rng.gamma(2.0, 1.0 + species, n).round(3),
            "noise": rng.normal(0, 1, n).round(3),
            "edge": np.where(rng.random(n) < 0.75, np.array(["smooth", "toothed", "scaly"])[species], "torn"),
            "site": rng.choice(["north", "south", "east", "west", "hill"], n, p=(0.35, 0.3, 0.2, 0.1, 0.05)),
            "tree": np.array(TABLE_CLASSES)[species],
        }
    )
    for column, share in (("width", 0.08), ("gloss", 0.1), ("edge", 0.05)):
        frame.loc[rng.random(n) < share, column] = np.nan
    return frame


# Every learning step of 0.1 that leaves something behind in `preparation.joblib`, in three recipes.
FIRST_RECIPE = [
    {"kind": "impute", "params": {"method": "median", "columns": ["width"]}},
    {"kind": "scale", "params": {"method": "standard", "columns": ["length", "width"]}},
    {"kind": "encode", "params": {"method": "one_hot", "columns": ["site"]}},
    {"kind": "select_features", "params": {"method": "forest", "keep": 6}},
    {"kind": "oversample", "params": {"method": "random"}},
]
SECOND_RECIPE = [
    {"kind": "missing_indicator", "params": {}},
    {"kind": "drop_columns_missing", "params": {"share": 0.6}},
    {"kind": "impute", "params": {"method": "iterative", "columns": ["gloss"]}},
    {"kind": "impute", "params": {"method": "neighbours", "columns": ["width"]}},
    {"kind": "clip_outliers", "params": {"method": "mad"}},
    {"kind": "mark_outliers", "params": {"method": "isolation_forest", "columns": ["length", "width", "gloss"]}},
    {"kind": "remove_outliers", "params": {"method": "box_plot", "factor": 3.0, "columns": ["noise"]}},
    {"kind": "rare_categories", "params": {"at_least": 12}},
    {"kind": "encode", "params": {"method": "target", "columns": ["site"]}},
    {"kind": "encode", "params": {"method": "ordinal", "columns": ["edge"]}},
    {"kind": "power", "params": {"columns": ["gloss"]}},
    {"kind": "scale", "params": {"method": "quantile", "columns": ["veins"]}},
    {"kind": "bins", "params": {"columns": ["noise"], "bins": 4}},
    {"kind": "interactions", "params": {"columns": ["length", "width"]}},
    {"kind": "add_noise", "params": {"share": 0.1, "copies": 1}},
    {"kind": "undersample", "params": {"times": 2.0}},
    {"kind": "select_features", "params": {"method": "l1"}},
]
THIRD_RECIPE = [
    {"kind": "drop_columns", "params": {"columns": ["noise"]}},
    {"kind": "impute", "params": {"method": "mean"}},
    {"kind": "ratios", "params": {"above": ["length"], "below": ["veins"]}},
    {"kind": "mark_outliers", "params": {"method": "local_outlier_factor", "columns": ["length", "veins"]}},
    {"kind": "scale", "params": {"method": "robust", "columns": ["length"]}},
    {"kind": "scale", "params": {"method": "min_max", "columns": ["veins"]}},
    {"kind": "principal_components", "params": {"components": 3, "columns": ["length", "width", "veins", "gloss"]}},
    {"kind": "select_features", "params": {"method": "anova", "keep": 4}},
    {"kind": "oversample", "params": {"method": "smote"}},
]


class Old:
    """Version 0.1 with a workspace: its commands and its Python."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = os.environ | {"GRAFT_HOME": str(home), "GRAFT_WARM_MINUTES": "0", "GRAFT_THREADS": "2"}
        self.environment |= {"PYTHONPATH": str(Path.cwd())}
        self.started = time.monotonic()

    def _call(self, *command: str, fails: bool = False) -> Any:
        done = subprocess.run([sys.executable, *command], env=self.environment, capture_output=True, text=True)
        if done.returncode and not fails:
            raise RuntimeError(f"{command}: {done.stderr}\n{done.stdout}")
        return json.loads(done.stdout[done.stdout.index("{") :])

    def command(self, *words: object, fails: bool = False) -> Any:
        print(f"{time.monotonic() - self.started:5.0f} s", *words, flush=True)
        return self._call("-m", "core", *(str(word) for word in words), "--json", fails=fails)

    def program(self, text: str, **asked: Any) -> Any:
        print(f"{time.monotonic() - self.started:5.0f} s", asked, flush=True)
        return self._call("-c", text, json.dumps(asked))

    def train(self, data: str, name: str, fails: bool = False, **spec: Any) -> str:
        """Train to the end; the run's id."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"data": data, "name": name, **spec}, file)
            file.flush()
            done = self.command("train", data, "--spec", file.name, "--wait", fails=fails)
        if (done["state"] != "succeeded") != fails:
            raise RuntimeError(f"{name}: {done}")
        return str(done["run"])

    def task(self, kind: str, title: str, **params: Any) -> Any:
        return self.program(TASK, kind=kind, title=title, params=params)


def own_network(path: Path) -> None:
    """A network of three convolutions, trained for a moment to tell drawn shapes apart."""
    import keras

    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(99)
    labels = rng.integers(0, 3, 240)
    images = np.stack([np.asarray(draw(CLASSES[label], rng), "float32") for label in labels])
    layers = keras.layers
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Rescaling(1 / 127.5, -1)])
    for filters in (8, 16, 24):
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    for layer in (layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")):
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=30, batch_size=16, verbose=0)
    model.save(path)


def fill(old: Old, inputs: Path, work: Path) -> None:
    """Everything that the workspace holds, in the order in which a person might have made it."""
    draw_set(work / "shapes", 1, PICTURES)
    draw_set(work / "on-paper", 2, 8, paper=True)
    rows(3, ROWS).to_csv(work / "leaves.csv", index=False)
    rows(4, 240, shift=0.8).to_csv(work / "leaves-abroad.csv", index=False)
    own_network(work / "shapes.keras")

    old.command("import", work / "shapes", "--name", "Shapes")
    old.command("import", work / "on-paper", "--name", "On paper")
    old.command("import", work / "leaves.csv", "--name", "Leaves", "--target", "tree")
    old.command("import", work / "leaves-abroad.csv", "--name", "Abroad", "--target", "tree")
    brought = old.task("backbone", "Bring in shapes", path=str(work / "shapes.keras"), called="Three convolutions")
    backbone = brought["backbone"]

    samples = pd.read_parquet(next(old.home.glob("datasets/shapes/imports/*/manifest.parquet")))
    wrong = f"1-{samples.set_index('path')['row']['circle/circle-03.png']}"
    shapes = old.program(
        SPLIT,
        data="Shapes",
        recipe={
            "steps": [
                {"kind": "drop_duplicates", "params": {}},
                {"kind": "relabel", "params": {"labels": {wrong: "square"}}},
            ]
        },
    )
    leaves = {}
    for number, recipe in enumerate((FIRST_RECIPE, SECOND_RECIPE, THIRD_RECIPE)):
        leaves[number] = old.program(SPLIT, data="Leaves", recipe={"steps": recipe})["version"]
    first, second, third = (f"Leaves@{leaves[i]}" for i in range(3))

    probe = {"strategy": "linear_probe", "backbone": backbone, "image_size": SIDE, "epochs": 12}
    started_from = old.train("Shapes@v1", "Probe", **probe)
    two_stage = probe | {"strategy": "two_stage", "fine_tune_epochs": 3, "unfreeze": 1}
    old.train("Shapes@v1", "Two stages", **two_stage)
    turned = {"name": "light", "rotation": 10.0}
    old.train("Shapes@v1", "Probe, light augmentation", augmentation=turned, views=2, **probe)
    old.train(f"Shapes@{shapes['version']}", "Probe after relabelling", **probe)
    old.train("Shapes@v1", "Probe in folds", folds=3, **probe)
    old.train("Shapes@v1", "Deep alignment", source="On paper", **probe | {"strategy": "deep_alignment"})
    old.train("Shapes@v1", "On the probe", **probe | {"backbone": f"run:{started_from}"})

    old.train(first, "Logistic regression", learner="logistic_regression")
    old.train(first, "Forest", learner="random_forest", trees=10)
    old.train(first, "Boosting", learner="gradient_boosting", trees=20)
    old.train(first, "Network", learner="network", epochs=12)
    old.train(first, "Stack", learner="stacking", trees=10)
    old.train(first, "Logistic regression in folds", learner="logistic_regression", folds=3)
    old.train(second, "Many steps", learner="logistic_regression")
    old.train(third, "Many other steps", learner="bagging", estimators=5)
    old.train(third, "AdaBoost", learner="ada_boost", estimators=5)
    old.train(third, "Bare", learner="logistic_regression", preset="balanced")

    def from_abroad(name: str, strategy: str, learner: str = "logistic_regression", **spec: Any) -> str:
        return old.train("Leaves@v1", name, strategy=strategy, learner=learner, source="Abroad", **spec)

    from_abroad("Weighted by source", "instance_weighting")
    from_abroad("Aligned by CORAL", "feature_alignment", method="coral")
    from_abroad("Aligned by transport", "feature_alignment", method="optimal_transport")
    from_abroad("Aligned by subspace", "feature_alignment", method="subspace")
    from_abroad("TrAdaBoost", "tradaboost")
    from_abroad("TrAdaBoost of trees", "tradaboost", learner="random_forest", trees=10)
    from_abroad("Bayesian head", "bayesian_head")
    from_abroad("Adapted", "adaptation", target_labels="ignored")
    from_abroad("Pretrained", "pretraining", learner="network", epochs=8)

    old.command("ensemble", "--runs", "Logistic regression", "Forest", "Network", "--method", "voting")
    old.command("ensemble", "--runs", "Probe", "Two stages", "--method", "voting")
    old.command("ensemble", "--runs", "Probe", "Two stages", "--method", "averaging")

    old.train(first, "Rate far too high", fails=True, learner="network", epochs=5, learning_rate=1e30)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"data": first, "name": "Stopped", "learner": "network", "epochs": 1000}, file)
        file.flush()
        stopped = old.command("train", first, "--spec", file.name)["run"]
        time.sleep(1)
        old.command("cancel", stopped)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        base = {"learner": "logistic_regression", "class_weights": "balanced"}
        space = {"learner": ["logistic_regression", "random_forest"], "trees": [10]}
        json.dump({"base": base | {"trees": 10}, "space": space, "name": "Two learners", "trials": 2}, file)
        file.flush()
        old.command("search", first, "--spec", file.name)
    old.program(MARK, run="Probe")
    old.command("check", first)
    old.task("check", "Looking deeper", data="Shapes@v1")
    old.task("distance", "Distance", source="Abroad", target="Leaves", backbone=None, run=None)
    pictures = sorted(str(path) for path in (inputs / "pictures").iterdir())
    old.task("predict", "Predict", run=started_from, paths=pictures)
    old.task("predict", "Predict rows", run=run_named(old, "Forest"), paths=[str(inputs / "rows.csv")])


def take_away(old: Old, exports: Path) -> None:
    """What somebody exported with 0.1 and may still use."""
    old.command("export", "Stack", "--format", "bundle", "--out", exports / "stack.zip")
    old.command("export", "Many steps", "--format", "bundle", "--out", exports / "many-steps.zip")
    old.command("export", "Probe", "--format", "run", "--out", exports / "probe.zip")


def run_named(old: Old, name: str) -> str:
    return next(str(run["run"]) for run in old.command("runs")["runs"] if run["name"] == name)


def record(old: Old, inputs: Path) -> list[dict[str, Any]]:
    """Of every run what it is, how it is judged, and what it predicts."""
    pictures = sorted(str(path) for path in (inputs / "pictures").iterdir())
    found = []
    for run in old.command("runs")["runs"]:
        entry = {key: run[key] for key in ("run", "name", "state", "strategy", "backbone", "metrics")}
        folder = old.home / "runs" / run["run"]
        spec = json.loads((folder / "spec.json").read_text())
        entry["commands"] = {"evaluation": ["evaluate", run["run"]]} if run["state"] == "succeeded" else {}
        has_model = any((folder / name).exists() for name in ("model.keras", "model.joblib"))
        if run["state"] == "succeeded" and has_model and not spec.get("folds"):
            files = pictures if spec.get("backbone") else [str(inputs / "rows.csv")]
            entry["commands"]["predictions"] = ["predict", run["run"], *files]
        found.append(entry)
    asked = [entry.pop("commands") for entry in found]
    printed = old.program(COMMANDS, commands=[words for commands in asked for words in commands.values()])["printed"]
    for entry, commands in zip(found, asked, strict=True):
        for kind in commands:
            document = printed.pop(0)
            if kind == "predictions":
                document = [{key: p[key] for key in ("file", "probabilities")} for p in document["predictions"]]
            entry[kind] = document
    return found


def without_places(folder: Path, *places: Path) -> None:
    """Replace paths of this machine in what is text; say which other files still hold one."""
    words = sorted({str(place) for place in places}, key=len, reverse=True)
    for path in (p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        if path.suffix in (".json", ".jsonl", ".txt", ".log"):
            text = raw.decode("utf-8")
            for word in words:
                text = text.replace(f"{word}/", "").replace(word, ".")
            path.write_text(text, encoding="utf-8")
            raw = text.encode()
        for word in words:
            if word.encode() in raw:
                print(f"{path.relative_to(folder)} still holds {word}")


def pack(old: Old, base: Path, target: Path, work: Path) -> None:
    """Record what the workspace says, and write the archive."""
    home, inputs, exports = base / "workspace", base / "inputs", base / "exports"
    expected = record(old, inputs)
    without_places(home, work, inputs, home, base, Path.cwd(), Path(sys.prefix))
    take_away(old, exports)
    old.program(CHECKPOINT, database=str(home / "graft.db"))
    (base / "expected.json").write_text(json.dumps({"version": "0.1.0", "runs": expected}, indent=1))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(base / "expected.json", "expected.json")
        for folder in (home, inputs, exports):
            for path in sorted(folder.rglob("*")):
                # The checks used a backbone that comes with Graft: its converted network is large and made anew.
                if path.is_file() and "efficientnet" not in path.parent.name:
                    archive.write(path, str(path.relative_to(base)))
    print(f"{target}: {target.stat().st_size / 2**20:.2f} MB")


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="graft-") as temporary:
        base = Path(temporary)
        home, inputs, work = base / "workspace", base / "inputs", base / "work"
        exports = base / "exports"
        for folder in (home, inputs / "pictures", work, exports):
            folder.mkdir(parents=True)
        rng = np.random.default_rng(77)
        for i, kind in enumerate((*CLASSES, *CLASSES)):
            draw(kind, rng).save(inputs / "pictures" / f"new-{i}-{kind}.png")
        rows(78, 12).drop(columns="tree").to_csv(inputs / "rows.csv", index=False)
        old = Old(home)
        fill(old, inputs, work)
        pack(old, base, target, work)


if __name__ == "__main__":
    main()
