"""Script time of the Evaluate page with 10,000 test images: each tab, a clicked cell, and 20 runs side by side.

`python -m benchmarks.evaluate_page [--images 12000]`: CIFAR-10 photos, of which 10,000 are the test part; the runs
are made-up predictions, nothing is trained. The first run of a page, which fills its caches, stands by itself.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks import cifar
from benchmarks.harness import Benchmark
from core.data.importing import import_data
from core.data.versions import load_samples, make_version
from core.schemas import DataRef, Event, ResolvedSpec, RunRecord, Split, VersionRecord
from core.store import files, runs

ROOT = Path(__file__).parents[1]
BENCHMARK = Benchmark(
    name="evaluate_page",
    what="script time of a redraw of the Evaluate page with 10,000 test images",
    minutes=5,
)

TESTED, RUNS, ROUNDS = 10_000, 20, 15
TABS = ("Classes", "Curves", "Calibration", "Thresholds", "Mistakes", "Slices", "Export")
SIDE = ("Scores", "Curves", "Settings", "Cost", "Matrices", "Disagreements")


def dataset(home: Path, n: int) -> VersionRecord:
    learn = cifar.sample((n - TESTED) // 10, seed=0)
    judge = cifar.batch("data_batch_2"), cifar.labels("train")[10_000:20_000]
    cifar.write_folder(home / "photos", *learn, prefix="learn")
    names = cifar.write_folder(home / "photos", *judge, prefix="judge")
    made = import_data(home / "photos", name="photos").dataset
    share = TESTED / n
    split = Split(train=0.75 * (1 - share), validation=0.25 * (1 - share), test=share, test_ids=tuple(names))
    return make_version(made.id, split=split)


def finished(version: VersionRecord, seed: int) -> RunRecord:
    """A run that is right on about .8 of its samples and gives probabilities as networks do."""
    ref = DataRef(dataset=version.dataset, version=version.id)
    spec = ResolvedSpec(data=str(ref), strategy="linear_probe", backbone="efficientnet_lite0", epochs=seed + 1)
    run = runs.create_run(
        spec,
        name=f"run {seed}",
        dataset=version.dataset,
        version=version.id,
        test_hash=version.test_hash,
        n=version.n,
    )
    samples = load_samples(ref)
    samples = samples[samples["part"] != "train"].reset_index(drop=True)
    rng = np.random.default_rng(seed)
    codes = np.array([version.classes.index(label) for label in samples["label"]])
    logits = rng.normal(0, 1, (len(codes), len(version.classes)))
    logits[np.arange(len(codes)), codes] += 2.2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows = samples[["id", "path", "label", "part"]].assign(
        fold=0,
        predicted=[version.classes[i] for i in p.argmax(1)],
        **{f"p:{c}": p[:, i] for i, c in enumerate(version.classes)},
    )
    files.write_parquet(runs.run_folder(run.id) / "predictions.parquet", rows)
    for epoch in range(1, 41):
        values = {"loss": 1 / epoch, "val_loss": 1.1 / epoch, "accuracy": 0.8, "val_accuracy": 0.7}
        runs.append_event(run.id, Event(phase="head", epoch=epoch, epochs=40, values=values))
    done = runs.update_run(run.id, state="succeeded", seconds={"fit": 4.0})
    assert done is not None
    return done


def measure(what: str, **query: str) -> None:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=240)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/evaluate.py")
    begun = time.perf_counter()
    app.run()
    first = time.perf_counter() - begun
    if what.startswith("cell"):
        app.session_state[f"matrix-{query['runs']}-cell"] = ("cat", "dog")
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        app.run()
        seconds.append(1000 * (time.perf_counter() - begun))
    assert not app.exception, app.exception
    worst = statistics.quantiles(seconds, n=20)[-1]
    print(
        f"{what}: first {first:.1f} s, then median {statistics.median(seconds):.0f} ms, 95 % {worst:.0f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12_000)
    n = parser.parse_args().images
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"GRAFT_HOME": home, "GRAFT_WARM_MINUTES": "0"}
        version = dataset(Path(home), n)
        made = [finished(version, seed).id for seed in range(RUNS)]
        measure("cell clicked", runs=made[0])
        for tab in TABS:
            measure(tab, runs=made[0], tab=tab)
        for tab in SIDE:
            measure(f"{RUNS} runs, {tab}", runs=",".join(made), tab=tab)


if __name__ == "__main__":
    main()
