"""What helps: a method that must help does, before and after; none is praised where nothing differs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from core.advice.domain.remedies import compare_remedies
from core.data.versions import load_samples
from core.errors import InputError
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, DatasetRecord

pytestmark = pytest.mark.training

Make = Callable[..., DatasetRecord]


def moved(n: int, seed: int, by: float = 0.0) -> pd.DataFrame:
    """Two classes 4 apart along u, all of them moved along it."""
    rng = np.random.default_rng(seed)
    yes = rng.random(n) < 0.5
    table = pd.DataFrame({"u": np.where(yes, 2.0, -2.0) + rng.normal(size=n) + by, "v": rng.normal(size=n)})
    return table.assign(kind=np.where(yes, "yes", "no"))


def asked(source: str, target: str) -> tuple[DataRef, DataRef]:
    return DataRef.parse(source), DataRef.parse(target)


def test_every_method_without_labels_is_tried_and_alignment_brings_the_source_there(make_table: Make) -> None:
    make_table("source", moved(400, 0), "kind")
    make_table("target", moved(400, 1, by=2.5), "kind")
    found = compare_remedies(*asked("source", "target"))
    wanted = {
        (s.name, m)
        for s in STRATEGIES.values()
        if s.name in ("adaptation", "instance_weighting", "feature_alignment")
        for m in s.methods or (None,)
    }
    assert {(r.strategy, r.method) for r in found.remedies} == wanted
    by_method = {r.method: r for r in found.remedies}
    best = found.recommended
    assert best and best.strategy == "feature_alignment"
    assert best.gain > 0.1
    assert best.accuracy == pytest.approx(found.accuracy + best.gain)
    assert best.gain_ci[0] < best.gain < best.gain_ci[1]
    assert found.domain_auc >= 0.5
    assert by_method["kliep"].effective_size < found.n_source
    assert [r.gain for r in found.remedies] == sorted((r.gain for r in found.remedies), reverse=True)


def test_a_shift_of_means_is_gone_after_coral(make_table: Make) -> None:
    make_table("source", moved(300, 0), "kind")
    make_table("target", moved(300, 1).assign(v=lambda t: t["v"] + 12), "kind")
    found = compare_remedies(*asked("source", "target"))
    assert found.domain_auc > 0.9
    assert next(r for r in found.remedies if r.method == "coral").domain_auc < 0.6


def test_nothing_is_praised_where_nothing_differs(make_table: Make) -> None:
    make_table("source", moved(300, 0), "kind")
    make_table("target", moved(300, 1), "kind")
    found = compare_remedies(*asked("source", "target"))
    assert found.recommended is None
    assert found.domain_auc < 0.6


def test_what_does_not_overlap_is_a_sentence_of_its_method(make_table: Make) -> None:
    make_table("source", moved(200, 0), "kind")
    make_table("target", moved(200, 1).assign(v=lambda t: t["v"] + 500), "kind")
    found = {r.method: r for r in compare_remedies(*asked("source", "target")).remedies}
    assert "nothing in common" in found["kliep"].note
    assert found["kliep"].gain is None
    assert found["coral"].gain is not None


def test_the_labels_of_the_target_judge_and_are_not_learnt_from(
    make_table: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table("source", moved(200, 0), "kind")
    target = make_table("target", moved(200, 1, by=2.0), "kind")
    before = compare_remedies(*asked("source", "target"))

    def swapped(ref: DataRef) -> pd.DataFrame:
        samples = load_samples(ref)
        return samples.replace({"label": {"yes": "no", "no": "yes"}}) if ref.dataset == target.id else samples

    monkeypatch.setattr("core.advice.domain.sides.load_samples", swapped)
    after = {(r.strategy, r.method): r for r in compare_remedies(*asked("source", "target")).remedies}
    for r in before.remedies:
        other = after[r.strategy, r.method]
        assert other.accuracy == pytest.approx(1 - r.accuracy)
        assert other.domain_auc == r.domain_auc


def test_what_cannot_be_carried_over_is_refused(make_table: Make) -> None:
    make_table("source", moved(60, 0), "kind")
    make_table("bare", moved(60, 1).drop(columns="kind"))
    make_table("others", moved(60, 2).assign(kind=lambda t: t["kind"] + "!"), "kind")
    make_table("small", moved(8, 3).assign(kind=["yes", "no"] * 4), "kind")
    for target, why in (("bare", "has no labels"), ("others", "other classes"), ("small", "needs 10")):
        with pytest.raises(InputError, match=why):
            compare_remedies(*asked("source", target))
