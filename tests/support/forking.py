"""Worker processes forked from one that is past its imports (`tests.support.fork_server`), not started anew."""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from core.jobs import local
from core.settings import get_settings
from tests.support.fork_server import Request

ROOT = Path(__file__).parents[2]
start_process = local.launch_module
launched: list[str] = []  # the modules of the workers that this process has started

_address = ""


class ForkedProcess:
    """What `subprocess.Popen` is to a child of one's own: its id, and its exit status once it has ended."""

    def __init__(self, request: Request) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(_server())
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        self._answers = self._socket.makefile(encoding="utf-8")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._socket.close()
        return self.returncode


def launch(module: str, argument: str, log: Path) -> "ForkedProcess | subprocess.Popen[bytes]":
    """What `core.jobs.local.launch_module` does, by a fork; another backend of Keras needs a process of its own."""
    launched.append(module)
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return start_process(module, argument, log)
    return ForkedProcess(
        Request(
            module=module,
            arguments=[argument],
            folder=str(ROOT),
            environment=os.environ | local.worker_environment(get_settings().threads),
            output=str(log),
            errors=str(log),
        )
    )


def graft(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m core ARGUMENTS`, and fork whatever it starts; the workspace is this process's unless told."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        code = ForkedProcess(
            Request(
                module="core",
                arguments=list(arguments),
                folder=str(ROOT),
                environment=os.environ | environment,
                output=str(output),
                errors=str(errors),
            )
        ).wait()
        return subprocess.CompletedProcess(arguments, code, output.read_text("utf-8"), errors.read_text("utf-8"))


def use(address: str = "") -> None:
    """From now on fork the workers that this process starts, by the server at `address`, or by one of its own."""
    global _address
    _address = address
    local.launch_module = launch  # type: ignore[assignment]


def _server() -> str:
    """The address of the server, which is started when the first process is asked for, and ends with this one."""
    global _address
    if not _address:
        _address = str(Path(tempfile.mkdtemp(prefix="graft-"), "socket"))
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", _address],
            cwd=ROOT,
            env=os.environ | local.worker_environment(os.cpu_count() or 1),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert server.stdout is not None
        if server.stdout.readline() != b"ready\n":
            raise RuntimeError("The server that forks workers did not start; its errors stand above.")
        atexit.register(server.communicate)  # the end of its input ends it
    return _address
