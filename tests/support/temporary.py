"""Where tests put their files."""

import os
import shutil
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30  # bytes; a container often has but 64 MB there


def use_memory() -> None:
    """Let pytest make its temporary folders in memory where there is room: Graft syncs nearly all that it writes."""
    if os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))
