"""Labels of a table that are probably wrong, from the imported file to the steps that mend them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning.preparation import Preparation
from core.data.findings.saved import load_check
from core.data.importing import import_data
from core.data.reviewing import Decision, cases_of, extend_version, steps_of
from core.data.versions import load_samples, make_version
from core.schemas import DataRef, Recipe, Step, VersionRecord
from core.training.tables import check as table_check
from core.training.tables.check import check_table, nearest_rows, out_of_fold_rows

N, WRONG = 200, (3, 77, 150)


def rows(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Two classes that two columns tell apart, one by a trend and one by a word."""
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 2
    length = rng.normal(6.0 * y, 1.0)
    length[rng.random(N) < 0.05] = np.nan
    word = np.where(y == 1, "late", "early")
    return pd.DataFrame({"length": length, "word": word, "noise": rng.normal(size=N)}).astype({"word": "str"}), y


@pytest.fixture
def version(workspace: Path, tmp_path: Path) -> VersionRecord:
    x, y = rows()
    given = y.copy()
    given[list(WRONG)] = 1 - y[list(WRONG)]
    x.assign(kind=np.where(given == 1, "moth", "bee")).to_csv(tmp_path / "t.csv", index=False)
    found = import_data(tmp_path / "t.csv", target="kind").version
    assert found is not None
    return found


def test_planted_labels_are_named_with_the_class_that_fits_and_rows_like_them(version: VersionRecord) -> None:
    told: list[tuple[int, int]] = []
    check = check_table(version, lambda done, total, _: told.append((done, total)))
    (finding,) = check.findings
    assert set(finding.samples) == {f"row {i + 1}" for i in WRONG}
    assert check.looked_for == ("label_error",) and told == [(i, 5) for i in range(5)]
    assert check.accuracy is not None and check.accuracy > 0.95
    samples = load_samples(DataRef(dataset=version.dataset)).set_index("id")
    assert load_check(version) == check
    for case in cases_of(finding, samples.reset_index(), check):
        given = samples.loc[case.sample, "label"]
        assert case.suggested != given and len(case.beside) == 3 and case.sample not in case.beside
        assert set(samples.loc[list(case.beside), "label"]) == {case.suggested}


def test_a_decision_settles_a_doubt(version: VersionRecord) -> None:
    check = check_table(version, lambda *_: None)
    first, second, third = (case.sample for case in check.cases)
    decided = [
        Decision(finding="label_error", sample=first, action="relabel", label=check.cases[0].suggested),
        Decision(finding="label_error", sample=second, action="drop"),
        Decision(finding="label_error", sample=third, action="keep"),
    ]
    after = check_table(extend_version(version, steps_of(decided)), lambda *_: None)
    assert not after.findings and not after.cases


def test_no_row_is_judged_by_what_has_seen_it_or_a_copy_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The label of a row, and of its copies, does not change what is thought of it."""
    monkeypatch.setattr(table_check, "assign_folds", lambda labels, groups, k: groups % k)
    x, y = rows()
    x = pd.concat([x, x.iloc[:4]], ignore_index=True)
    y, groups = np.concatenate([y, y[:4]]), np.concatenate([np.arange(N), np.arange(4)])
    turned = y.copy()
    turned[[0, N]] = 1 - turned[[0, N]]
    recipe = Recipe(steps=(Step(kind="impute"), Step(kind="encode", params={"method": "target"})))
    given, other = (out_of_fold_rows(recipe, x, labels, groups) for labels in (y, turned))
    # A forest on several threads adds its trees up in any order.
    np.testing.assert_allclose(given[[0, N]], other[[0, N]], rtol=0, atol=1e-12)
    assert not np.allclose(given, other, atol=1e-6)
    np.testing.assert_allclose(given.sum(axis=1), 1)


def test_every_class_is_learnt_in_every_fold_however_many_rows_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows()
    x.loc[:5, "word"], y[:6] = "rare", 2
    monkeypatch.setattr(table_check, "FITTED_ON", 60)
    probabilities = out_of_fold_rows(Recipe(), x, y, np.arange(N))
    assert probabilities.shape == (N, 3) and (probabilities[:, 2] > 0).all()


def test_rows_like_one_are_near_in_the_columns_as_prepared() -> None:
    x = pd.DataFrame({"a": [0.0, 1.0, 2.0, 50.0, 51.0, 0.0], "b": [0.0] * 6})
    found = nearest_rows(Preparation(Recipe()), x, np.array([0, 1, 0, 1, 0, 1]), np.array([0, 3]))
    assert found[:, 0].tolist() == [5, 4] and 0 not in found[0] and 3 not in found[1]


def test_steps_of_the_recipe_are_fitted_in_each_fold(version: VersionRecord) -> None:
    balanced = make_version(version.dataset, Recipe(steps=(Step(kind="oversample"), Step(kind="scale"))))
    check = check_table(balanced, lambda *_: None)
    assert set(check.findings[0].samples) == {f"row {i + 1}" for i in WRONG}
