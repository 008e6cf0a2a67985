"""Workers that only sleep, for tests of the queue."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.jobs import local
from core.schemas import ACTIVE, now
from core.store import runs

FOREVER = 60.0


class Sleepers:
    """Stands in for `local.start_worker`: a process that only sleeps, and its begin and end in `diary`.

    Like a worker, a sleeper that has `worked` its seconds writes that it succeeded before it goes. `reap=False`
    leaves an end unnoticed, as when the server was restarted.
    """

    def __init__(self, diary: Path, worked: float = 0.02, command: str = "exec sleep 60", reap: bool = True) -> None:
        self.diary = diary
        self.worked = worked
        self.command = command
        self.reap = reap
        self.processes: list[subprocess.Popen[bytes]] = []
        self.threads: list[threading.Thread] = []

    def start(self, run_id: str, on_exit: Callable[[], object]) -> tuple[int, float]:
        self.write(f"begin {run_id}")
        process = subprocess.Popen(["sh", "-c", self.command], start_new_session=True)
        self.processes.append(process)

        def wait() -> None:
            try:
                process.wait(self.worked)
            except subprocess.TimeoutExpired:
                self.write(f"end {run_id}")
                runs.update_run(run_id, expect=ACTIVE, state="succeeded", finished=now())
                process.kill()
                process.wait()
            if self.reap:
                on_exit()

        self.threads.append(threading.Thread(target=wait, daemon=True))
        self.threads[-1].start()
        return process.pid, local.creation_time(process.pid)

    def write(self, line: str) -> None:
        with self.diary.open("a") as file:
            file.write(line + "\n")

    def begun(self) -> list[str]:
        return [line.split()[1] for line in self.diary.read_text().splitlines() if line.startswith("begin")]


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def all_ended() -> bool:
    return all(run.ended for run in runs.list_runs())
