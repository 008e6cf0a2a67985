"""Charts of growth: the law is dashed where nothing was measured, and a class moves from now to then."""

import pytest

from core.advice.transferability.record import ClassDoubling, LearningCurve, LearningCurvePoint
from core.charts.learning_curve import class_growth, growth_curve


@pytest.fixture
def found() -> LearningCurve:
    return LearningCurve(
        data="d@v",
        n=100,
        of=100,
        backbone="efficientnet_lite0",
        image_size=128,
        points=tuple(LearningCurvePoint(n=n, accuracy=0.6 + n / 500, accuracy_ci=(0.5, 0.9)) for n in (25, 50, 80)),
        line=tuple((n, 0.6 + n / 500, 0.5, 0.95) for n in (25.0, 50.0, 100.0, 150.0, 200.0)),
        now=0.8,
        doubled=0.9,
        gain_ci=(0.05, 0.15),
        classes=(
            ClassDoubling(name="a", now=0.9, doubled=0.92, gain_ci=(0.0, 0.04)),
            ClassDoubling(name="b", now=0.7, doubled=0.88, gain_ci=(0.1, 0.26)),
        ),
    )


def test_the_law_is_dashed_beyond_the_images_there_are(found):
    traces = {trace.name: trace for trace in growth_curve(found).data}
    assert traces["fitted law"].line.dash == "solid" and max(traces["fitted law"].x) == 100
    beyond = traces["with more images"]
    assert beyond.line.dash == "dash" and (min(beyond.x), max(beyond.x)) == (100, 200)
    assert list(traces["measured"].x) == [25, 50, 80]


def test_every_class_moves_from_now_to_then(found):
    now, then = class_growth(found.classes).data[-2:]
    assert list(now.x) == [0.9, 0.7] and list(then.x) == [0.92, 0.88]
    assert list(now.customdata) == ["a", "b"]
