"""The folder beside an exported model: how its input is prepared, a script that predicts, and what that needs."""

import json
import pickle
import pickletools
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import core
from core.evaluation.calibration import validation_scaling
from core.evaluation.scores import classes_of
from core.export.job import Job
from core.export.package.sources import collect_sources, pin_requirements
from core.settings import ROOT
from core.store import runs

HERE = Path(__file__).parent
SETTINGS, SCRIPT, MODULES = "preprocessing.json", "predict.py", "graft_reading"
# The packages that engines import, besides NumPy.
ENGINE_PACKAGES = {
    "keras": ("keras", "tensorflow"),
    "tensorflow": ("tensorflow",),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "litert": ("ai_edge_litert",),
    "joblib": ("joblib",),
}


def describe_model(job: Job, engine: str, model: Path) -> tuple[dict[str, Any], str]:
    """What `preprocessing.json` says of every model, and how its probabilities are calibrated, in a sentence."""
    predictions = runs.read_predictions(job.run.id)
    scaling, uncalibrated = validation_scaling(predictions[predictions["part"] == "validation"])
    settings = {
        "made_by": f"Graft {core.__version__}",
        "run": job.run.name,
        "engine": engine,
        "model": model.name,
        "classes": classes_of(predictions),
        "calibration": scaling.model_dump() if scaling else None,
    }
    if scaling is None:
        return settings, f"Probabilities are not calibrated. {uncalibrated}"
    where = f"`{MODULES}/core/evaluation/scaling.py`"
    return settings, f"`{SCRIPT}` calibrates probabilities with {scaling.describe()}, as in {where}."


def write_package(
    folder: Path,
    script: Path,
    settings: dict[str, Any],
    readme: str,
    pickled: Iterable[Any] = (),
    packages: Iterable[str] = (),
) -> None:
    """Write the script and all that it needs into `folder`, beside the model.

    Args:
        script: the file that becomes `predict.py`.
        settings: what becomes `preprocessing.json`; its `engine` is a key of `engines.ENGINES`.
        readme: the text of `README.md`; its first `$packages` becomes the list of packages.
        pickled: objects in the folder that the script unpickles: the modules of their classes are needed too.
        packages: further packages that the script needs for these settings.
    """
    named = {module for each in pickled for module in modules_of_pickle(each)}
    sources = collect_sources(script, named)
    requirements = pin_requirements({*sources.packages, *ENGINE_PACKAGES[settings["engine"]], *packages})
    for file in sources.files:
        target = folder / MODULES / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target)
    shutil.copyfile(script, folder / SCRIPT)
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "requirements.txt").write_text(requirements, "utf-8")
    (folder / "README.md").write_text(readme.replace("$packages", _listed(requirements), 1), "utf-8")


def modules_of_pickle(value: Any) -> set[str]:
    """The modules whose classes and functions a pickle of `value` names."""
    # Protocol 2 names each of them in one instruction.
    return {
        str(argument).split(" ")[0]
        for operation, argument, _ in pickletools.genops(pickle.dumps(value, protocol=2, fix_imports=False))
        if operation.name == "GLOBAL"
    }


def _listed(requirements: str) -> str:
    names = [line.partition("==")[0] for line in requirements.splitlines()]
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
