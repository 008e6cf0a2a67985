"""A script, or a notebook, that repeats a run with plain Keras or scikit-learn, in a ZIP with all that it needs.

Nothing of Graft is imported by it: the backbone lies beside it as a Keras file, the data as PNG files or, of a table,
as the prepared columns.
"""

import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.data.download import add_image, file_name, image_name
from core.data.images.store import DatasetImages
from core.evaluation.scores import classes_of
from core.export import image_script, table_script
from core.export.sections import Section, as_notebook, as_script, script_header
from core.schemas import PARTS, RunRecord
from core.store import files, runs
from core.store.datasets import get_dataset, get_version
from core.training.version_images import VersionImages

if TYPE_CHECKING:
    from core.export.job import Job

LIBRARIES = ("numpy", "pandas", "pillow", "scikit-learn", "tensorflow", "keras")


def script_obstacle(run: RunRecord) -> str:
    """Why no script of this run can be written; "" when one can."""
    if run.spec.folds:
        return "A script repeats one training, and each fold was another one. Train once without folds."
    return image_script.script_obstacle(run) if run.spec.backbone else table_script.script_obstacle(run)


def write_script(job: "Job") -> Path:
    return _write(job, "train.py", "python train.py")


def write_notebook(job: "Job") -> Path:
    return _write(job, "train.ipynb", "jupyter lab train.ipynb")


def _write(job: "Job", name: str, start: str) -> Path:
    """The ZIP with the script under `name`; `start` is how it is called."""
    path = job.file(".zip")
    predictions = runs.read_predictions(job.run.id)
    tested = predictions[predictions["part"] == "test"]
    classes = classes_of(predictions)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if job.run.spec.backbone:
            sections, key, names = _images(job, archive, classes)
            beside = image_script.BESIDE
        else:
            sections, key, names = _table(job, archive, classes)
            beside = table_script.BESIDE
        named = tested["id"].map(names)
        archive.writestr(
            "predictions.csv", pd.DataFrame({key: named, "predicted": tested["predicted"]}).to_csv(index=False)
        )
        top = script_header(job.run, start, beside, job.run.notes)
        write = as_notebook if name.endswith(".ipynb") else as_script
        archive.writestr(name, write(top, sections))
        used = "\n".join(section.code for section in sections)
        archive.writestr("requirements.txt", _requirements(used, notebook=name.endswith(".ipynb")))
    return path


def _images(job: "Job", archive: zipfile.ZipFile, classes: list[str]) -> tuple[list[Section], str, "pd.Series[Any]"]:
    """Images, backbone and samples.csv into the archive; the sections, and the name of each sample by its id."""
    from core.methods.backbones import base_backbone
    from core.models.networks import build_backbone

    spec, samples = job.run.spec, job.samples[job.samples["part"].isin(PARTS)]
    files.need_disk(int((samples["width"] * samples["height"] * 3).sum()))
    images = DatasetImages(job.run.dataset, get_version(job.ref).imports)
    names = [f"{s['part']}/{file_name(s['label'])}/{image_name(s)}.png" for s in samples.to_dict("records")]
    for name, sample_id in zip(names, samples["id"], strict=True):
        add_image(archive, f"data/{name}", images.image(sample_id))
    listed = pd.DataFrame({"file": names, "label": samples["label"], "part": samples["part"]})
    archive.writestr("data/samples.csv", listed.to_csv(index=False))
    backbone = build_backbone(base_backbone(job.run), spec.image_size)
    kept = job.work / "backbone.keras"
    backbone.save(kept)
    archive.write(kept, kept.name, zipfile.ZIP_STORED)
    block, layer = image_script.cut_layer(spec, backbone)
    if block:
        _frozen(job, archive, samples, block)
    n_train = int((samples["part"] == "train").sum())
    sections = image_script.image_sections(job.run, classes, n_train, layer)
    return sections, "file", pd.Series(names, index=samples["id"])


def _frozen(job: "Job", archive: zipfile.ZipFile, samples: pd.DataFrame, block: str) -> None:
    """What the frozen network makes of every image, to the last bit as the run saw it."""
    from core.methods.backbones import base_backbone
    from core.methods.strategies import get_strategy

    spec, found = job.run.spec, VersionImages(get_dataset(job.run.dataset), samples)
    for name, cut in (("embeddings", None), ("activations", block)):
        if cut is None and "head" not in get_strategy(spec.strategy).stages:
            continue  # the network is never run to its embeddings alone
        output = found.outputs(base_backbone(job.run), spec.image_size, cut)
        files.need_disk(2 * output.nbytes)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.save(file, output)


def _table(job: "Job", archive: zipfile.ZipFile, classes: list[str]) -> tuple[list[Section], str, "pd.Series[Any]"]:
    """The prepared rows into the archive, training rows first in the order in which they are learnt from."""
    from core.training.recorder import Recorder
    from core.training.tables.task import TableTask

    task = TableTask(job.run.spec, Recorder(job.run.id))
    (parts,) = task.splits
    problem, _ = task.problem(parts)
    places = np.concatenate([problem.train, problem.validation, parts.test])
    known = np.arange(len(task.samples)).astype(str)
    rows = pd.DataFrame(problem.x[places], columns=[f"x{i}" for i in range(problem.x.shape[1])])
    rows.insert(0, "row", [known[place] if place < len(known) else "" for place in places])
    lengths = [len(problem.train), len(problem.validation), len(parts.test)]
    rows.insert(1, "part", np.repeat(PARTS, lengths))
    rows.insert(2, "label", [classes[label] for label in problem.labels[places]])
    rows.insert(3, "weight", 1.0 if problem.weights is None else problem.weights[places])
    archive.writestr("prepared.csv", rows.to_csv(index=False))
    return table_script.table_sections(job.run, classes), "row", pd.Series(known, index=task.samples["id"])


def _requirements(code: str, notebook: bool) -> str:
    """The libraries that the script imports, as they are installed here."""
    names = {"pillow": "PIL", "scikit-learn": "sklearn"}
    used = [name for name in LIBRARIES if f"{names.get(name, name)}" in code]
    return "".join(f"{name}=={version(name)}\n" for name in used) + ("jupyterlab\n" if notebook else "")
