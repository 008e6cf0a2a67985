"""A process that has imported all that a worker needs, and forks one for whoever asks: no test waits for TensorFlow.

`python -m tests.support.fork_server SOCKET` serves until its standard input ends. `tests.support.forking` asks it.
A request is one line of JSON (`Request`); the answer is the child's process id in one line, and its exit status in
another when it has ended. The server has imported the libraries and used none of them: threads that they start for
their work do not survive a fork.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from pkgutil import resolve_name
from typing import TypedDict, cast

MODULES = (
    "keras",
    "tensorflow",
    "openvino",
    "core.commands",
    "core.training.ensembles.combining",
    "core.jobs.queue",
    "core.jobs.webhook",
    "core.training.worker.accelerators",
    "core.training.images.task",
    "core.training.recorder",
    "core.training.result",
    "core.training.tables.task",
)


class Request(TypedDict):
    """`python -m module *arguments` in `folder`, with these variables; descriptors 1 and 2 go to the files named."""

    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    output: str
    errors: str


def preload() -> None:
    """Import what workers of runs and of tasks import."""
    from core.jobs import tasks

    for module in MODULES:
        importlib.import_module(module)
    for function in tasks.TASKS.values():
        resolve_name(function)


def serve(address: str) -> Request | None:
    """Fork for every request. Returns twice and more: in each child its request, in the server None at the end."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing.fileno())
    waiting: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as ready:
        listener.bind(address)
        listener.listen(64)
        for source in (listener, reading, sys.stdin):
            ready.register(source, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in ready.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.fileobj is reading:
                    reading.recv(4096)
                    _tell_ends(waiting)
                    continue
                client, _ = listener.accept()
                with client.makefile(encoding="utf-8") as lines:
                    request = cast(Request, json.loads(lines.readline()))
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for end in (reading, writing, client, *waiting.values()):
                        end.close()
                    return request
                client.sendall(f"{pid}\n".encode())
                waiting[pid] = client


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    """Collect the children that have ended, and tell whoever asked for them, if they are still there."""
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with waiting.pop(pid) as client:
            try:
                client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            except OSError:
                continue


def become(request: Request) -> None:
    """Be the process that was asked for, as if it had been started by its command, in a session of its own."""
    os.setsid()
    for descriptor, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        (2, request["errors"], os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    ):
        opened = os.open(path, mode, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.argv = [request["module"], *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    from tests.support import forking

    preload()
    gc.collect()
    gc.freeze()  # what is never touched stays shared with the children
    forking.use(sys.argv[1])
    if asked := serve(sys.argv[1]):
        become(asked)
