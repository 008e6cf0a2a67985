"""Cleaning steps: named, with settings, applied in order to the table of samples when a version is made.

A step maps the samples to the samples it leaves, with the labels it gives them; the imported data never change.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from core.errors import InputError
from core.schemas import Recipe

StepFunction = Callable[[pd.DataFrame, dict[str, Any]], pd.DataFrame]


def apply(recipe: Recipe, samples: pd.DataFrame) -> pd.DataFrame:
    """The samples after all enabled steps; `InputError` names a step that does not exist or cannot be applied."""
    for number, step in enumerate(recipe.steps, start=1):
        if step.kind not in STEPS:
            raise InputError(f"There is no cleaning step “{step.kind}”.", "The steps are " + ", ".join(STEPS) + ".")
        if step.enabled:
            try:
                samples = STEPS[step.kind](samples, step.params)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"Step {number} of the recipe, {step.kind}, cannot be applied: {error}.", "Check its settings."
                ) from error
    return samples.reset_index(drop=True)


def bin_target(samples: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
    """Make classes of a numeric target. `edges`: the inner limits, rising; a value equal to one belongs below it."""
    edges = [float(edge) for edge in params["edges"]]
    if not edges or edges != sorted(set(edges)):
        raise ValueError("its edges do not rise")
    text = [f"{edge:g}" for edge in edges]
    names = [f"{text[0]} or less", *(f"{a} to {b}" for a, b in pairwise(text)), f"over {text[-1]}"]
    place = np.searchsorted(edges, samples["label"].astype("float64").to_numpy(), side="left")
    return samples.assign(label=pd.Series(np.asarray(names, dtype=object)[place], index=samples.index, dtype="str"))


def drop_samples(samples: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
    """Leave out samples. `samples`: their ids."""
    unknown = set(params["samples"]) - set(samples["id"])
    if unknown:
        raise ValueError(f"there is no sample {min(unknown)}")
    return samples[~samples["id"].isin(params["samples"])]


STEPS: dict[str, StepFunction] = {"bin_target": bin_target, "drop_samples": drop_samples}
