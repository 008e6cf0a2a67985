"""The result of a command, and reading its input files."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import InputError

Document = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


def read_text(name: str, hint: str) -> str:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"There is no file “{name}”.", hint)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"“{name}” is not text in UTF-8.", hint) from error


def read_json(name: str, hint: str) -> Any:
    try:
        return json.loads(read_text(name, hint))
    except ValueError as error:
        raise InputError(f"“{name}” is not JSON: {error}.", hint) from error


def validate_values(model: type[Model], values: Any, hint: str = "") -> Model:
    """The values as this model; `InputError` names the first invalid field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"]) or "the whole"
        why = first["msg"].removeprefix("Value error, ")
        raise InputError(f"“{where}” cannot be used: {why}.", hint) from error
