"""Scores of features and the curve of how many are needed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning.feature_scores import load_scores, save_scores, score_features
from core.data.cleaning.steps.selection import SelectFeatures
from core.data.importing import import_sample
from core.errors import InputError
from core.schemas import Recipe, Step


def silent(done: int, total: int, text: str) -> None:
    pass


def table(n: int, telling: int, noise: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, telling + noise))
    x[:, :telling] += 2.0 * np.eye(3)[y][:, [i % 3 for i in range(telling)]]
    return pd.DataFrame(x, columns=[f"f{i}" for i in range(telling + noise)]), y


@pytest.mark.parametrize("method", ["forest", "anova", "mutual_information", "rfe", "rfecv"])
def test_the_features_that_tell_come_first_and_the_curve_rises_to_them(method: str) -> None:
    x, y = table(240, telling=3, noise=9)
    found = score_features(SelectFeatures(method=method, keep=3), x, y, np.arange(240), silent)
    assert set(list(found.scores)[:3]) == {"f0", "f1", "f2"}
    score = dict(zip(found.counts, found.macro_f1, strict=True))
    assert found.kept in score and score[3] > score[1] + 0.1
    assert method == "rfecv" or found.kept == 3


def test_the_curve_does_not_flatter_where_nothing_tells_anything() -> None:
    """Chosen on all rows, the best of a thousand columns of noise would seem to tell the classes apart."""
    x, y = table(90, telling=0, noise=1_000)
    found = score_features(SelectFeatures(method="anova", keep=20), x, y, np.arange(90), silent)
    assert max(found.macro_f1) < 0.5


def test_copies_are_not_held_out_from_each_other() -> None:
    x, y = table(60, telling=0, noise=30)
    twice, labels = pd.concat([x] * 4, ignore_index=True), np.tile(y, 4)
    honest = score_features(SelectFeatures(method="anova"), twice, labels, np.tile(np.arange(60), 4), silent)
    flattering = score_features(SelectFeatures(method="anova"), twice, labels, np.arange(240), silent)
    assert max(honest.macro_f1) < 0.6 < max(flattering.macro_f1)


def test_what_cannot_be_scored_is_refused_with_a_sentence() -> None:
    x, y = table(30, telling=1, noise=3)
    with pytest.raises(InputError, match="choose among"):
        score_features(SelectFeatures(), x[["f0"]], y, np.arange(30), silent)
    with pytest.raises(InputError, match="fewer than 3"):
        score_features(SelectFeatures(), x, np.where(np.arange(30) < 2, 1, 0), np.arange(30), silent)


def test_scores_are_kept_for_this_step_behind_these_others(workspace: Path) -> None:
    version = import_sample("penguins").version
    x, y = table(60, telling=2, noise=2)
    found = score_features(SelectFeatures(method="anova", keep=2), x, y, np.arange(60), silent)
    select = Step(kind="select_features", params={"method": "anova", "keep": 2})
    save_scores(version, Recipe(steps=(Step(kind="impute"), select)), 1, found)
    off = Step(kind="scale", enabled=False)
    assert load_scores(version, Recipe(steps=(Step(kind="impute"), select, Step(kind="encode"))), 1) == found
    assert load_scores(version, Recipe(steps=(Step(kind="impute"), off, select)), 2) == found
    assert load_scores(version, Recipe(steps=(select,)), 0) is None
