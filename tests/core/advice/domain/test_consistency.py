"""How far probes of source and target agree: as far as both teach the same."""

import numpy as np
import pandas as pd

from core.advice.domain.consistency import probe_agreement

RNG = np.random.default_rng


def world(n: int, seed: int, turned: bool = False) -> tuple[np.ndarray, pd.Series]:
    x = RNG(seed).normal(size=(n, 4))
    return x, pd.Series(np.where((x[:, 0] > 0) ^ turned, "yes", "no"))


def test_domains_that_teach_the_same_agree_and_opposites_do_not():
    x, labels = world(300, 0)
    groups = np.arange(300)
    same = probe_agreement(x, labels, *world(300, 1), groups)
    assert same is not None
    assert min(same.values()) > 0.9
    opposite = probe_agreement(x, labels, *world(300, 1, turned=True), groups)
    assert opposite is not None
    assert opposite["source_target"] < 0.1


def test_a_target_sample_is_predicted_by_who_has_not_seen_its_copy():
    """Labels by lot, each sample twice: a probe that had seen the copy would agree with itself about them."""
    x, labels = world(200, 0)
    y = np.tile(RNG(1).normal(size=(60, 40)), (2, 1))
    lot = pd.Series(np.tile(RNG(2).choice(["yes", "no"], 60), 2))
    found = probe_agreement(np.pad(x, ((0, 0), (0, 36))), labels, y, lot, np.tile(np.arange(60), 2))
    assert found is not None
    assert 0.3 < found["source_target"] < 0.7


def test_only_shared_classes_count_and_without_them_nothing_is_told():
    x, labels = world(100, 0)
    y, other = world(100, 1)
    none = pd.Series([None] * 100, dtype=object)
    assert probe_agreement(x, labels, y, none, np.arange(100)) is None
    assert probe_agreement(x, labels, y, other.map({"yes": "ja", "no": "nein"}), np.arange(100)) is None
    few = other.where(other == "yes", "no").where(np.arange(100) < 3, "yes")
    assert probe_agreement(x, labels, y, few, np.arange(100)) is None
