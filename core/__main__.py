"""Graft from a shell: `python -m core COMMAND`. Every command takes `--json`.

With `--json` a command prints one JSON document on standard output and nothing else. Errors go to standard error as
one sentence; the exit code is 2 for what the user gave and 1 for what broke.
"""

import argparse
import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from core.errors import GraftError, InputError

Document = dict[str, Any]
Command = Callable[[argparse.Namespace], Document]
POLL = 0.1


def samples(_: argparse.Namespace) -> Document:
    """List the data sets that ship with Graft."""
    from core.data.samples import SAMPLES

    return {"samples": [{"name": s.name, "kind": s.kind, "n": s.n, "licence": s.licence} for s in SAMPLES.values()]}


def import_(args: argparse.Namespace) -> Document:
    """Import a ZIP or folder of images, a CSV table, or sample:NAME."""
    from core.data.importing import import_data

    result = import_data(
        args.path,
        name=args.name,
        target=args.target,
        unlabelled=args.unlabelled,
        into=args.into,
        bins=args.bins,
    )
    return {
        "dataset": result.dataset.id,
        "version": result.dataset.version,
        "kind": result.dataset.kind,
        "n": result.version.n if result.version else result.dataset.n,
        "classes": list(result.dataset.classes),
        "skipped": [s.model_dump() for s in result.skipped],
        "findings": [f.model_dump() for f in result.findings],
    }


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
    flags = ("preset", "backbone", "learner", "strategy", "folds", "seed", "name", "image_size", "batch_size")
    values |= {f: getattr(args, f) for f in flags if getattr(args, f) is not None}
    if args.epochs is not None:
        values[_last_stage(args.data, values)] = args.epochs
    values["data"] = args.data
    if args.test_size is not None or args.test_ids is not None:
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
        train=(1 - share) * 0.75, validation=(1 - share) * 0.25, test=share, seed=version.split.seed, test_ids=ids
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
    from core.evaluation.scores import classes_of, fold_scores, judged, score
    from core.store import runs

    run = runs.get_run(args.run)
    predictions = runs.read_predictions(run.id)
    classes, test = classes_of(predictions), judged(predictions)
    document: Document = {"run": run.id, **score(test, classes).as_json()}
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
    """Delete a run or a dataset."""
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
        runs.delete_run(run.id)
        return {"deleted": run.id, "kind": "run"}
    assert dataset is not None
    datasets.delete_dataset(dataset.id)
    return {"deleted": dataset.id, "kind": "dataset"}


def doctor(_: argparse.Namespace) -> Document:
    """Versions, accelerators, free disk, and what is missing with how to get it."""
    from core.models.catalogue import BACKBONES, weights_path
    from core.settings import get_settings
    from core.training.environment import environment

    home = get_settings().home
    home.mkdir(parents=True, exist_ok=True)
    missing = []
    for backbone in BACKBONES.values():
        try:
            weights_path(backbone)
        except GraftError as error:
            missing.append({"what": backbone.title, "why": error.message, "remedy": error.hint})
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
    accelerators = found["hardware"]["gpus"] or ["none: Graft trains on the CPU"]
    return {
        **found,
        "home": str(home),
        "accelerators": accelerators,
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


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, as all errors here are."""

    def error(self, message: str) -> NoReturn:
        self.exit(InputError.exit_code, f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` tells more.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Graft from a shell.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, function: Command) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.add_argument("--json", action="store_true", help="print one JSON document")
        sub.set_defaults(function=function)
        return sub

    command("samples", samples)
    sub = command("import", import_)
    sub.add_argument("path", help="a file or folder, or sample:NAME")
    sub.add_argument("--name", help="what to call the dataset")
    sub.add_argument("--target", help="a table's column to predict")
    sub.add_argument("--bins", type=int, help="cut a numeric target into this many classes of equal size")
    sub.add_argument("--unlabelled", action="store_true", help="import without labels")
    sub.add_argument("--into", help="add to this dataset, as a new version")
    sub = command("train", train)
    sub.add_argument("data", help="DATASET[@VERSION]")
    sub.add_argument("--preset", choices=["quick", "balanced", "thorough"])
    sub.add_argument("--spec", help="a TrainingSpec in JSON; flags override it")
    sub.add_argument("--backbone")
    sub.add_argument("--learner", help="for tables: network or logistic_regression")
    sub.add_argument("--strategy")
    sub.add_argument("--epochs", type=int, help="epochs of the last stage")
    sub.add_argument("--image-size", type=int, help="input size in pixels")
    sub.add_argument("--batch-size", type=int)
    sub.add_argument("--seed", type=int)
    sub.add_argument("--name", help="what to call the run")
    sub.add_argument("--test-size", type=float, help="share of the samples that judge")
    sub.add_argument("--test-ids", help="a file with the names of the samples that judge, one a line")
    sub.add_argument("--folds", type=int, help="cross-validate with this many folds")
    sub.add_argument("--wait", action="store_true", help="stay until the run has ended")
    sub = command("runs", runs_)
    sub.add_argument("--dataset")
    command("evaluate", evaluate).add_argument("run")
    command("compare", compare).add_argument("runs", nargs="+", metavar="RUN")
    command("cancel", cancel).add_argument("run")
    command("resume", resume).add_argument("run")
    command("delete", delete).add_argument("what", help="a run or a dataset")
    command("doctor", doctor)
    sub = command("serve", serve)
    sub.add_argument("--port", type=int, default=8501)
    sub.add_argument("--address", default="localhost", help="0.0.0.0 lets the network in; Graft asks for no password")
    return parser


def _text(value: Any, indent: int = 0) -> str:
    """A document for people: nested lines, one fact each."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            nested = isinstance(item, dict | list) and item
            lines.append(f"{pad}{key}:\n{_text(item, indent + 1)}" if nested else f"{pad}{key}: {_text(item)}")
        return "\n".join(lines)
    if isinstance(value, list):
        if all(isinstance(x, int | float | str) for x in value):
            return pad + ", ".join(str(x) for x in value)
        return "\n".join(f"{pad}- {_text(x, indent + 1).lstrip()}" for x in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is returned."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        document = args.function(args)
    except GraftError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    code = int(document.pop("exit_code", 0))
    print(json.dumps(document, ensure_ascii=False, indent=1) if args.json else _text(document))
    return code


def _run() -> int:
    """`main` for a shell: quiet when the reader of a pipe leaves early or Ctrl+C is pressed."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would raise once more when the interpreter closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(_run())
