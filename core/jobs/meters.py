"""Resource use of a run: processor time and memory of its processes, and samples per second."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from core.schemas import Event, RunRecord, now

LAST_EPOCHS = 8  # seconds over which the speed is averaged


@dataclass(frozen=True)
class Usage:
    """What the processes of a run have used: processor seconds by process so far, resident bytes now."""

    moment: float
    seconds: dict[int, float]
    memory: int


def process_usage(pid: int) -> Usage | None:
    """The usage of a process and its descendants; None when it has ended."""
    seconds, memory = {}, 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return None
    for process in family:
        with suppress(psutil.Error), process.oneshot():  # one that has just ended no longer counts
            times = process.cpu_times()
            seconds[process.pid] = times.user + times.system
            memory += process.memory_info().rss
    return Usage(time.monotonic(), seconds, memory) if seconds else None


def processor_load(before: Usage, after: Usage) -> float | None:
    """Processor load between two measurements: 1.0 is one core fully used."""
    passed = after.moment - before.moment
    if passed <= 0:
        return None
    return sum(max(0.0, after.seconds[pid] - before.seconds.get(pid, 0.0)) for pid in after.seconds) / passed


def samples_per_second(run: RunRecord, events: Sequence[Event], n: int) -> float | None:
    """Samples per second in a run's current phase, from its events; None while there are too few.

    Args:
        n: how many samples an epoch goes through.
    """
    phase = [e for e in events if e.phase == run.phase and not e.note]
    epochs = [e for e in phase if e.values][-LAST_EPOCHS:]
    if epochs:
        done, since, until = n * (epochs[-1].epoch - epochs[0].epoch), epochs[0].time, epochs[-1].time
    elif phase and phase[-1].epochs and run.epoch > phase[-1].epoch:  # it counts samples
        done, since, until = run.epoch - phase[-1].epoch, phase[-1].time, now()
    else:
        return None
    seconds = (until - since).total_seconds()
    return done / seconds if done > 0 and seconds > 0 else None
