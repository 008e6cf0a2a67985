"""Commands on runs: train, list, cancel, resume, delete."""

import argparse
import time
from contextlib import suppress
from typing import Any

from core.commands.document import Document, read_json, read_text, validate_values
from core.errors import InputError

POLL = 0.1


def train(args: argparse.Namespace) -> Document:
    """Put a run into the queue; with --wait, stay until it has ended."""
    from core.jobs import queue
    from core.store import runs

    spec = _spec(args)
    run = queue.submit(spec)
    while args.wait and not run.ended:
        time.sleep(POLL)
        queue.reconcile_runs()
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
    """The TrainingSpec of the command: the file's, overridden by flags, and a new version for another split."""
    from core.schemas import TrainingSpec

    values: Document = {}
    if args.spec:
        values = read_json(args.spec, "Give --spec the path of a TrainingSpec in JSON.")
        if not isinstance(values, dict):
            raise InputError(f"“{args.spec}” holds no JSON object.", "A run's spec.json shows the form.")
    flags = ("preset", "backbone", "learner", "strategy", "source", "teacher", "folds", "seed", "name", "image_size",
             "batch_size")  # fmt: skip
    values |= {f: getattr(args, f) for f in flags if getattr(args, f) is not None}
    if args.augmentation is not None:
        from core.data.augmentation import get_augmentation

        values["augmentation"] = get_augmentation(args.augmentation)
    if args.epochs is not None:
        values[_last_stage(args.data, values)] = args.epochs
    values["data"] = args.data
    if args.test_size is not None or args.test_ids is not None or args.by_time is not None:
        values["data"] = _version_with_split(args)
    return validate_values(TrainingSpec, values)


def _last_stage(data: str, values: Document) -> str:
    """The field with the last stage's epochs: the fine-tuning's where there is one, else the head's or network's."""
    from core.methods.presets import PRESETS
    from core.methods.strategies import STRATEGIES
    from core.schemas import DataRef
    from core.store.datasets import get_dataset

    kind = get_dataset(DataRef.parse(data).dataset).kind
    chosen = values.get("preset", "quick")
    preset: Document = next((filled for name, filled in PRESETS[kind].items() if name == chosen), {})
    strategy = STRATEGIES.get((preset | values).get("strategy", ""))
    return strategy.epochs_field if strategy else "epochs"


def _version_with_split(args: argparse.Namespace) -> str:
    from core.data.versions import make_version
    from core.schemas import DataRef, Split
    from core.store.datasets import get_version

    version = get_version(DataRef.parse(args.data))
    share = args.test_size if args.test_size is not None else version.split.test
    if not 0 < share < 1:
        raise InputError(f"--test-size {share} is no share.", "Give a number between 0 and 1.")
    ids: tuple[str, ...] = ()
    if args.test_ids:
        text = read_text(args.test_ids, "Give --test-ids a text file, one name a line.")
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

    queue.reconcile_runs()
    listed = runs.list_runs(dataset=get_dataset(args.dataset).id if args.dataset else None)
    rows = []
    for run in listed:
        row = run.model_dump(mode="json", include={"name", "dataset", "version", "state", "epoch", "epochs", "pid"})
        row |= {"run": run.id, "strategy": run.spec.strategy, "backbone": run.spec.backbone or run.spec.learner}
        row |= {"place": queue.queue_position(run) if run.state == "queued" else None, "metrics": run.metrics}
        row["failure"] = run.failure.model_dump() if run.failure else None
        rows.append(row)
    return {"runs": rows}


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
    if dataset is None or args.what != dataset.id:  # an id names one thing, whatever else is called like it
        try:
            run = runs.get_run(args.what)
        except NotFoundError as error:
            if dataset is None:
                raise NotFoundError(f"There is no run and no dataset “{args.what}”.", error.hint) from error
    if run and dataset and args.what != run.id:
        raise InputError(
            f"Both a run and a dataset are called “{args.what}”.",
            f"Delete one by its id: the run is {run.id}, the dataset {dataset.id}.",
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
