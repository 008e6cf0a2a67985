"""The full check of a table: label errors, by out-of-fold predictions (confident learning)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from core.data.cleaning.preparation import Preparation
from core.data.cleaning.steps.review import kept_samples
from core.data.cleaning.steps.step import sample_positions
from core.data.findings.evidence import Evidence
from core.data.findings.label import BESIDE, label_error_findings
from core.data.findings.label_errors import FOLDS, confident_learning
from core.data.findings.saved import VersionCheck, save_check
from core.data.splitting import assign_folds
from core.data.versions import load_rows
from core.schemas import DataRef, Recipe, VersionRecord
from core.store.datasets import dataset_folder, get_dataset

TREES = 200
FITTED_ON = 20_000  # rows that the classifiers of a fold learn from at most, and at least
FEW = 50  # of each class, where there are as many
LEAF = 5  # rows a leaf holds at least, so that one wrong label does not make a leaf of its own


def check_table(version: VersionRecord, progress: Callable[[int, int, str], None]) -> VersionCheck:
    """Look for label errors in a version of a table, save the findings in its folder, and return them.

    `progress` is called with (done, total, of what). `InputError` when a step of the recipe cannot be fitted.
    """
    dataset, ref = get_dataset(version.dataset), DataRef(dataset=version.dataset, version=version.id)
    rows, _ = load_rows(ref, cells=True)
    samples, table = rows.samples, rows.cells
    classes = np.asarray(version.classes, dtype=object)
    labels = samples["label"].map({name: i for i, name in enumerate(version.classes)}).to_numpy(dtype="int64")
    probabilities = out_of_fold_rows(version.recipe, table, labels, samples["group"].to_numpy(), progress)

    def near(of: np.ndarray) -> np.ndarray:
        return nearest_rows(Preparation(version.recipe), table, labels, of)

    evidence = Evidence(dataset, samples, dataset_folder(dataset.id), table=table, kept=kept_samples(version.recipe))
    errors = confident_learning(probabilities, labels)
    findings, cases = label_error_findings(evidence, classes, errors, near)
    check = VersionCheck(
        findings=tuple(findings),
        cases=tuple(cases),
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        looked_for=("label_error",),
    )
    save_check(version, check)
    return check


def out_of_fold_rows(
    recipe: Recipe,
    table: pd.DataFrame,
    labels: np.ndarray,
    groups: np.ndarray,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> np.ndarray:
    """Out-of-fold class probabilities of every row, `(n, classes)`; copies are in the same fold.

    The recipe's learnt steps are fitted in each of five folds. The mean of a logistic regression and a random forest
    flags fewer correct labels than either alone.

    Args:
        table: the cells, as the recipe's other steps leave them.
        labels: class indices `(n,)`; groups: `(n,)`, rows with the same value are in one fold.
    """
    fold = assign_folds(labels, groups, FOLDS)
    out = np.zeros((len(table), int(labels.max()) + 1))
    for i in range(FOLDS):
        progress(i, FOLDS, "folds of the rows judged by the others")
        judged = fold == i
        if not judged.any():
            continue
        preparation = Preparation(recipe)
        seen = _sampled_rows(labels, ~judged)
        x = preparation.fit_transform(table.iloc[seen], labels[seen])
        unseen = preparation.transform(table[judged])
        for model in classifiers():
            model.fit(x, preparation.classes_)
            out[np.ix_(judged, model.classes_)] += model.predict_proba(unseen) / len(classifiers())
    return out


def _sampled_rows(labels: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Positions of at most about 20,000 rows among those where `of` is true, a few of each class for sure."""
    rows = np.flatnonzero(of)
    chosen = pd.Series(labels[rows]).groupby(labels[rows]).cumcount().to_numpy() < FEW
    chosen[sample_positions(len(rows), FITTED_ON)] = True
    return rows[chosen]


def classifiers() -> tuple[Any, ...]:
    """The unfitted classifiers whose probabilities are averaged."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    from core.settings import get_settings

    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=0, n_jobs=get_settings().threads)
    return LogisticRegression(max_iter=500), forest


def nearest_rows(preparation: Preparation, table: pd.DataFrame, labels: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Positions of the rows most like those at `of`, `(m,)`, in the columns as they are prepared: `(m, 3)`."""
    from sklearn.neighbors import NearestNeighbors

    x = preparation.fit(table, labels).transform(table)
    k = min(BESIDE, len(x) - 1)
    found = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x[of], return_distance=False)
    # Copies have distance 0 as well, so the row itself is not always the first.
    return np.stack([[j for j in row if j != i][:k] for i, row in zip(of, found, strict=True)])
