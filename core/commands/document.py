"""What a command gives back, and how it reads the files it is pointed at."""

from pathlib import Path
from typing import Any

from core.errors import InputError

Document = dict[str, Any]


def read_text(name: str, hint: str) -> str:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"There is no file “{name}”.", hint)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"“{name}” is not text in UTF-8.", hint) from error
