"""The user's choices for the columns of a table: type and role."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import ValidationError

from core.errors import InputError
from core.schemas import Frozen

ColumnType = Literal["numeric", "category", "left_out"]
Role = Literal["feature", "target", "id", "group", "weight", "ignore"]
TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
ROLES: tuple[Role, ...] = get_args(Role)


class Choice(Frozen):
    """What a person chose for a column; None leaves it to inference.

    An `id` names the rows, a `group` keeps its rows on one side of the split, a `weight` says how much a training row
    counts; none of them is used as a feature.
    """

    type: ColumnType | None = None
    role: Role | None = None


def read_choices(content: Any) -> dict[str, Choice]:
    """Choices for columns from JSON: name → {"type", "role"}. `InputError` for invalid ones."""
    if not isinstance(content, dict):
        raise InputError("The choices of columns are no JSON object.", 'Write {"COLUMN": {"type": …, "role": …}, …}.')
    choices = {}
    for name, choice in content.items():
        try:
            choices[name] = Choice.model_validate(choice)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"The choice for column “{name}” cannot be used: {where} {first['msg']}.",
                f"A type is one of {', '.join(TYPES)}, a role one of {', '.join(ROLES)}.",
            ) from error
    return choices


def column_with_role(choices: Mapping[str, Choice], role: Role) -> str | None:
    """The column with this role, None when there is none; `InputError` when there are several."""
    names = [name for name, choice in choices.items() if choice.role == role]
    if len(names) > 1:
        raise InputError(f"Both “{names[0]}” and “{names[1]}” have the role {role}.", "Only one column can have it.")
    return names[0] if names else None
