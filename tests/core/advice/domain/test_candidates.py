"""Which source: the one that helps comes first, what cannot help is not recommended, and no test row counts."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.advice.domain.candidates import rank_candidates
from core.data.versions import load_samples
from core.errors import InputError
from core.schemas import DataRef, DatasetRecord
from tests.core.advice.domain.conftest import rows

Make = Callable[..., DatasetRecord]


def noisy(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Sixty columns, so that a hundred rows tell too little to learn the class from."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 60))
    kind = np.where(x[:, :30].sum(axis=1) + rng.normal(size=n) > 0, "yes", "no")
    return pd.DataFrame(x + shift, columns=[f"x{i}" for i in range(60)]).assign(kind=kind)


def test_the_source_that_helps_comes_first_and_one_with_labels_by_lot_is_not_recommended(make_table: Make) -> None:
    make_table("target", noisy(150, 0), "kind")
    make_table("good", noisy(600, 1), "kind")
    by_lot = noisy(600, 2).assign(kind=lambda t: np.random.default_rng(3).permutation(t["kind"]))
    make_table("by lot", by_lot, "kind")
    make_table("far", noisy(600, 4, shift=8.0), "kind")
    found = rank_candidates(DataRef.parse("target"))
    by_name = {c.name: c for c in found.sources}
    assert found.sources[0].name == "good"
    assert found.recommended == by_name["good"].source
    assert by_name["good"].alone > by_name["by lot"].alone + 0.2
    assert by_name["by lot"].gain < 0.05
    assert by_name["good"].domain_auc < 0.65
    assert by_name["far"].domain_auc > 0.99
    assert "overlap" in by_name["far"].note


def test_no_test_row_of_the_target_is_looked_at(make_table: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make_table("target", noisy(80, 0), "kind")
    make_table("good", noisy(100, 1), "kind")
    before = rank_candidates(DataRef.parse("target"))

    def corrupted(ref: DataRef) -> pd.DataFrame:
        samples = load_samples(ref)
        tested = samples["part"] == "test"
        return samples.assign(label=samples["label"].mask(tested, "no"), group=samples["group"].mask(tested, 0))

    monkeypatch.setattr("core.advice.domain.sides.load_samples", corrupted)
    assert rank_candidates(DataRef.parse("target")) == before
    assert before.n == before.of == (load_samples(DataRef.parse("target"))["part"] != "test").sum()


def test_what_cannot_be_compared_is_a_sentence_of_its_candidate(make_table: Make) -> None:
    make_table("target", noisy(60, 0), "kind")
    make_table("other words", noisy(60, 1).assign(kind=lambda t: t["kind"].map({"yes": "ja", "no": "nein"})), "kind")
    make_table("half the words", noisy(60, 2).assign(kind=lambda t: t["kind"].replace("no", "maybe")), "kind")
    make_table("no column", rows(60), "kind")
    make_table("fewer columns", noisy(60, 3).drop(columns=["x3", "x4"]), "kind")
    make_table("the same", noisy(60, 0), "kind")
    make_table("unlabelled", noisy(60, 6).drop(columns="kind"))
    found = {c.name: c for c in rank_candidates(DataRef.parse("target")).sources}
    assert "unlabelled" not in found
    assert "none of the target's classes" in found["other words"].note
    assert found["other words"].domain_auc is not None
    assert "Lacks the class “no”" in found["half the words"].note
    assert found["half the words"].alone is None
    assert found["half the words"].gain is not None
    assert "no column of the same name" in found["no column"].note
    assert "“x3” and 1 more" in found["fewer columns"].note
    assert found["fewer columns"].gain is not None
    assert "stand in it as well" in found["the same"].note
    assert found["the same"].gain is None


def test_a_target_that_cannot_judge_is_refused(make_table: Make) -> None:
    make_table("alone", noisy(60, 0), "kind")
    with pytest.raises(InputError, match="no other labelled table"):
        rank_candidates(DataRef.parse("alone"))
    make_table("bare", noisy(60, 1).drop(columns="kind"))
    with pytest.raises(InputError, match="has no labels"):
        rank_candidates(DataRef.parse("bare"))
    make_table("tiny", noisy(10, 2).assign(kind=["yes", "no"] * 5), "kind")
    with pytest.raises(InputError, match="needs 10"):
        rank_candidates(DataRef.parse("tiny"))


def test_images_of_the_same_kind_add_more_than_brighter_ones(make_images: Make) -> None:
    make_images("target", 12, seed=1)
    make_images("same light", 30, seed=2)
    make_images("brighter", 30, brighter=60, seed=3)
    found = {c.name: c for c in rank_candidates(DataRef.parse("target")).sources}
    assert found["same light"].domain_auc < found["brighter"].domain_auc
    assert found["same light"].alone > found["brighter"].alone


def test_the_command_prints_the_sources(make_table: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make_table("target", noisy(60, 0), "kind")
    make_table("good", noisy(200, 1), "kind")
    assert main(["rank", "target", "--sources", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["name"] for c in found["sources"]] == ["good"]
    assert {"source", "domain_auc", "alone", "alone_ci", "together", "gain", "gain_ci", "note"} <= set(
        found["sources"][0]
    )
    assert found["recommended"] in (None, found["sources"][0]["source"])
