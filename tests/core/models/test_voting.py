"""A majority vote counts classes, and asks the probabilities only where votes tie."""

import numpy as np

from core.models.estimators import Vote


class Says:
    """A learner that says the same of every row."""

    def __init__(self, *shares: float) -> None:
        self.shares, self.classes_ = np.array(shares), np.arange(len(shares))

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return np.tile(self.shares, (len(x), 1))


def voted(*learners: Says, by_class: bool) -> np.ndarray:
    n = len(learners)
    vote = Vote(learners, [1] * n, [1 / n] * n, len(learners[0].shares), by_class)
    shares: np.ndarray = vote.predict_proba(np.zeros((2, n)))[0]
    assert np.isclose(shares.sum(), 1)
    return shares


def test_two_hesitant_votes_win_over_a_sure_one():
    members = Says(0.51, 0.49), Says(0.51, 0.49), Says(0.01, 0.99)
    assert voted(*members, by_class=True).argmax() == 0
    assert voted(*members, by_class=False).argmax() == 1


def test_where_votes_tie_the_probabilities_decide():
    assert voted(Says(0.9, 0.1), Says(0.45, 0.55), by_class=True).argmax() == 0
    assert voted(Says(0.55, 0.45), Says(0.1, 0.9), by_class=True).argmax() == 1


def test_a_vote_stored_before_there_was_a_choice_is_a_mean():
    vote = Vote([Says(0.9, 0.1), Says(0.2, 0.8)], [1, 1], [0.5, 0.5], 2)
    del vote.__dict__["by_class"]
    np.testing.assert_allclose(vote.predict_proba(np.zeros((1, 2))), [[0.55, 0.45]])
