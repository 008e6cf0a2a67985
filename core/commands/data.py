"""Commands on data: import, check, clean, download."""

import argparse
from pathlib import Path

from core.commands.document import Document, read_json, validate_values
from core.errors import InputError

COLUMNS_HINT = 'Columns are {"COLUMN": {"type": "numeric", "role": "feature"}, …}.'


def samples(_: argparse.Namespace) -> Document:
    """List the data sets that ship with Graft."""
    from core.data.files.samples import SAMPLES

    return {"samples": [{"name": s.name, "kind": s.kind, "n": s.n, "licence": s.licence} for s in SAMPLES.values()]}


def import_(args: argparse.Namespace) -> Document:
    """Import an archive or folder of images, a table, or sample:NAME."""
    from core.data.importing import import_data

    columns = read_json(args.columns, COLUMNS_HINT) if args.columns else None
    result = import_data(
        args.path,
        name=args.name,
        target=args.target,
        unlabelled=args.unlabelled,
        into=args.into,
        bins=args.bins,
        columns=columns,
    )
    return {
        "dataset": result.dataset.id,
        "version": result.dataset.version,
        "kind": result.dataset.kind,
        "n": result.version.n if result.version else result.dataset.n,
        "classes": list(result.dataset.classes),
        "skipped": [s.model_dump(mode="json") for s in result.skipped],
        "findings": [f.model_dump(mode="json") for f in result.findings],
    }


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
