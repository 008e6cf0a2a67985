"""What a run was made with: library versions and hardware, so that a result can be explained later."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import core
from core.jobs import devices
from core.settings import get_settings

LIBRARIES = ("tensorflow", "keras", "openvino", "scikit-learn", "numpy", "pandas", "streamlit", "plotly")


def libraries() -> dict[str, str]:
    """Installed versions; a library that is not installed says so."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores, memory (GB) and GPUs, read without importing a deep-learning library."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": psutil.cpu_count() or 1,
        "threads": get_settings().threads,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": [gpu.name for gpu in devices.driver_report()[0]],
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def environment() -> dict[str, Any]:
    return {"graft": core.__version__, "libraries": libraries(), "hardware": hardware()}
