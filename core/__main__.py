"""Graft from a shell: `python -m core COMMAND`. Every command takes `--json`.

With `--json` a command prints one JSON document on standard output and nothing else. Errors go to standard error as
one sentence; the exit code is 2 for invalid input and 1 for other failures.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

from core.commands import data, machine, results, studies, training, transfer
from core.commands.document import Document
from core.errors import GraftError, InputError
from core.export.formats import FORMATS

Command = Callable[[argparse.Namespace], Document]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, as all errors here are."""

    def error(self, message: str) -> NoReturn:
        self.exit(InputError.exit_code, f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Graft from a shell.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, function: Command) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.add_argument("--json", action="store_true", help="print one JSON document")
        sub.set_defaults(function=function)
        return sub

    command("samples", data.samples)
    sub = command("import", data.import_)
    sub.add_argument("path", help="a file or folder, or sample:NAME")
    sub.add_argument("--name", help="what to call the dataset")
    sub.add_argument("--target", help="a table's column to predict")
    sub.add_argument("--bins", type=int, help="cut a numeric target into this many classes of equal size")
    sub.add_argument("--columns", help="a file with types and roles of a table's columns, in JSON")
    sub.add_argument("--unlabelled", action="store_true", help="import without labels")
    sub.add_argument(
        "--rest", action="store_true", help="import images without a class as a second dataset, unlabelled"
    )
    sub.add_argument("--into", help="add to this dataset, as a new version")
    sub.add_argument("--reading", help="a file that says how the source is to be read, in JSON")
    sub.add_argument("--show-reading", action="store_true", help="print how it would be read, import nothing")
    sub.add_argument("--member", help="the table in an archive that holds several")
    sub = command("reread", data.reread)
    sub.add_argument("dataset")
    sub.add_argument("--reading", required=True, help="a file that says how it is to be read, in JSON")
    sub.add_argument("--number", type=int, help="of the import; the last one unless told")
    command("check", data.check).add_argument("data", help="DATASET[@VERSION]")
    sub = command("clean", data.clean)
    sub.add_argument("dataset", help="DATASET[@VERSION]; the new version is divided like this one")
    sub.add_argument("--recipe", required=True, help="a file with the steps, in JSON")
    sub = command("train", training.train)
    sub.add_argument("data", help="DATASET[@VERSION]")
    sub.add_argument("--preset", choices=["quick", "balanced", "thorough"])
    sub.add_argument("--spec", help="a TrainingSpec in JSON; flags override it")
    sub.add_argument("--backbone")
    sub.add_argument("--learner", help="for tables, such as network, random_forest or stacking")
    sub.add_argument("--strategy")
    sub.add_argument("--source", metavar="DATA", help="other labelled data that a strategy learns from as well")
    sub.add_argument("--teacher", metavar="RUN", help="the run that distillation learns from")
    sub.add_argument("--epochs", type=int, help="epochs of the last stage")
    sub.add_argument("--image-size", type=int, help="input size in pixels")
    sub.add_argument("--batch-size", type=int)
    sub.add_argument("--seed", type=int)
    sub.add_argument("--augmentation", help="for images: light, medium, strong or textbook")
    sub.add_argument("--name", help="what to call the run")
    sub.add_argument("--test-size", type=float, help="share of the samples that judge")
    sub.add_argument("--test-ids", help="a file with the names of the samples that judge, one a line")
    sub.add_argument("--by-time", metavar="COLUMN", help="for tables: the newest rows by this column judge")
    sub.add_argument("--folds", type=int, help="cross-validate with this many folds")
    sub.add_argument("--wait", action="store_true", help="stay until the run has ended")
    sub = command("runs", training.runs_)
    sub.add_argument("--dataset")
    command("evaluate", results.evaluate).add_argument("run")
    command("compare", results.compare).add_argument("runs", nargs="+", metavar="RUN")
    sub = command("predict", results.predict)
    sub.add_argument("run")
    sub.add_argument("files", nargs="+", metavar="FILE", help="pictures, folders or ZIPs of them, or one table")
    sub.add_argument("--out", help="write the predictions to this CSV file")
    sub.add_argument(
        "--allow-unreadable", action="store_true", help="take cells of a table that cannot be read as missing"
    )
    sub = command("export", results.export)
    sub.add_argument("run")
    sub.add_argument("--format", required=True, help=", ".join(FORMATS))
    sub.add_argument("--out", required=True, help="a file that is not there yet; its ending is the format's")
    sub = command("search", studies.search)
    sub.add_argument("data", help="DATASET[@VERSION]")
    sub.add_argument("--spec", required=True, help="a file with the StudySpec, in JSON")
    sub = command("distance", transfer.distance)
    sub.add_argument("source", help="DATASET[@VERSION][:train|validation|test]")
    sub.add_argument("target", help="other data of the same kind, with labels or without")
    sub.add_argument("--backbone", help="whose embeddings stand for images")
    sub.add_argument("--run", help="a finished run on the source: what it is expected to reach on the target")
    ranking = command("rank", transfer.rank)
    ranking.add_argument("data", help="DATASET[@VERSION], of images unless --sources")
    ranking.add_argument("--sources", action="store_true", help="rank the other datasets as sources instead")
    sub = command("ensemble", studies.ensemble)
    sub.add_argument("data", nargs="?", help="DATASET[@VERSION]: train an ensemble on it")
    sub.add_argument("--runs", nargs="+", metavar="RUN", help="make one of these runs")
    sub.add_argument(
        "--method", required=True, help="bagging, boosting, stacking; of runs: " + ", ".join(studies.COMBINING)
    )
    sub.add_argument("--spec", help="a TrainingSpec in JSON for the training")
    sub.add_argument("--name", help="what to call the run")
    command("import-run", results.import_run).add_argument("file", help="a run that was exported with --format run")
    command("cancel", training.cancel).add_argument("run")
    command("resume", training.resume).add_argument("run")
    sub = command("delete", training.delete)
    sub.add_argument("what", help="a run or a dataset")
    sub.add_argument("--for-good", action="store_true", help="do not move a run to the bin but delete it")
    command("restore", training.restore).add_argument("run", help="a run in the bin")
    sub = command("download", data.download)
    sub.add_argument("data", help="DATASET or DATASET@VERSION")
    sub.add_argument("--out", required=True, help="a file: .zip for images, .csv or .parquet for a table")
    sub = command("backbones", machine.backbones)
    sub.add_argument("--fetch", metavar="NAME", help="download the weights of this one")
    command("prepare", machine.prepare)
    command("doctor", machine.doctor)
    sub = command("serve", machine.serve)
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
            return pad + ", ".join(_text(x) for x in value)
        return "\n".join(f"{pad}- {_text(x, indent + 1).lstrip()}" for x in value)
    from core.evaluation.comparison import in_words

    return in_words(value)


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
    as_json = document.pop("as_json", False) or args.json
    print(json.dumps(document, ensure_ascii=False, indent=1) if as_json else _text(document))
    return code


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep what libraries print past Python, TensorFlow's greetings for one, from standard error.

    Where an exception ends the command it is shown, since it may tell why.
    """
    sys.stderr.flush()
    terminal, ours = os.dup(2), sys.stderr
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        sys.stderr = os.fdopen(os.dup(terminal), "w", encoding=ours.encoding, errors=ours.errors, buffering=1)
        try:
            yield
        except Exception:
            kept.seek(0)
            sys.stderr.write(kept.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.close()
            sys.stderr = ours
            os.dup2(terminal, 2)
            os.close(terminal)


def _run() -> int:
    """`main` for a shell: no traceback on a broken pipe or Ctrl+C, no chatter of libraries."""
    try:
        # The server takes this process over, with its standard error.
        with nullcontext() if sys.argv[1:2] == ["serve"] else _without_chatter():
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
