"""Paired comparisons: exact where they claim to be, refused where the samples are not the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, false_discovery_control

from core.errors import InputError
from core.evaluation import comparison
from core.evaluation.scores import score_predictions
from core.schemas import ResolvedSpec
from core.store import files, runs

CLASSES = ["a", "b", "c"]


def judged(accuracy: float, n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Rows with the same samples for every seed and accuracy; only the predictions differ."""
    labels = np.random.default_rng(42).choice(CLASSES, n)
    rng = np.random.default_rng(seed)
    wrong = np.array([CLASSES[(CLASSES.index(label) + 1) % 3] for label in labels])
    predicted = np.where(rng.random(n) < accuracy, labels, wrong)
    table = pd.DataFrame({"id": [f"1-{i}" for i in range(n)], "label": labels, "predicted": predicted})
    table = table.assign(path=table["id"] + ".png", part="test", fold=0)
    return table.assign(**{f"p:{c}": np.where(predicted == c, 0.8, 0.1) for c in CLASSES})


def test_mcnemar_equals_the_exact_binomial_test() -> None:
    for only_a, only_b in [(0, 0), (1, 0), (5, 5), (3, 11), (40, 12), (900, 1100)]:
        n = only_a + only_b
        theirs = binomtest(only_a, n, 0.5).pvalue if n else 1.0
        assert comparison.mcnemar(only_a, only_b) == pytest.approx(theirs)


def test_holm_adjusts_in_steps_and_never_below_the_raw_value() -> None:
    assert comparison.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    raw = list(np.random.default_rng(0).random(7) ** 2)
    adjusted = comparison.holm(raw)
    assert all(a >= p for a, p in zip(adjusted, raw, strict=True))
    assert (np.diff(np.array(adjusted)[np.argsort(raw)]) >= 0).all()
    assert all(adjusted >= false_discovery_control(raw) - 1e-12)


def test_an_interval_at_holms_level_leaves_out_no_difference_exactly_where_one_is_shown() -> None:
    shown = set()
    for seed in range(12):
        runs = {f"run {i}": judged(0.75 + 0.03 * i, 120, 10 * seed + i) for i in range(6)}
        for pair in comparison.compare_predictions(runs):
            assert pair.significant == (pair.p_adjusted < comparison.ALPHA)
            assert pair.significant == (pair.ci[0] > 0 or pair.ci[1] < 0)
            assert 1 - comparison.ALPHA <= pair.level <= 1 - comparison.ALPHA / 15 + 1e-12
            shown.add((pair.metric, pair.significant))
    assert len(shown) == 4


def test_holms_levels_reject_what_its_adjusted_p_values_reject() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        raw = list(rng.random(8) ** 6)
        below = [p < level for p, level in zip(raw, comparison.holm_levels(raw), strict=True)]
        assert below == [p < comparison.ALPHA for p in comparison.holm(raw)]


def test_the_best_run_is_shown_to_be_better_than_every_other() -> None:
    runs = {"good": judged(0.97, seed=1), "poor": judged(0.5, seed=2), "fair": judged(0.75, seed=3)}
    assert comparison.best_run(comparison.compare_predictions(runs), "accuracy") == "good"
    twins = runs | {"as good": judged(0.97, seed=4)}
    assert comparison.best_run(comparison.compare_predictions(twins), "accuracy") is None


def test_pairs_are_all_pairs_in_both_metrics_with_b_less_a() -> None:
    runs = {"one": judged(0.6, seed=1), "two": judged(0.9, seed=2), "three": judged(0.9, seed=3)}
    pairs = comparison.compare_predictions(runs)
    assert [(p.a, p.b, p.metric) for p in pairs] == [
        (a, b, m) for a, b in [("one", "two"), ("one", "three"), ("two", "three")] for m in ("accuracy", "macro_f1")
    ]
    for pair in pairs:
        gain = getattr(score_predictions(runs[pair.b], CLASSES), pair.metric) - getattr(
            score_predictions(runs[pair.a], CLASSES), pair.metric
        )
        assert pair.difference == pytest.approx(gain)
        assert pair.ci[0] <= pair.difference <= pair.ci[1]
    assert [p.significant for p in pairs] == [True, True, True, True, False, False]


def test_a_row_has_exactly_the_fields_that_scripts_rely_on() -> None:
    row = comparison.compare_predictions({"a": judged(0.7, seed=1), "b": judged(0.8, seed=2)})[0].model_dump(
        mode="json"
    )
    contract = [
        "a",
        "b",
        "metric",
        "test",
        "n",
        "judged",
        "difference",
        "ci",
        "level",
        "p",
        "p_adjusted",
        "significant",
    ]
    assert list(row) == contract


def test_stored_runs_are_compared_by_id_or_name_within_one_dataset(workspace: Path) -> None:
    ids = []
    for name, dataset, accuracy in (("a", "d", 0.5), ("b", "d", 0.9), ("stranger", "e", 0.9)):
        spec = ResolvedSpec(data=dataset, seed=len(ids))
        run = runs.create_run(spec, name=name, dataset=dataset, version="v", test_hash="t", n=300)
        files.write_parquet(runs.run_folder(run.id) / "predictions.parquet", judged(accuracy, seed=len(ids)))
        ids.append(run.id)
    document = comparison.compare_runs([ids[0], "b"])
    assert document["runs"] == ids[:2]
    assert [(p["a"], p["b"]) for p in document["pairs"]] == [(ids[0], ids[1])] * 2
    assert [group["runs"] for group in document["groups"]] == [ids[:2]]
    assert document["settings"] == {"seed": {ids[0]: 0, ids[1]: 1}}
    with pytest.raises(InputError, match="share no test samples"):
        comparison.compare_runs([ids[0], ids[2]])


def test_the_order_of_rows_does_not_matter() -> None:
    a, b = judged(0.7, seed=1), judged(0.8, seed=2)
    assert comparison.compare_predictions({"a": a, "b": b}) == comparison.compare_predictions(
        {"a": a, "b": b.sample(frac=1, random_state=0)}
    )


def test_a_run_does_not_differ_from_itself() -> None:
    for pair in comparison.compare_predictions({"a": judged(0.8), "b": judged(0.8)}):
        assert pair.difference == 0
        assert pair.p == 1
        assert pair.ci[0] < 0 < pair.ci[1]
        assert comparison.describe_pair(pair).startswith("No difference shown: 0.0 points (−")
        assert "would be needed" not in comparison.describe_pair(pair)


def test_bootstrap_and_mcnemar_reject_a_true_null_about_as_often_as_they_may() -> None:
    found = {"accuracy": 0, "macro_f1": 0}
    for seed in range(150):
        for pair in comparison.compare_predictions({"a": judged(0.8, 90, seed), "b": judged(0.8, 90, 1000 + seed)}):
            found[pair.metric] += pair.significant
    assert found["accuracy"] <= 15
    assert found["macro_f1"] <= 20


def test_runs_with_other_test_samples_are_compared_on_those_they_share() -> None:
    a, b = judged(0.7, seed=1), judged(0.9, seed=2)
    mine, yours = a.head(200), b.tail(180)
    found = comparison.compare_predictions({"a": mine, "b": yours})
    alone = comparison.compare_predictions({"a": a.iloc[120:200], "b": b.iloc[120:200]})
    for shared, same in zip(found, alone, strict=True):
        assert (shared.n, shared.judged) == (80, (200, 180))
        assert (shared.difference, shared.p, shared.ci) == (same.difference, same.p, same.ci)
        assert "On the 80 test images that they share." in comparison.describe_pair(shared)
        assert "share" not in comparison.describe_pair(same)


@pytest.mark.parametrize("shared", [0, 1, 9])
def test_too_few_shared_samples_are_refused_with_their_number(shared: int) -> None:
    with pytest.raises(InputError, match=f"share {shared} test samples") as caught:
        comparison.compare_predictions({"a": judged(0.8).head(100 + shared), "b": judged(0.8).iloc[100:]})
    assert caught.value.hint


def test_samples_with_another_label_are_not_shared() -> None:
    b = judged(0.8)
    b.loc[7, "label"] = "c" if b.loc[7, "label"] != "c" else "a"
    assert {pair.n for pair in comparison.compare_predictions({"a": judged(0.8), "b": b})} == {299}


def test_folds_are_compared_as_fewer_samples_and_by_a_test_that_says_so() -> None:
    a, b = judged(0.7, seed=1), judged(0.78, seed=2)
    fold = np.arange(len(a)) % 5 + 1
    plain = comparison.compare_predictions({"a": a, "b": b})
    folded = comparison.compare_predictions({"a": a.assign(fold=fold), "b": b.assign(fold=fold)})
    for one, other in zip(plain, folded, strict=True):
        assert other.difference == one.difference and other.p > one.p
        assert other.ci[0] < one.ci[0] and other.ci[1] > one.ci[1]
    assert folded[0].test == "McNemar, corrected for folds"


def test_other_classes_are_refused_by_name() -> None:
    b = judged(0.8).assign(**{"p:zebra": 0.0})
    with pytest.raises(InputError, match=r"same classes.*“zebra”") as caught:
        comparison.compare_predictions({"a": judged(0.8), "b": b})
    assert caught.value.hint


def test_one_run_is_no_comparison() -> None:
    with pytest.raises(InputError, match="two"):
        comparison.compare_predictions({"a": judged(0.8)})


def test_words_name_the_better_run_whichever_comes_first() -> None:
    good, poor = judged(0.95, seed=1), judged(0.6, seed=2)
    for named in ({"poor": poor, "good": good}, {"good": good, "poor": poor}):
        words = comparison.describe_pair(comparison.compare_predictions(named)[0])
        assert words.startswith("good is better than poor: +")
        assert "p < 0.001" in words


def test_samples_needed_are_enough_for_the_promised_power() -> None:
    only_a, only_b = 0.05, 0.10
    n = comparison.samples_needed(only_b - only_a, only_a + only_b)
    assert n is not None
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, [only_a, only_b, 1 - only_a - only_b], 600)
    power = np.mean([comparison.mcnemar(int(a), int(b)) < 0.05 for a, b, _ in draws])
    assert 0.74 < power < 0.86


def test_words_say_how_many_samples_a_difference_would_take() -> None:
    a = judged(0.8, 60)
    b = a.copy()
    flip = b.index[b["label"] != b["predicted"]][:2]
    b.loc[flip, "predicted"] = b.loc[flip, "label"]
    words = comparison.describe_pair(comparison.compare_predictions({"a": a, "b": b})[0], "test rows")
    assert words.startswith("No difference shown: +3.3 points (−")
    assert "test rows would be needed" in words


def test_only_settings_that_differ_are_listed() -> None:
    one = ResolvedSpec(data="d", name="x", backbone="lite0", seed=1)
    two = ResolvedSpec(data="d", name="y", backbone="lite0", seed=2, strategy="two_stage")
    assert comparison.settings_differences({"one": one, "two": two}) == {
        "strategy": {"one": None, "two": "two_stage"},
        "seed": {"one": 1, "two": 2},
    }


def test_disagreements_put_samples_one_run_gets_right_first() -> None:
    a, b = judged(0.7, seed=1), judged(0.7, seed=2)
    b.loc[b["predicted"] != b["label"], "predicted"] = "c"
    apart = comparison.disagreements(a, b)
    assert (apart["predicted_a"] != apart["predicted_b"]).all()
    assert apart["one_right"].is_monotonic_decreasing


def test_many_looks_are_warned_of_from_ten_on() -> None:
    assert comparison.repeated_look_warning(9) is None
    text = comparison.repeated_look_warning(10)
    assert text is not None
    expected = np.random.default_rng(0).standard_normal((20_000, 10)).max(1).mean()
    assert f"{expected:.1f} standard errors" in text


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), ((), "–"), (True, "yes"), (False, "no"), (0.1 + 0.2, "0.3"), (("a", "b"), "a, b"), (1e-05, "1e-05"),
     ("cosine", "cosine"), (3, "3"), ([True, None], "yes, –"), (0, "0"), (0.0, "0")],
)  # fmt: skip
def test_values_are_printed_in_words(value: object, words: str) -> None:
    assert comparison.in_words(value) == words
