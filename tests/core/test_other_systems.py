"""Graft works where names that only POSIX has are missing, as on Windows."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from core.data.images import writing as storing
from core.jobs import local, warm
from core.store import locks

ROOT = Path(__file__).parents[2]

# Other people's libraries are imported first: they look at `sys.platform`, and would miss what Linux promises.
IMPORT_ALL = """
import ast, importlib, importlib.util, os, pkgutil, signal, sys
from pathlib import Path

files = [*Path("core").rglob("*.py"), *Path("pages").glob("*.py"), Path("streamlit_app.py")]
for path in files:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        named += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        for name in named:
            if name.split(".")[0] not in ("core", "pages", "ray", "fcntl", "msvcrt", "torch", "jax"):
                try:
                    importlib.import_module(name)
                except ImportError:
                    pass

POSIX = (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot fchmod fchown fork forkpty getegid"
    " geteuid getgid getgrouplist getloadavg getpgid getpgrp getpriority getresuid getsid getuid initgroups killpg"
    " lchown lockf major minor mkfifo mknod nice openpty posix_fadvise posix_fallocate posix_spawn pread preadv"
    " pwrite pwritev sched_getaffinity sched_setaffinity sched_yield sendfile setgid setpgid setpriority setsid"
    " setuid statvfs sync uname wait wait3 wait4 waitid"
).split()
EVERYWHERE = "SIGINT SIGTERM SIGABRT SIGFPE SIGILL SIGSEGV SIG_DFL SIG_IGN".split()
for name in POSIX:
    if hasattr(os, name):
        delattr(os, name)
for name in dir(signal):
    other_signal = name.startswith("SIG") and name not in EVERYWHERE
    if other_signal or name in ("alarm", "setitimer", "pthread_kill", "pause"):
        delattr(signal, name)
for name in ("fcntl", "grp", "pwd", "pty", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None  # importing it raises ImportError

import core
for module in pkgutil.walk_packages(core.__path__, "core."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
importlib.import_module("core.__main__")
print("all", sum(name.split(".")[0] == "core" for name in sys.modules))
"""


@pytest.mark.training
def test_every_module_can_be_imported_without_what_only_posix_has() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= sum(1 for _ in (ROOT / "core").rglob("*.py")) - 1


def test_pixels_are_stored_where_nothing_can_be_written_at_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_CAN_PLACE", False)
    monkeypatch.setattr(storing, "_CAN_RESERVE", False)
    file = storing._PixelFile(tmp_path / "pixels")
    images = [np.full((20 + i, 30, 3), i, "uint8") for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        offsets = list(pool.map(file.append, images))
    file.close()
    stored = (tmp_path / "pixels").read_bytes()
    assert len(stored) == sum(image.nbytes for image in images)
    for image, offset in zip(images, offsets, strict=True):
        assert stored[offset : offset + image.nbytes] == image.tobytes()


def test_a_lock_is_of_bytes_where_files_have_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: set[int] = set()

    def locking(descriptor: int, mode: int, n: int) -> None:
        assert (mode, n) == (2, 1)
        if held:
            raise OSError("Permission denied")
        held.add(descriptor)

    windows = ModuleType("msvcrt")
    monkeypatch.setattr(windows, "locking", locking, raising=False)
    monkeypatch.setattr(windows, "LK_NBLCK", 2, raising=False)
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    monkeypatch.setattr(locks, "fcntl", None)
    with (tmp_path / "file").open("w") as first, (tmp_path / "file").open("w") as second:
        locks.lock(first)
        assert not locks.try_lock(second)
        held.clear()
        assert locks.try_lock(second)


def test_no_process_waits_where_there_are_no_named_pipes(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_WARM_MINUTES", "10")
    monkeypatch.setattr(warm, "CAN_WAIT", False)
    monkeypatch.setattr(local, "launch", lambda *_: pytest.fail("a process was started"))
    warm.keep_ready(on_exit=lambda: None)
    assert warm.wait_for_run("1-0.0") is None
    assert warm.hand_over("run") is None
