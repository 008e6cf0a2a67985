"""Commands on data: import, check, clean, download."""

import argparse
from pathlib import Path
from typing import Any

from core.commands.document import Document, read_json, validate_values
from core.errors import InputError
from core.schemas import DatasetRecord

COLUMNS_HINT = 'Columns are {"COLUMN": {"type": "numeric", "role": "feature"}, …}.'


def samples(_: argparse.Namespace) -> Document:
    """List the data sets that ship with Graft."""
    from core.data.files.samples import SAMPLES

    return {"samples": [{"name": s.name, "kind": s.kind, "n": s.n, "licence": s.licence} for s in SAMPLES.values()]}


def import_(args: argparse.Namespace) -> Document:
    """Import an archive or folder of images, a table, or sample:NAME."""
    from core.data.import_task import import_rest
    from core.data.importing import import_data
    from core.data.reading.record import READING_HINT

    if args.show_reading:
        return show_reading(args)
    columns = read_json(args.columns, COLUMNS_HINT) if args.columns else None
    result = import_data(
        args.path,
        name=args.name,
        target=args.target,
        unlabelled=args.unlabelled,
        into=args.into,
        bins=args.bins,
        columns=columns,
        reading=_chosen(read_json(args.reading, READING_HINT)) if args.reading else None,
        member=args.member or "",
    )
    rest = import_rest(args.path, result.dataset) if args.rest else None
    return {
        "dataset": result.dataset.id,
        "version": result.dataset.version,
        "kind": result.dataset.kind,
        "n": result.version.n if result.version else result.dataset.n,
        "classes": list(result.dataset.classes),
        "skipped": [s.model_dump(mode="json") for s in result.skipped],
        "findings": [f.model_dump(mode="json") for f in result.findings],
        **({"rest": rest.dataset.id if rest else None} if args.rest else {}),
        **_reading_of(result.dataset),
    }


def reread(args: argparse.Namespace) -> Document:
    """Read the original of an import anew, by another reading: a new import in place of that one, and a version."""
    from core.data.importing import reread_data
    from core.data.reading.record import READING_HINT

    result = reread_data(args.dataset, _chosen(read_json(args.reading, READING_HINT)), args.number)
    return {
        "dataset": result.dataset.id,
        "version": result.version.id,
        "name": result.version.name,
        "n": result.version.n,
        "classes": list(result.version.classes),
        "note": result.version.note,
        "skipped": [s.model_dump(mode="json") for s in result.skipped],
    }


def _chosen(reading: dict[str, Any]) -> dict[str, Any]:
    """A reading that a person gave, as one that was not merely proposed."""
    return reading | {"proposed": False} if reading.get("kind") == "image" else reading


def show_reading(args: argparse.Namespace) -> Document:
    """How a source would be read, as the file that `--reading` takes."""
    from core.data.image_reading.reading import ImageReading, propose_image_reading
    from core.data.reading.proposing import propose_reading
    from core.data.reading.record import TableReading
    from core.data.sources import inspect_source

    source = inspect_source(args.path)
    reading: TableReading | ImageReading
    if source.kind == "image":
        with source.open() as archive:
            reading = propose_image_reading(archive, labelled=not args.unlabelled)
    else:
        reading = propose_reading(source.path, args.member or "")
    return {**reading.model_dump(mode="json"), "as_json": True}


def _reading_of(dataset: DatasetRecord) -> Document:
    """What was guessed as a table was read: questions, and words taken as missing cells."""
    if dataset.kind != "table":
        return {}
    from core.data.tables.readings import import_reading
    from core.store.datasets import import_folder

    reading = import_reading(import_folder(dataset.id, dataset.imports[-1].number))
    questions = [q.model_dump(mode="json") for q in reading.questions]
    return {"reading": {"questions": questions, "taken_as_missing": reading.taken_as_missing}}


def check(args: argparse.Namespace) -> Document:
    """Say what is wrong with data, each finding with the step that remedies it."""
    from core.data.findings.saved import all_findings, can_check, load_check
    from core.schemas import DataRef
    from core.store.datasets import get_dataset, get_version

    version = get_version(DataRef.parse(args.data))
    if can_check(get_dataset(version.dataset)) and load_check(version) is None:
        from core.embedding.embeddings import limit_threads

        limit_threads()
        from core.training.check import check_version

        check_version(version)
    found = all_findings(version, load_check(version))
    return {"version": version.id, "findings": [f.model_dump(mode="json") for f in found]}


def clean(args: argparse.Namespace) -> Document:
    """Make a version with the steps of a recipe, in place of those it had."""
    from core.data.versions import next_version
    from core.schemas import DataRef, Recipe
    from core.store.datasets import get_version

    hint = 'A recipe is {"steps": [{"kind": NAME, "params": {…}}, …]}; every version.json holds one.'
    given = read_json(args.recipe, hint)
    recipe = validate_values(Recipe, {"steps": given} if isinstance(given, list) else given, hint)
    before = get_version(DataRef.parse(args.dataset))
    version = next_version(before, recipe)
    return {
        "dataset": version.dataset,
        "version": version.id,
        "name": version.name,
        "n": version.n,
        "dropped": version.dropped,
        "classes": list(version.classes),
        "findings": [f.model_dump(mode="json") for f in version.findings],
    }


def download(args: argparse.Namespace) -> Document:
    """Write a version to a file: images as a ZIP of folders, a table as CSV or Parquet."""
    from core.data.download import write_version
    from core.schemas import DataRef
    from core.store.datasets import get_version

    target = Path(args.out).expanduser()
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent}.", "Make it, or choose another place.")
    version = get_version(DataRef.parse(args.data))
    return {"n": write_version(version, target), "path": str(target), "version": version.id}
