"""The package of a table's learner: learner, preparation of columns, and the way to both from the original file."""

import shutil
from pathlib import Path

import joblib

from core.data.tables.readings import import_reading
from core.data.tables.schema import load_schema
from core.data.versions import load_rows
from core.export.formats import Format
from core.export.job import Job
from core.export.package.writing import HERE, describe_model, write_package
from core.store.datasets import get_dataset, get_version, import_folder
from core.store.runs import run_folder

SCRIPT = HERE / "predict_rows.py"
README = """\
# {name}

A model that Graft trained to tell {n} classes of rows apart: {classes}.

## Predict

```
pip install -r requirements.txt
python predict.py TABLE --out predictions.csv
```

It needs $packages. `predict.py` takes a table as it is: `{source}` was the one it was trained on. It reads the file
as that one was read (encoding, delimiter, decimal mark, words for missing cells, types, as `preprocessing.json`
says under `reading`), cleans it by the same recipe and prepares the columns, and writes a line for each row: the
class, its calibrated confidence, and the probability of every class, as the model gives it (`p:`) and calibrated
(`calibrated:`). `unlike` and `distance` stay empty: whether a row is unlike those of the training is told by
comparing it with them, and they are not part of this folder.

It needs the columns {columns}.

{calibration}

`{model}` and `preparation.joblib` can run code when they are loaded: pass them on only to those who trust you.
"""


def write_learner(job: Job) -> Path:
    """The learner's file, with the preparation beside it."""
    folder = run_folder(job.run.id)
    learner = folder / ("model.keras" if (folder / "model.keras").exists() else "model.joblib")
    for file in (folder / "preparation.joblib", learner):
        if file.suffix == ".joblib":  # written anew, as an earlier version may have named modules that have moved
            joblib.dump(joblib.load(file), job.work / file.name, compress=3)
        else:
            shutil.copyfile(file, job.work / file.name)
    return job.work / learner.name


def write_table_package(job: Job, _wanted: Format, model: Path) -> None:
    """Write into the model's folder what makes it predict by itself."""
    dataset, version = get_dataset(job.run.dataset), get_version(job.ref)
    first = import_folder(dataset.id, version.imports[0])
    schema, rows = load_schema(first), load_rows(job.ref, cells=True)[0]
    trained_on = rows.cells[(rows.samples["part"] == "train").to_numpy()]
    words = trained_on.select_dtypes(exclude="number")
    reading = import_reading(first)
    settings, calibration = describe_model(job, "keras" if model.suffix == ".keras" else "joblib", model)
    classes = settings["classes"]
    settings |= {
        "reading": reading.model_dump(mode="json"),
        "schema": schema.model_dump(mode="json"),
        "recipe": version.recipe.model_dump(mode="json"),
        "categories": {str(name): sorted(map(str, words[name].dropna().unique())) for name in words},
    }
    readme = README.format(
        name=job.run.name,
        n=len(classes),
        classes=", ".join(classes),
        source=next(record.source for record in dataset.imports if record.number == version.imports[0]),
        columns=", ".join((*schema.numeric, *schema.categorical)),
        calibration=calibration,
        model=model.name,
    )
    pickled = [joblib.load(file) for file in model.parent.glob("*.joblib")]
    packages = ("python_calamine",) if reading.container.format == "excel" else ()
    write_package(model.parent, SCRIPT, settings, readme, pickled, packages)
