"""Import of 10,000 JPEG images of 224 px against bare Pillow decoding in two processes, and the pages meanwhile.

CIFAR-10 images are scaled up and packed once. Bare decoding and importing take turns; during a last import the home
page is run again and again.
"""

import argparse
import io
import json
import os
import statistics
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks import cifar
from benchmarks.harness import Benchmark, Rounds, in_turns
from benchmarks.packages import CACHE

BENCHMARK = Benchmark(
    name="import_images",
    what=(
        "import of 10,000 JPEG images of 224 px until all are decoded, measured and stored, process start included"
    ),
    opponent="bare decoding with Pillow in two processes",
    unit="s",
    goal="0.8",
    minutes=10,
)

SIDE, QUALITY, PROCESSES = 224, 90, 2
ROOT = Path(__file__).parents[1]


def packed(n: int) -> Path:
    """A ZIP of `n` upscaled images in ten class folders, made when it is not there."""
    path = CACHE / f"cifar-{SIDE}px-{n}.zip"
    if not path.exists():
        images, targets = cifar.sample(n // 10, seed=0)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            part = Path(work) / path.name
            with zipfile.ZipFile(part, "w") as archive:
                for number, (image, target) in enumerate(zip(images, targets, strict=True)):
                    out = io.BytesIO()
                    large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
                    large.save(out, "JPEG", quality=QUALITY)
                    archive.writestr(f"{cifar.CLASSES[target]}/{number:05d}.jpg", out.getvalue())
            part.replace(path)
    return path


def decode(path: Path, first: int) -> int:
    """Every second image from `first` on as RGB pixels, by Pillow alone; returns the bytes of all of them."""
    total = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist()[first::PROCESSES]:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                total += np.asarray(image.convert("RGB")).nbytes
    return total


def bare(path: Path) -> float:
    """Seconds that bare decoding takes, processes warm."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(abs, range(PROCESSES)))
        started = time.perf_counter()
        assert all(pool.map(decode, [path] * PROCESSES, range(PROCESSES)))
        return time.perf_counter() - started


def imported(path: Path, meanwhile: object = None) -> dict[str, float]:
    """Import in a workspace of its own, as the pages do. Returns seconds and the process's peak memory in MB."""
    from core.jobs import tasks

    with tempfile.TemporaryDirectory(dir=CACHE) as home:
        os.environ["GRAFT_HOME"] = home
        started = time.perf_counter()
        record = tasks.start("import", "CIFAR", source=str(path), name="CIFAR")
        pid = json.loads((tasks.folder_of(record.id) / "process.json").read_text())["pid"]
        stored, peak = 0.0, 0.0
        while not (record := tasks.get(record.id)).ended:
            if callable(meanwhile):
                meanwhile()
            else:
                time.sleep(0.02)
            stored = stored or (
                time.perf_counter() - started if record.total and record.done == record.total else 0.0
            )
            peak = max(peak, _memory(pid))
        seconds = time.perf_counter() - started
        assert record.state == "succeeded", record.failure
        assert record.done == record.total
    return {"seconds": seconds, "stored": stored or seconds, "peak": peak}


def _memory(pid: int) -> float:
    """What a process and those it started occupy now, in MB, shared pages counted once."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):  # it may end meanwhile
                lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main() -> Rounds:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    from streamlit.testing.v1 import AppTest

    path = packed(args.n)
    imports: list[dict[str, float]] = []

    def graft() -> float:
        imports.append(imported(path))
        return imports[-1]["stored"]

    found = in_turns(BENCHMARK, graft, lambda: bare(path), args.rounds)
    reruns: list[float] = []
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)

    def rerun() -> None:
        started = time.perf_counter()
        app.run()
        reruns.append(time.perf_counter() - started)
        assert not app.exception

    imported(path, rerun)
    whole = statistics.median(r.theirs / i["seconds"] for r, i in zip(found.rounds, imports, strict=False))
    print(f"ratio of rates with version and findings: {whole:.2f}")
    print(f"peak memory of the importing processes: {max(i['peak'] for i in imports):.0f} MB")
    slow = float(np.percentile(reruns[1:], 95))
    print(
        f"{len(reruns)} page reruns meanwhile: median {statistics.median(reruns):.3f} s, 95th percentile {slow:.3f} s"
    )
    return found


if __name__ == "__main__":
    main()
