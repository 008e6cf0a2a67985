"""The task that scores features: a table's columns as a step receives them, or the embeddings of images."""

from pathlib import Path
from typing import Any

import pandas as pd

from core.data.cleaning.feature_scores import save_scores, score_features
from core.data.cleaning.preparation import feature_table, trace_steps
from core.data.cleaning.recipe import step_settings
from core.data.cleaning.steps.selection import SelectFeatures
from core.data.versions import load_samples, sample_imported
from core.errors import InputError
from core.methods.backbones import get_backbone
from core.methods.plan import default_image_size
from core.schemas import DataRef, Recipe, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.training.images.check import BACKBONE, Progress, through_backbone
from core.training.version_images import VersionImages

ROWS = 20_000  # of a table, that steps are tried on


def score_task(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """Score and save the features that the step at `place` of `recipe` receives for the training rows of `data`."""
    version = get_version(DataRef.parse(params["data"]))
    recipe, place = Recipe.model_validate(params["recipe"]), int(params["place"])
    settings = step_settings(recipe.steps[place])
    assert isinstance(settings, SelectFeatures)
    samples = load_samples(DataRef(dataset=version.dataset, version=version.id))
    samples = samples[samples["part"] == "train"].reset_index(drop=True)
    backbone = ""
    if get_dataset(version.dataset).kind == "image":
        x, backbone = _embeddings(version, samples, progress)
    else:
        x = _columns(version, recipe, place, samples)
    samples = samples.set_index("id").loc[x.index]
    y = pd.factorize(samples["label"], sort=True)[0]
    found = score_features(settings, x, y, samples["group"].to_numpy(), progress, backbone)
    save_scores(version, recipe, place, found)
    return {"kept": found.kept}


def _embeddings(version: VersionRecord, samples: pd.DataFrame, progress: Progress) -> tuple[pd.DataFrame, str]:
    backbone = get_backbone(BACKBONE)
    size = default_image_size(backbone, samples)
    images = VersionImages(get_dataset(version.dataset), samples)
    found = images.outputs(backbone, size, progress=through_backbone(progress))
    return feature_table(found).set_axis(samples["id"].to_numpy()), backbone.name


def _columns(version: VersionRecord, recipe: Recipe, place: int, samples: pd.DataFrame) -> pd.DataFrame:
    """The input of the step: the training rows after the previous steps."""
    stages = {s.place: s for s in trace_steps(recipe, sample_imported(version, ROWS), pd.Index(samples["id"]))}
    stage = stages.get(place)
    if stage is None or stage.error:
        raise InputError("The steps before this one cannot be applied.", "Correct them first.")
    return stage.before[stage.before.index.isin(samples["id"])]
