import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from core.errors import InputError
from core.evaluation import thresholds as t


def rows(n=200, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    true = rng.random(n) < share
    p = np.clip(rng.normal(0.35 + 0.3 * true, 0.2), 0, 1)
    return pd.DataFrame({"label": np.where(true, "yes", "no"), "p:yes": p, "p:no": 1 - p})


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_counts_and_scores_are_scikit_learns(threshold):
    table = rows()
    found = t.at_threshold(table, "yes", threshold)
    true, said = table["label"] == "yes", table["p:yes"] >= threshold
    tn, fp, fn, tp = confusion_matrix(true, said, labels=[False, True]).ravel()
    counted = (found.true_negatives, found.false_positives, found.false_negatives, found.true_positives)
    assert counted == (tn, fp, fn, tp)
    assert found.f1 == pytest.approx(f1_score(true, said, zero_division=0))


def test_the_sweep_says_at_each_step_what_one_threshold_says():
    table = rows()
    swept = t.sweep_thresholds(table, "yes", false_alarm=2.0, miss=5.0)
    for step in swept.iloc[::13].itertuples():
        one = t.at_threshold(table, "yes", step.threshold, 2.0, 5.0)
        assert (step.recall, step.f1, step.cost) == pytest.approx((one.recall, one.f1, one.cost))
        assert np.isnan(step.precision) if one.n_positive == 0 else step.precision == pytest.approx(one.precision)


def test_where_nothing_is_right_no_step_of_the_sweep_has_an_f1():
    table = rows(share=0.0)
    assert (table["p:yes"].max() < t.STEPS).any(), "where yes is never said, and never right"
    assert (t.sweep_thresholds(table, "yes")["f1"] == 0.0).all()


def test_the_dearer_a_miss_the_lower_the_best_threshold():
    table = rows(2000)
    found = [t.best_threshold(table, "yes", miss=m) for m in (0.2, 1.0, 5.0, 25.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


def test_no_threshold_is_better_on_validation_than_the_best():
    table = rows(300, seed=3)
    for aim, sign in (("cost", 1), ("f1", -1)):
        best = t.at_threshold(table, "yes", t.best_threshold(table, "yes", aim))
        assert sign * getattr(best, aim) <= (sign * t.sweep_thresholds(table, "yes")[aim]).min() + 1e-12


@pytest.mark.parametrize("label", ["yes", "no"])
def test_a_validation_part_of_one_kind_is_refused_in_a_sentence(label):
    table = rows().assign(label=label)
    with pytest.raises(InputError, match="no threshold can be chosen"):
        t.best_threshold(table, "yes")
