"""What each command of `python -m core` does: arguments in, one JSON document out."""

import argparse
import json
import os
import shutil
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import GraftError, InputError

Document = dict[str, Any]
POLL = 0.1


def samples(_: argparse.Namespace) -> Document:
    """List the data sets that ship with Graft."""
    from core.data.samples import SAMPLES

    return {"samples": [{"name": s.name, "kind": s.kind, "n": s.n, "licence": s.licence} for s in SAMPLES.values()]}


def import_(args: argparse.Namespace) -> Document:
    """Import an archive or folder of images, a table, or sample:NAME."""
    from core.data.importing import import_data

    columns = _columns(args.columns) if args.columns else None
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
    from core.data.checks import all_findings, can_check, load_check
    from core.schemas import DataRef
    from core.store.datasets import get_dataset, get_version

    version = get_version(DataRef.parse(args.data))
    if can_check(get_dataset(version.dataset)) and load_check(version) is None:
        from core.models.embedding import limit_threads

        limit_threads()
        from core.training.deeper_look import look_deeper

        look_deeper(version)
    found = all_findings(version, load_check(version))
    return {"version": version.id, "findings": [f.model_dump(mode="json") for f in found]}


def clean(args: argparse.Namespace) -> Document:
    """Make a version with the steps of a recipe, in place of those it had."""
    from core.data.versions import next_version
    from core.schemas import DataRef, Recipe
    from core.store.datasets import get_version

    hint = 'A recipe is {"steps": [{"kind": NAME, "params": {…}}, …]}; every version.json holds one.'
    try:
        given = json.loads(_read(args.recipe, "Give --recipe the path of a recipe in JSON."))
        recipe = Recipe.model_validate({"steps": given} if isinstance(given, list) else given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"]) or "the recipe"
        raise InputError(f"“{args.recipe}” is no recipe: {where}: {first['msg']}.", hint) from error
    except ValueError as error:
        raise InputError(f"“{args.recipe}” is not JSON: {error}.", hint) from error
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


def _columns(file: str) -> Any:
    try:
        return json.loads(_read(file, "Give --columns the path of a JSON file."))
    except ValueError as error:
        hint = 'It holds {"COLUMN": {"type": "numeric", "role": "feature"}, …}.'
        raise InputError(f"“{file}” is not JSON: {error}.", hint) from error


def train(args: argparse.Namespace) -> Document:
    """Put a run into the queue; with --wait, stay until it has ended."""
    from core.jobs import queue
    from core.store import runs

    spec = _spec(args)
    run = queue.submit(spec)
    while args.wait and not run.ended:
        time.sleep(POLL)
        queue.reconcile()
        run = runs.get_run(run.id)
    document: Document = {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "seconds": run.seconds,
        "metrics": run.metrics,
        "notes": list(run.notes),
    }
    if run.failure:
        document["failure"] = run.failure.model_dump()
    if args.wait and run.state != "succeeded":
        document["exit_code"] = 1
    return document


def _spec(args: argparse.Namespace) -> Any:
    """The TrainingSpec of the command: the file's, flags over it, and a version of its own for another split."""
    from core.schemas import TrainingSpec

    values: Document = {}
    if args.spec:
        try:
            values = json.loads(_read(args.spec, "Give --spec the path of a TrainingSpec in JSON."))
        except ValueError as error:
            raise InputError(f"“{args.spec}” is not JSON: {error}.", "A run's spec.json shows the form.") from error
        if not isinstance(values, dict):
            raise InputError(f"“{args.spec}” holds no JSON object.", "A run's spec.json shows the form.")
    flags = ("preset", "backbone", "learner", "strategy", "source", "folds", "seed", "name", "image_size",
             "batch_size")  # fmt: skip
    values |= {f: getattr(args, f) for f in flags if getattr(args, f) is not None}
    if args.augmentation is not None:
        from core.data.augmentation import get_augmentation

        values["augmentation"] = get_augmentation(args.augmentation)
    if args.epochs is not None:
        values[_last_stage(args.data, values)] = args.epochs
    values["data"] = args.data
    if args.test_size is not None or args.test_ids is not None or args.by_time is not None:
        values["data"] = _another_split(args)
    try:
        return TrainingSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"]) or "the spec"
        raise InputError(f"“{where}” cannot be used: {first['msg']}.") from error


def _last_stage(data: str, values: Document) -> str:
    """The field with the last stage's epochs: the fine-tuning's where there is one, else the head's or network's."""
    from core.schemas import DataRef
    from core.store.datasets import get_dataset
    from core.training.presets import PRESETS

    kind = get_dataset(DataRef.parse(data).dataset).kind
    chosen = values.get("preset", "quick")
    preset: Document = next((filled for name, filled in PRESETS[kind].items() if name == chosen), {})
    return "fine_tune_epochs" if (preset | values).get("strategy") == "two_stage" else "epochs"


def _read(name: str, hint: str) -> str:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"There is no file “{name}”.", hint)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"“{name}” is not text in UTF-8.", hint) from error


def _another_split(args: argparse.Namespace) -> str:
    from core.data.versions import make_version
    from core.schemas import DataRef, Split
    from core.store.datasets import get_version

    version = get_version(DataRef.parse(args.data))
    share = args.test_size if args.test_size is not None else version.split.test
    if not 0 < share < 1:
        raise InputError(f"--test-size {share} is no share.", "Give a number between 0 and 1.")
    ids: tuple[str, ...] = ()
    if args.test_ids:
        text = _read(args.test_ids, "Give --test-ids a text file, one name a line.")
        ids = tuple(line.strip() for line in text.splitlines() if line.strip())
    split = Split(
        train=(1 - share) * 0.75,
        validation=(1 - share) * 0.25,
        test=share,
        seed=version.split.seed,
        test_ids=ids,
        time=args.by_time or version.split.time,
    )
    made = make_version(version.dataset, version.recipe, split)
    return f"{made.dataset}@{made.id}"


def runs_(args: argparse.Namespace) -> Document:
    """List runs, newest first."""
    from core.jobs import queue
    from core.store import runs
    from core.store.datasets import get_dataset

    queue.reconcile()
    listed = runs.list_runs(dataset=get_dataset(args.dataset).id if args.dataset else None)
    rows = []
    for run in listed:
        row = run.model_dump(mode="json", include={"name", "dataset", "version", "state", "epoch", "epochs", "pid"})
        row |= {"run": run.id, "strategy": run.spec.strategy, "backbone": run.spec.backbone or run.spec.learner}
        row |= {"place": queue.place(run) if run.state == "queued" else None, "metrics": run.metrics}
        row["failure"] = run.failure.model_dump() if run.failure else None
        rows.append(row)
    return {"runs": rows}


def evaluate(args: argparse.Namespace) -> Document:
    """Score a run on its test samples."""
    from core.evaluation.scores import absent_in_words, classes_of, fold_scores, judged, score
    from core.store import runs

    run = runs.get_run(args.run)
    predictions = runs.read_predictions(run.id)
    classes, test = classes_of(predictions), judged(predictions)
    found = score(test, classes)
    document: Document = {"run": run.id, **found.as_json(), "warning": absent_in_words(found)}
    folds = fold_scores(test, classes)
    if folds:
        document |= {
            "folds": [f.as_json() for f in folds.folds],
            "mean": folds.mean,
            "deviation": folds.deviation,
        }
    return document


def compare(args: argparse.Namespace) -> Document:
    """Say whether runs differ, judged on the same test samples."""
    from core.evaluation.comparison import compare_runs

    return compare_runs(args.runs)


def predict(args: argparse.Namespace) -> Document:
    """Predict the classes of pictures, of a ZIP of them, or of the rows of a table."""
    import tempfile

    import pandas as pd

    from core.predicting.predict import predict
    from core.predicting.record import TABLE

    paths = [Path(name).expanduser() for name in args.files]
    lost = next((path for path in paths if not path.exists()), None)
    if lost:
        raise InputError(f"There is no file “{lost}”.", "Check the path.")
    if args.out and not Path(args.out).expanduser().parent.is_dir():
        raise InputError(f"There is no folder {Path(args.out).parent}.", "Make it, or choose another place.")
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        outcome = predict(args.run, paths, Path(folder))
        table = pd.read_parquet(Path(folder) / TABLE)
    if args.out:
        table.drop(columns="nearest").to_csv(Path(args.out).expanduser(), index=False)
    document: Document = outcome.model_dump(mode="json", exclude={"kind"})
    document["predictions"] = [
        {
            "file": row["file"],
            "predicted": row["predicted"],
            "confidence": row["confidence"],
            "unlike": None if pd.isna(row["unlike"]) else bool(row["unlike"]),
            "probabilities": {name: row[f"p:{name}"] for name in outcome.classes},
            "calibrated": {name: row[f"calibrated:{name}"] for name in outcome.classes},
        }
        for row in table.to_dict("records")
    ]
    return document


def cancel(args: argparse.Namespace) -> Document:
    """Cancel a run that waits or works."""
    from core.jobs import queue

    run = queue.cancel(args.run)
    return {"run": run.id, "state": run.state}


def resume(args: argparse.Namespace) -> Document:
    """Go on with a run that was interrupted, cancelled or failed, after its last epoch."""
    from core.jobs import queue

    run = queue.resume(args.run)
    return {"run": run.id, "state": run.state}


def delete(args: argparse.Namespace) -> Document:
    """Move a run to the bin, or delete it or a dataset for good."""
    from core.errors import NotFoundError
    from core.store import datasets, runs

    run = dataset = None
    with suppress(NotFoundError):
        dataset = datasets.get_dataset(args.what)
    try:
        run = runs.get_run(args.what)
    except NotFoundError as error:
        if dataset is None:
            raise NotFoundError(f"There is no run and no dataset “{args.what}”.", error.hint) from error
    if run and dataset and args.what != run.id:
        raise InputError(
            f"Both a run and a dataset are called “{args.what}”.",
            f"Delete the run by its id, {run.id}, or rename one.",
        )
    if run:
        if args.for_good:
            runs.delete_run(run.id)
        else:
            runs.bin_run(run.id)
        return {"deleted": run.id, "kind": "run", "restorable": not args.for_good}
    assert dataset is not None
    datasets.delete_dataset(dataset.id)
    return {"deleted": dataset.id, "kind": "dataset"}


def restore(args: argparse.Namespace) -> Document:
    """Take a run out of the bin."""
    from core.store import runs

    return {"run": runs.restore_run(args.run).id}


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


def export(args: argparse.Namespace) -> Document:
    """Write a run's network in another format, checked against the original on test samples before it is kept."""
    from core.export.exporting import export as write
    from core.store import runs

    found = write(runs.get_run(args.run).id, args.format, Path(args.out))
    return found.model_dump(exclude={"check"}) | {"checked": True} | found.check.model_dump()


def backbones(args: argparse.Namespace) -> Document:
    """The backbones there are and whether their weights are here, runs that can be a source among them."""
    from core.models import downloads, own
    from core.models.catalogue import BACKBONES, get_backbone, weights_state

    if args.fetch:
        downloads.download(get_backbone(args.fetch))
    facts = ("name", "title", "input_size", "parameters", "features", "top1", "licence", "chain")
    found = [*BACKBONES.values(), *own.own_backbones()]
    return {"backbones": [{f: getattr(b, f) for f in facts} | {"weights": weights_state(b)} for b in found]}


def doctor(_: argparse.Namespace) -> Document:
    """Versions, accelerators, free disk, and what is missing with how to get it."""
    from core.jobs import backends, devices
    from core.models.catalogue import BACKBONES, weights_path
    from core.settings import get_settings
    from core.training.environment import environment

    home = get_settings().home
    home.mkdir(parents=True, exist_ok=True)
    missing = []
    for backbone in (b for b in BACKBONES.values() if b.package):
        try:
            weights_path(backbone)
        except GraftError as error:
            missing.append({"what": backbone.title, "why": error.message, "remedy": error.hint})
    trouble = devices.reported()[1]
    if trouble:
        remedy = "Install the driver anew, or go on without: Graft trains on the CPU."
        missing.append({"what": "NVIDIA driver", "why": trouble, "remedy": remedy})
    cluster = "none: runs train on this machine"
    if get_settings().ray_address:
        try:
            room = backends.chosen().room()
            cluster = f"Ray: {room.slots} places on CPUs, {len(room.gpus)} GPUs"
        except GraftError as error:
            cluster = "Ray: out of reach"
            missing.append({"what": "Ray cluster", "why": error.message, "remedy": error.hint})
    if shutil.which("chromium") is None:
        missing.append(
            {
                "what": "Chromium",
                "why": "Only the browser tests need it.",
                "remedy": "Run `apt-get install chromium`.",
            }
        )
    disk = shutil.disk_usage(home)
    found = environment()
    accelerators = [f"GPU {gpu.index}: {gpu.name}" for gpu in devices.gpus()] or ["none: Graft trains on the CPU"]
    return {
        **found,
        "home": str(home),
        "accelerators": accelerators,
        "cluster": cluster,
        "free_disk_gb": round(disk.free / 2**30, 1),
        "missing": missing,
    }


def serve(args: argparse.Namespace) -> Document:
    """Start the dashboard; the address is printed."""
    root = Path(__file__).parents[1]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((args.address, args.port))
        except OSError as error:
            raise InputError(
                f"Port {args.port} at {args.address} cannot be used: {error.strerror or error}.",
                f"Graft may be running there already; otherwise choose another port: make run PORT={args.port + 1}.",
            ) from error
    options = ["--server.port", str(args.port), "--server.address", args.address]
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options])
