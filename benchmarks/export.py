"""Every format of two runs on the clip art: largest difference, agreement, size and speed, as its check finds them.

The script of each run is run by itself as well; it tells on which share of the test images it says the same.

python -m benchmarks.export [--strategies linear_probe two_stage]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.harness import Benchmark

BENCHMARK = Benchmark(
    name="export",
    what=(
        "every export format of a linear probe and a two-stage run on the clip art (224 px, 61 test "
        "images), and the exported script run by itself"
    ),
    minutes=10,
)


def repeated(path: Path) -> str:
    """What the script in this ZIP tells when it is run by itself, in percent of the test images."""
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    done = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=True)
    right, same = re.findall(r"on ([\d.]+)% of", done.stdout)
    return f"right on {right} % of the test images, the same class as the run on {same} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="+", default=["linear_probe", "two_stage"])
    strategies = parser.parse_args().strategies
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        from benchmarks.two_stage import trained
        from core.data.importing import import_sample
        from core.errors import DataError
        from core.export.exporting import export_run
        from core.export.formats import formats_of

        data = import_sample("clipart").dataset.id
        for strategy in strategies:
            run = trained(data, strategy, 0, 224)
            for wanted in formats_of(run):
                try:
                    found = export_run(
                        run.id, wanted.name, Path(home) / strategy / f"{wanted.name}{wanted.endings[0]}"
                    )
                except DataError as error:
                    print(f"{strategy}, {wanted.title}: {error}", flush=True)
                    continue
                if wanted.name == "script":
                    print(f"{strategy}, {wanted.title}: {repeated(Path(found.path))}", flush=True)
                check = found.check
                if check is None:
                    continue
                print(
                    f"{strategy}, {wanted.title}: {check.n} test images, largest difference"
                    f" {check.largest_difference:.1g}, agreement {check.agreement:.1%}, {found.bytes / 1e6:.1f} MB,"
                    f" {check.per_second:.0f} a second",
                    flush=True,
                )


if __name__ == "__main__":
    main()
