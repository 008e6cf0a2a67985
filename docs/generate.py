"""Write `docs/reference` from the code: `python -m docs.generate`, or `make docs`.

`pages()` gives the text of every page by its file name; a test compares them with the files. Nothing here may depend
on the machine, the time or what is installed.
"""

import argparse
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.__main__ import _parser
from core.data.augmentation import AUGMENTATION_HELP, AUGMENTATIONS
from core.data.cleaning.steps.registry import STEPS
from core.data.cleaning.steps.step import WHERE
from core.data.findings.embedding import LOOKED_FOR
from core.data.findings.image import STRIKING
from core.data.findings.registry import finders
from core.export.formats import FORMATS
from core.methods.augmentation_layers import LAYERS
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.presets import PRESETS
from core.methods.pretrained import BACKBONES
from core.methods.strategies import GROUPS, STRATEGIES
from core.schemas import Augmentation, Kind, TrainingSpec
from core.settings import Settings

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `make docs` from the code. Do not edit. -->\n"
OF_THE_MACHINE = {"home": "`~/.graft`", "threads": "the number of CPU cores"}  # defaults that differ between machines
LIMITS: dict[type, str] = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}
SYMBOLS = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    names = list(headings)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped) + "\n"


def code(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def paragraphs(text: str | None) -> str:
    """A docstring without its indentation, up to a section such as `Args:`."""
    lines = [line.strip() for line in (text or "").strip().splitlines()]
    kept = lines[
        : next((i for i, line in enumerate(lines) if line in ("Args:", "Attributes:", "Example:")), len(lines))
    ]
    return "\n".join(kept).strip() + "\n"


def sentence(text: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return paragraphs(text).split("\n\n")[0].replace("\n", " ").strip()


def type_of(annotation: Any) -> str:
    """A field's type as people write it: `int`, `"adam" | "sgd"`, without the `None` of one that may stay empty."""
    origin = get_origin(annotation)
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " | ".join(type_of(part) for part in get_args(annotation) if part is not type(None))
    if origin is not None and hasattr(annotation, "__metadata__"):
        return type_of(get_args(annotation)[0])
    if origin in (tuple, list):
        return f"list of {type_of(get_args(annotation)[0])}"
    if origin is dict:
        return "object"
    name = str(annotation.__name__)
    return {"str": "text", "bool": "true | false", "float": "number", "int": "whole number"}.get(name, name)


def limits_of(annotation: Any, metadata: Iterable[Any]) -> str:
    """The range of a number, such as “≥ 1, ≤ 16”."""
    found = list(metadata)
    todo = [annotation]
    while todo:
        part = todo.pop()
        for extra in getattr(part, "__metadata__", ()):
            found += [extra, *getattr(extra, "metadata", ())]
        todo += [inner for inner in get_args(part) if hasattr(inner, "__metadata__") or get_args(inner)]
    named = [f"{LIMITS[type(m)]} {getattr(m, SYMBOLS[type(m)]):g}" for m in found if type(m) in LIMITS]
    return ", ".join(dict.fromkeys(named))


def default_of(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return ""
    if isinstance(field.default, tuple | list | dict) and not field.default:
        return "empty"
    return f"`{field.default}`" if field.default != "" else "empty"


def fields(model: type[BaseModel]) -> str:
    """The fields of a model with type, range and default."""
    rows = [
        (f"`{name}`", type_of(field.annotation), limits_of(field.annotation, field.metadata), default_of(field))
        for name, field in model.model_fields.items()
    ]
    return table(("field", "type", "range", "default"), rows)


def commands() -> str:
    """Every command with its arguments."""
    parser = _parser()
    (sub,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = [
        "# Commands\n",
        "`python -m core COMMAND`. Every command takes `--json`; [command-line.md](../command-line.md) says what it"
        " prints.\n",
    ]
    for name, command in sub.choices.items():
        parts.append(f"## {name}\n\n{sentence(command.description)}\n")
        rows = [
            (argument_name(action), "required" if is_required(action) else "", action.help or "")
            for action in command._actions
            if action.dest not in ("help", "json")
        ]
        if rows:
            parts.append(table(("argument", "", "meaning"), rows))
    return "\n".join(parts)


def is_required(action: argparse.Action) -> bool:
    return action.required and action.nargs != "?"


def argument_name(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    shown = "|".join(str(choice) for choice in action.choices) if action.choices else str(value)
    shown += "…" if action.nargs == "+" else ""
    if not action.option_strings:
        return f"`{shown}`"
    return f"`{action.option_strings[0]}`" if action.nargs == 0 else f"`{action.option_strings[0]} {shown}`"


def settings() -> str:
    """Every environment variable."""
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = [str(n) for n in alias.choices] if isinstance(alias, AliasChoices) else [f"GRAFT_{name.upper()}"]
        default = OF_THE_MACHINE.get(name, default_of(field))
        rows.append(
            (code(names), type_of(field.annotation).replace("Path", "folder"), default, field.description or "")
        )
    return "# Settings\n\nEnvironment variables. Where several are named, the first that is set counts.\n\n" + table(
        ("variable", "type", "default", "meaning"), rows
    )


def training_spec() -> str:
    """The fields of `TrainingSpec`, of `Augmentation`, and what presets fill in."""
    parts = [
        "# TrainingSpec\n",
        "What to train, on what and how: the JSON of `train --spec`, and `spec.json` of every run. A field without a"
        " default is filled by the preset.\n",
        paragraphs(TrainingSpec.__doc__),
        fields(TrainingSpec),
        "## Augmentation\n",
        paragraphs(Augmentation.__doc__),
        fields(Augmentation),
        "## Presets\n",
    ]
    for kind, presets in PRESETS.items():
        parts.append(f"For {kind} data:\n")
        rows = [
            (f"`{name}`", code(f"{f}={value}" for f, value in filled.items())) for name, filled in presets.items()
        ]
        parts.append(table(("preset", "fills in"), rows))
    return "\n".join(parts)


def strategies() -> str:
    """Every strategy by group, and the combinations of finished runs."""
    parts = ["# Strategies\n"]
    for group, meaning in GROUPS.items():
        parts.append(f"## {group}\n\n{meaning}\n")
        for strategy in STRATEGIES.values():
            if strategy.group != group:
                continue
            parts.append(f"### {strategy.title} (`{strategy.name}`)\n\n{strategy.summary} {strategy.help}\n")
            kinds = "images and tables" if strategy.kind == "both" else f"{strategy.kind}s"
            parts.append(f"For {kinds}. Settings: {code(strategy.uses)}.\n")
            if strategy.learners:
                parts.append(f"Learners: {code(strategy.learners)}.\n")
            if strategy.methods:
                parts.append(table(("method", "when it helps"), ((f"`{m}`", s) for m, s in strategy.methods.items())))
    parts.append("## Combining finished runs\n")
    for way in COMBINATIONS.values():
        parts.append(
            f"### {way.title} (`{way.name}`)\n\n{way.summary} {way.help}\n\nFor {' and '.join(way.kinds)}s.\n"
        )
    return "\n".join(parts)


def learners() -> str:
    rows = [(f"`{x.name}`", x.title, x.summary, code(x.uses)) for x in LEARNERS.values()]
    return "# Learners of tables\n\n" + table(("name", "title", "what it is", "settings"), rows)


def steps() -> str:
    """Every cleaning step with its settings."""
    parts = ["# Cleaning steps\n", 'A recipe is a list of steps, each `{"kind": NAME, "params": {…}}`.\n']
    parts.append(table(("scope", "when it acts"), ((f"`{scope}`", text) for scope, text in WHERE.items())))
    for step in STEPS.values():
        kinds = "images and tables" if step.kind == "both" else f"{step.kind}s"
        parts.append(f"## {step.title} (`{step.name}`)\n\n{step.help}\n\nScope `{step.scope}`, for {kinds}.\n")
        if step.settings.model_fields:
            rows = [
                (
                    f"`{name}`",
                    type_of(f.annotation),
                    limits_of(f.annotation, f.metadata),
                    default_of(f),
                    f.description or "",
                )
                for name, f in step.settings.model_fields.items()
            ]
            parts.append(table(("setting", "type", "range", "default", "meaning"), rows))
    return "\n".join(parts)


def findings() -> str:
    """What is looked for in data, by kind."""
    parts = ["# Findings\n"]
    kinds: tuple[Kind, ...] = ("image", "table")
    for kind in kinds:
        parts.append(f"## In {kind}s\n")
        rows = [
            (f"`{finder.__name__}`", sentence(finder.__doc__))
            for finder in finders(kind)
            if "<locals>" not in finder.__qualname__
        ]
        if kind == "image":
            rows += [(f"`{striking.kind}`", f"Images that are {striking.message}.") for striking in STRIKING]
        parts.append(table(("finder", "what it looks for"), rows))
    parts.append("## By looking deeper\n")
    parts.append(
        f"The task “Look deeper” adds, for images, {code(LOOKED_FOR)}, judged by embeddings, and for tables"
        " `label_error`, judged by classifiers that have not seen the row.\n"
    )
    return "\n".join(parts)


def formats() -> str:
    rows = [
        (f"`{f.name}`", f.title, f.purpose, " and ".join(f"{k}s" for k in f.kinds), code(f.endings), f.engine or "–")
        for f in FORMATS.values()
    ]
    return (
        "# Export formats\n\nA file with an engine is loaded by it in a fresh process and compared with the network"
        " on test samples before it is handed over.\n\n"
        + table(("name", "title", "purpose", "for", "endings", "engine"), rows)
    )


def backbones() -> str:
    rows = [
        (f"`{b.name}`", b.title, b.input_size, f"{b.parameters / 1e6:.1f}", b.features,
         "" if b.top1 is None else f"{b.top1:.3f}", b.licence, "comes with Graft" if b.package else "downloaded")
        for b in BACKBONES.values()
    ]  # fmt: skip
    return (
        "# Backbones\n\nBesides these, a finished run (`run:RUN`) and a network that was brought in (`own:NAME`).\n\n"
        + table(
            ("name", "title", "pixels", "million parameters", "features", "ImageNet top-1", "licence", "weights"),
            rows,
        )
    )


def augmentations() -> str:
    layers = [(f"`{field.name}`", field.help) for layer in LAYERS for field in layer.fields]
    rows = []
    for name, augmentation in AUGMENTATIONS.items():
        values = augmentation.model_dump(exclude_defaults=True, exclude={"name"})
        rows.append((f"`{name}`", AUGMENTATION_HELP[name], code(f"{f}={value}" for f, value in values.items())))
    return (
        "# Augmentations\n\nBy name, or with values of your own; [TrainingSpec](training-spec.md#augmentation) lists"
        " all fields.\n\n"
        + table(("name", "meaning", "values"), rows)
        + "\n## Layers\n\n"
        + table(("field", "meaning"), layers)
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "training-spec.md": training_spec,
    "strategies.md": strategies,
    "learners.md": learners,
    "steps.md": steps,
    "findings.md": findings,
    "formats.md": formats,
    "backbones.md": backbones,
    "augmentations.md": augmentations,
}


def pages() -> dict[str, str]:
    """File name → text, of all pages and their index."""
    texts = {name: write() for name, write in PAGES.items()}
    index = "# Reference\n\nGenerated from the code by `make docs`.\n\n"
    index += "".join(f"- [{text.splitlines()[0].removeprefix('# ')}]({name})\n" for name, text in texts.items())
    return {name: f"{NOTE}{text.rstrip()}\n" for name, text in ({"README.md": index} | texts).items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    texts = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
