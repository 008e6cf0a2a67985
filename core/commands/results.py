"""Commands on results of runs: evaluate, compare, predict, export."""

import argparse
from pathlib import Path

from core.commands.document import Document
from core.errors import InputError


def evaluate(args: argparse.Namespace) -> Document:
    """Score a run on its test samples."""
    from core.evaluation.calibration import class_indices, error_with_interval, probabilities
    from core.evaluation.scores import (
        classes_of,
        fold_scores,
        judged_rows,
        score_predictions,
    )
    from core.evaluation.words import describe_absent_classes, describe_single_prediction
    from core.store import runs

    run = runs.get_run(args.run)
    predictions = runs.read_predictions(run.id)
    classes, test = classes_of(predictions), judged_rows(predictions)
    scores = score_predictions(test, classes)
    warnings = filter(None, (describe_single_prediction(scores), describe_absent_classes(scores)))
    document: Document = {"run": run.id, **scores.as_json(), "warning": " ".join(warnings) or None}
    document["ci"]["ece"] = error_with_interval(probabilities(test), class_indices(test))[1]
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

    from core.inference.predicting.predict import predict
    from core.inference.predicting.record import TABLE

    paths = [Path(name).expanduser() for name in args.files]
    lost = next((path for path in paths if not path.exists()), None)
    if lost:
        raise InputError(f"There is no file “{lost}”.", "Check the path.")
    if args.out and not Path(args.out).expanduser().parent.is_dir():
        raise InputError(f"There is no folder {Path(args.out).parent}.", "Make it, or choose another place.")
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        outcome = predict(args.run, paths, Path(folder), allow_unreadable=args.allow_unreadable)
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


def export(args: argparse.Namespace) -> Document:
    """Write a run in another format; a network is checked against the original on test samples before it is kept."""
    from core.export.exporting import export_run
    from core.store import runs

    exported = export_run(runs.get_run(args.run).id, args.format, Path(args.out))
    figures = exported.check.model_dump() if exported.check else {}
    return exported.model_dump(exclude={"check"}) | {"checked": bool(figures)} | figures


def import_run(args: argparse.Namespace) -> Document:
    """Take in a run that another Graft exported with --format run."""
    from core.export.run_archive import import_run

    run = import_run(Path(args.file).expanduser())
    return {"run": run.id, "name": run.name, "dataset": run.dataset, "version": run.version, "notes": list(run.notes)}
