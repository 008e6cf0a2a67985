"""Predicting with a finished run: pictures or rows in, a table of classes with probabilities out."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data.findings.evidence import count
from core.data.images.store import ImageStore
from core.data.reading.packing import is_table
from core.data.tables.store import as_text
from core.embedding.embeddings import limit_threads
from core.errors import InputError
from core.inference.predicting import novelty, pictures
from core.inference.predicting.record import CELLS, TABLE, Outcome
from core.inference.predicting.version_files import write_samples
from core.schemas import DataRef
from core.store import files
from core.store.datasets import get_dataset

NEAREST = 3


def predict_task(params: dict[str, Any], folder: Path, progress: Any) -> dict[str, Any]:
    """`predict` in the background.

    `params`: `run`; `paths`, or `data` for the samples of a version; `uploaded`, a folder that is removed in the end.
    """
    progress(0, 0, "loading the model")
    written = folder / "given"
    try:
        if "data" in params:
            ref = DataRef.parse(params["data"])
            paths, given = [write_samples(ref, written)], f"{get_dataset(ref.dataset).name}, a dataset"
        else:
            paths = [Path(path) for path in params["paths"]]
            given = paths[0].name if len(paths) == 1 else count(len(paths), "file")
        outcome = predict(params["run"], paths, folder, progress, params.get("allow_unreadable", False))
    finally:
        shutil.rmtree(written, ignore_errors=True)
        if params.get("uploaded"):
            shutil.rmtree(params["uploaded"], ignore_errors=True)
    return outcome.model_copy(update={"given": given}).model_dump(mode="json")


def predict(
    run_id: str,
    paths: Sequence[Path],
    folder: Path,
    progress: Any = lambda *_: None,
    allow_unreadable: bool = False,
) -> Outcome:
    """Predict the class of each picture, or of each row of a table, with the run's model.

    Cells of a table that the dataset's reading cannot read are missing; where they are 20 % more of a column than
    at the import it is refused unless `allow_unreadable`.

    Writes `predictions.parquet`, one row a sample: file (or row), predicted, confidence, unlike, distance, nearest
    (ids of samples that the run knows), `p:CLASS` as the run gives them and `calibrated:CLASS` as scaled.
    Pictures lie beside it as an import keeps them, rows as `cells.parquet`.

    Raises:
        InputError: the run has no model, or nothing that was given can be used.
    """
    limit_threads()
    folder.mkdir(parents=True, exist_ok=True)
    from core.inference.predicting.model import ImageModel, load_model

    model = load_model(run_id)
    notes: tuple[str, ...] = ()
    skipped: list[Any] = []
    if isinstance(model, ImageModel):
        rendering = pictures.find_rendering(model.run)
        manifest, skipped = pictures.store_pictures(
            paths, folder, rendering, lambda done, n: progress(done, n, "reading")
        )
        notes = pictures.rendering_notes(manifest, rendering)
        names, images = manifest["path"].to_numpy(), ImageStore(folder)
        true, by = _folder_classes(manifest["path"], model.classes), "folder"
        probability, vectors = model.judged(images, lambda done, n: progress(done, n, "predicting"))
    else:
        given, cells, notes = model.take(_one_table(paths), allow_unreadable)
        names = np.array([f"row {i}" for i in cells.index], dtype=object)
        true, by = _column_classes(given.given, model.schema.target, model.classes), str(model.schema.target)
        prepared = vectors = model.vectors(cells)
        probability = model.probabilities(prepared)
        files.write_parquet(folder / CELLS, given.given.reset_index(drop=True))
    calibrated = probability if model.scaling is None else model.scaling(probability)
    predicted = probability.argmax(axis=1)
    table = pd.DataFrame(
        {
            "file": names,
            "predicted": np.array(model.classes, dtype=object)[predicted],
            "confidence": calibrated[np.arange(len(predicted)), predicted],
            **_novelty(model.reference, model.ids, vectors, len(names)),
            **{f"p:{name}": probability[:, i] for i, name in enumerate(model.classes)},
            **{f"calibrated:{name}": calibrated[:, i] for i, name in enumerate(model.classes)},
        }
    )
    files.write_parquet(folder / TABLE, table)
    known = true.notna().to_numpy()
    return Outcome(
        run=model.run.id,
        kind="image" if isinstance(model, ImageModel) else "table",
        classes=model.classes,
        n=len(table),
        temperature=model.scaling.temperature if model.scaling else None,
        scaling=model.scaling,
        uncalibrated=model.uncalibrated,
        threshold=model.reference.threshold if model.reference else None,
        quantile=novelty.QUANTILE,
        unjudged=model.unjudged,
        skipped=tuple(skipped),
        notes=notes,
        n_known=int(known.sum()),
        n_right=int((true.to_numpy() == table["predicted"].to_numpy())[known].sum()),
        known_by=by if known.any() else "",
    )


def _folder_classes(paths: pd.Series, classes: Sequence[str]) -> pd.Series:
    """The class of each picture by the folder that it lies in; missing for all unless all lie in such folders."""
    folders = paths.str.rpartition("/")[0].str.rpartition("/")[2]
    return folders.where(np.full(len(folders), folders.isin(classes).all()))


def _column_classes(given: pd.DataFrame, target: str | None, classes: Sequence[str]) -> pd.Series:
    """The class of each row where the file has the column that the run predicts; missing for what is no class."""
    if target is None or target not in given:
        return pd.Series(np.nan, index=given.index, dtype="str")
    said = as_text(given[target]).str.strip()
    return said.where(said.isin(classes))


def _one_table(paths: Sequence[Path]) -> Path:
    if len(paths) != 1 or not is_table(paths[0]):
        raise InputError("The run was trained on a table.", "Give one table: CSV, Excel, Parquet or JSON.")
    return paths[0]


def _novelty(
    reference: novelty.Reference | None, ids: np.ndarray, vectors: np.ndarray | None, n: int
) -> dict[str, Any]:
    """Columns unlike, distance and nearest; missing where nothing is known of the training samples."""
    if reference is None or vectors is None:
        return {"unlike": pd.array([pd.NA] * n, dtype="boolean"), "distance": np.nan, "nearest": [[]] * n}
    distance, near = reference.nearest_known(vectors)
    beyond = pd.array([pd.NA] * n, dtype="boolean")
    if reference.threshold is not None:
        beyond = pd.array(distance > reference.threshold, dtype="boolean")
    return {"unlike": beyond, "distance": distance, "nearest": [list(ids[row[:NEAREST]]) for row in near]}
