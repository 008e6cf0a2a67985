"""Feature scores of columns or of an embedding's features, and the held-out score by number of features kept."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from core.data.cleaning.steps.selection import SelectFeatures, score_columns
from core.data.cleaning.steps.step import centre_and_spread, choose_columns, fill_and_scale, sample_positions
from core.errors import InputError
from core.schemas import Frozen, Recipe, VersionRecord
from core.store.datasets import version_folder
from core.store.files import write_text

ROWS = 2_000  # training rows that are scored
FOLDS = 3
COUNTS = 8  # points of the curve
Progress = Callable[[int, int, str], None]  # done, in all, and what is being done


class FeatureScores(Frozen):
    """`scores` by name, the best first; of `counts` best features the macro-F1 of logistic regression on training
    rows held out, with its standard deviation over the folds. `kept` is what the step keeps of all.

    In every fold the features are selected without the held-out rows; otherwise the curve would be optimistic
    (Ambroise and McLachlan 2002).
    """

    n: int
    scores: dict[str, float]
    kept: int
    counts: tuple[int, ...]
    macro_f1: tuple[float, ...]
    deviation: tuple[float, ...]
    backbone: str = ""


def score_features(
    settings: SelectFeatures,
    x: pd.DataFrame,
    y: np.ndarray,
    groups: np.ndarray,
    progress: Progress,
    backbone: str = "",
) -> FeatureScores:
    """Score the columns of training rows `x` with classes `y` as numbers; rows of one group stay on one side.

    `InputError` where there is nothing to choose among, or a class has too few rows to hold some out.
    """
    place = sample_positions(len(x), ROWS)
    x, y, groups = x.iloc[place], y[place], groups[place]
    names = [c for c in choose_columns(x, settings.columns, "numeric") if x[c].nunique() > 1]
    if len(names) < 2:
        raise InputError("There are no two columns of numbers to choose among.", "Encode the categories before.")
    if pd.Series(groups).groupby(y).nunique().min() < FOLDS:
        raise InputError(f"A class has fewer than {FOLDS} training rows.", "Add rows, or leave the class out.")
    progress(0, FOLDS + 1, "all training rows")
    rows = fill_and_scale(x, *centre_and_spread(x[names]))
    scores = pd.Series(score_columns(settings.method, rows, y, settings.kept_of(len(names))), names)
    kept = int((scores >= 0).sum()) if settings.method == "rfecv" else settings.kept_of(len(names))
    counts = tuple(np.unique(np.append(np.geomspace(1, len(names), COUNTS).round().astype(int), kept)).tolist())
    held_out = np.asarray(_held_out_scores(settings.method, x[names], y, groups, counts, progress))
    return FeatureScores(
        n=len(x),
        scores=scores.sort_values(ascending=False, kind="stable").to_dict(),
        kept=kept,
        counts=counts,
        macro_f1=tuple(held_out.mean(axis=0).tolist()),
        deviation=tuple(held_out.std(axis=0, ddof=1).tolist()),
        backbone=backbone,
    )


def _held_out_scores(
    method: str, x: pd.DataFrame, y: np.ndarray, groups: np.ndarray, counts: tuple[int, ...], progress: Progress
) -> list[list[float]]:
    """Macro-F1 a fold and count."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    method = "rfe" if method == "rfecv" else method
    rows = []
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(x, y, groups)
    for number, (train, held) in enumerate(folds, start=1):
        progress(number, FOLDS + 1, f"fold {number} of {FOLDS}")
        scale = centre_and_spread(x.iloc[train])
        learnt, judged = fill_and_scale(x.iloc[train], *scale), fill_and_scale(x.iloc[held], *scale)
        order: np.ndarray | None = None
        row = []
        for count in counts:
            if order is None or method == "rfe":  # only elimination depends on the number of features
                order = np.argsort(-score_columns(method, learnt, y[train], count), kind="stable")
            best = order[:count]
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=0))
            guessed = model.fit(learnt[:, best], y[train]).predict(judged[:, best])
            row.append(float(f1_score(y[held], guessed, average="macro", zero_division=0)))
        rows.append(row)
    progress(FOLDS + 1, FOLDS + 1, "")
    return rows


def save_scores(version: VersionRecord, recipe: Recipe, place: int, scores: FeatureScores) -> None:
    write_text(_path(version, recipe, place), scores.model_dump_json())


def load_scores(version: VersionRecord, recipe: Recipe, place: int) -> FeatureScores | None:
    """The scores for the step at `place`, from 0, after the steps before it; `None` when they were not computed."""
    try:
        return FeatureScores.model_validate_json(_path(version, recipe, place).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def _path(version: VersionRecord, recipe: Recipe, place: int) -> Path:
    steps = [s.model_dump(mode="json") for s in recipe.steps[: place + 1] if s.enabled]
    key = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()[:12]
    return version_folder(version.dataset, version.id) / "feature_scores" / f"{key}.json"
