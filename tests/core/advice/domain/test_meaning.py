import pytest

from core.advice.domain.meaning import describe_distance
from core.advice.domain.record import ColumnShift, Distance


def distance(auc, ci, p=0.001, **more):
    return Distance(
        source="a@1", target="b@1", kind="table", n_source=50, n_target=50, of_source=50, of_target=50, dimensions=3,
        mmd=0.1, mmd_p=p, domain_auc=auc, domain_auc_ci=ci, a_distance=1, coral=0, frechet=1, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (distance(0.52, (0.45, 0.6), 0.4), "No difference can be shown"),
        (distance(0.52, (0.45, 0.6), 0.01), "The kernel test still finds a difference (p = 0.01)"),
        (distance(0.62, (0.55, 0.7)), "differ a little"),
        (distance(0.79, (0.7, 0.85)), "AUC .79: a classifier tells the two apart in 79 of 100 pairs. They differ"),
        (distance(0.97, (0.9, 0.99)), "hardly overlap"),
    ],
)  # fmt: skip
def test_the_sentence_follows_from_auc_and_test(found, told):
    assert told in describe_distance(found)


def test_only_columns_that_pass_the_correction_are_named():
    columns = [ColumnShift(name=n, numeric=True, psi=1, p=p, p_adjusted=p) for n, p in (("x", 0.01), ("y", 0.2))]
    assert describe_distance(distance(0.8, (0.7, 0.9), columns=tuple(columns))).endswith(
        "Most of all they differ in x."
    )
