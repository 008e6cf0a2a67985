"""Names as people type them are found among those there are."""

import pytest

from core.errors import did_you_mean

KNOWN = ["clip-art", "penguins", "random_forest", "two_stage", "Blätter", "linear_probe"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("clipart", "clip-art"),
        ("Clip Art", "clip-art"),
        ("CLIP_ART", "clip-art"),
        ("pengiuns", "penguins"),
        ("random forest", "random_forest"),
        ("twostage", "two_stage"),
        ("Bla\u0308tter", "Blätter"),
        ("linear-prob", "linear_probe"),
    ],
)
def test_a_name_that_is_nearly_right_is_found(typed, meant):
    assert did_you_mean(typed, KNOWN, "Choose one.") == f"Did you mean “{meant}”? Choose one."


@pytest.mark.parametrize("typed", ["", "zzz", "猫", "42"])
def test_a_name_like_none_is_not_guessed_at(typed):
    assert did_you_mean(typed, KNOWN, "Choose one.") == "Choose one."
