"""Every strategy's saved network, loaded in a fresh process, against the predictions that its run stored.

    python -m benchmarks.reload [--size 128]

The clip art, few epochs. Prints the largest difference in a probability, strategy by strategy.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Benchmark
from benchmarks.two_stage import trained
from core.data.importing import import_data
from core.methods.strategies import STRATEGIES

BENCHMARK = Benchmark(
    name="reload",
    what="every strategy's saved network, loaded in a fresh process, against the stored predictions",
    minutes=10,
)

RELOAD = """
import json, sys
import keras, numpy as np
from core.data.versions import load_samples
from core.schemas import DataRef
from core.store import runs
from core.store.datasets import get_dataset
from core.training.version_images import VersionImages

found = {}
for run_id in sys.argv[1:]:
    run, stored = runs.get_run(run_id), runs.read_predictions(run_id)
    samples = load_samples(DataRef.parse(run.spec.data)).set_index("id", drop=False).loc[stored["id"]]
    images = VersionImages(get_dataset(run.dataset), samples).batch(np.arange(len(samples)), run.spec.image_size)
    model = keras.saving.load_model(runs.run_folder(run_id) / "model.keras")
    theirs = stored[[c for c in stored if c.startswith("p:")]].to_numpy()
    found[run_id] = float(np.abs(model.predict(images, verbose=0) - theirs).max())
print(json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        data = import_data("sample:clipart").dataset.id
        names = {}
        for name, strategy in STRATEGIES.items():
            few = {"epochs": 5, "fine_tune_epochs": 2}
            used = {field: value for field, value in few.items() if field in strategy.uses}
            names[trained(data, name, 0, size, **used).id] = name
        command = [sys.executable, "-c", RELOAD, *names]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
        for run, apart in json.loads(done.stdout.splitlines()[-1]).items():
            print(f"{names[run]}: {apart:.1e}")


if __name__ == "__main__":
    main()
