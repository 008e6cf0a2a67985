"""Figures carry the numbers given, keep their colours, and say which cell was clicked."""

import numpy as np
import pandas as pd
import pytest

from core.charts.classes import class_bars, fold_bars
from core.charts.curves import has_curve, learning_curves, live_curve
from core.charts.matrix import confusion_matrix, difference_matrix
from core.charts.probabilities import precision_recall_curves, reliability_diagram, roc_curves, slice_bars
from core.charts.runs import parallel_coordinates, score_against_cost
from core.charts.scores import recall_bars, score_intervals
from core.charts.style import MAX_TICKS, PALETTE, class_colours
from core.evaluation.scores import score_predictions
from core.schemas import Event

MATRIX = np.array([[8, 1, 0], [2, 5, 0], [0, 3, 4]])
CLASSES = ["cat", "dog", "a class with a rather long name"]


def epochs(phase: str, n: int, start: float = 1.0) -> list[Event]:
    values = [{"loss": start / e, "val_loss": start / e + 0.1} for e in range(1, n + 1)]
    return [Event(phase=phase, epochs=n)] + [
        Event(phase=phase, epoch=e, epochs=n, values=v) for e, v in enumerate(values, start=1)
    ]


def test_every_cell_of_the_matrix_has_an_invisible_point_that_names_it() -> None:
    figure = confusion_matrix(MATRIX, CLASSES)
    heatmap, points, numbers = figure.data
    assert np.array_equal(heatmap.z, MATRIX)
    written = {(x, y): text for x, y, text in zip(numbers.x, numbers.y, numbers.text, strict=True)}
    assert written == {(j, i): str(MATRIX[i, j]) for i in range(3) for j in range(3) if MATRIX[i, j]}
    assert points.marker.opacity == points.selected.marker.opacity == points.unselected.marker.opacity == 0
    named = {(x, y): tuple(cell) for x, y, cell in zip(points.x, points.y, points.customdata, strict=True)}
    assert named == {(j, i): (CLASSES[i], CLASSES[j]) for i in range(3) for j in range(3)}
    assert figure.layout.dragmode is False


def test_a_normalised_matrix_shows_shares_of_the_true_class() -> None:
    matrix = np.vstack([MATRIX[:2], [0, 0, 0]])
    shown = confusion_matrix(matrix, CLASSES, of="true", zmax=99).data[0]
    assert shown.z[:2].sum(axis=1) == pytest.approx([1, 1])
    assert (shown.z[2] == 0).all()
    assert shown.zmax == 1


def test_matrices_given_the_same_top_share_one_scale() -> None:
    one, two = (confusion_matrix(m, CLASSES, zmax=20).data[0] for m in (MATRIX, 2 * MATRIX))
    assert (one.zmin, one.zmax, one.colorscale) == (two.zmin, two.zmax, two.colorscale)


def test_the_selected_cell_is_framed() -> None:
    frame = confusion_matrix(MATRIX, CLASSES, selected=("dog", "cat")).layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.5, 0.5, 0.5, 1.5)
    assert not confusion_matrix(MATRIX, CLASSES, selected=("gone", "cat")).layout.shapes


def test_large_matrices_drop_the_numbers_and_thin_the_names() -> None:
    k = 100
    figure = confusion_matrix(np.ones((k, k), dtype=int), [f"c{i}" for i in range(k)])
    assert "text" not in [getattr(trace, "mode", "") for trace in figure.data]
    assert len(figure.layout.yaxis.tickvals) <= MAX_TICKS


def test_a_matrix_of_no_samples_can_be_drawn() -> None:
    assert confusion_matrix(np.zeros((2, 2), dtype=int), ["a", "b"]).data[0].zmax == 1


def test_a_class_has_the_same_colour_in_every_chart() -> None:
    labels = [c for c, n in zip(CLASSES, MATRIX.sum(1), strict=True) for _ in range(n)]
    rows = pd.DataFrame({"label": labels, "predicted": labels})
    scores = score_predictions(rows.assign(**{f"p:{c}": (rows["predicted"] == c) * 1.0 for c in CLASSES}), CLASSES)
    expected = tuple(class_colours(CLASSES).values())
    assert recall_bars(scores).data[0].marker.color == expected
    assert class_bars({"train": {"cat": 3}}, CLASSES).data[0].marker.color == expected


def test_class_bars_stack_all_parts_and_name_what_is_clicked() -> None:
    counts = {"test": {"cat": 1, "dog": 2}, "train": {"cat": 5}}
    figure = class_bars(counts, ["cat", "dog"])
    bars = [t for t in figure.data if t.x[0] is not None]
    assert [t.name for t in bars] == ["train", "test"]
    assert [list(t.x) for t in bars] == [[5, 0], [1, 2]]
    assert [list(c) for c in bars[1].customdata] == [["cat", "test"], ["dog", "test"]]
    assert figure.layout.barmode == "stack"


def test_curves_count_epochs_through_the_phases_and_mark_them() -> None:
    figure = learning_curves({"run": epochs("head", 3) + epochs("fine-tuning", 2)}, "loss")
    validation, training = figure.data
    assert list(validation.x) == list(training.x) == [1, 2, 3, 4, 5]
    assert validation.line.dash != training.line.dash
    assert [a.text for a in figure.layout.annotations] == ["head", "fine-tuning"]
    assert [s.x0 for s in figure.layout.shapes] == [3.5]


def test_folds_lie_over_each_other() -> None:
    events = epochs("fold 1 of 2 · head", 3) + epochs("fold 2 of 2 · head", 2)
    figure = learning_curves({"run": events}, "loss")
    assert [list(t.x) for t in figure.data] == [[1, 2, 3], [1, 2, 3], [1, 2], [1, 2]]
    assert sum(bool(t.showlegend) for t in figure.data) == 2


def test_curves_of_several_runs_keep_one_colour_each() -> None:
    figure = learning_curves({"a": epochs("head", 3), "b": epochs("head", 4)}, "loss")
    assert [t.line.color for t in figure.data] == [PALETTE[0]] * 2 + [PALETTE[1]] * 2
    assert [t.name for t in figure.data if t.showlegend] == ["a", "b"]


def test_a_metric_nobody_recorded_gives_no_curve() -> None:
    events = epochs("head", 2)
    assert has_curve(events, "loss")
    assert not has_curve(events, "accuracy")
    assert not learning_curves({"run": events}, "accuracy").data
    assert not learning_curves({"run": []}, "loss").data


def test_error_bars_end_at_the_interval() -> None:
    rows = pd.DataFrame(
        [("a", "accuracy", 0.8, 0.7, 0.85), ("b", "accuracy", 0.9, 0.8, 0.95)],
        columns=["run", "metric", "value", "low", "high"],
    )
    for trace, row in zip(score_intervals(rows).data, rows.itertuples(), strict=True):
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(row.high)
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(row.low)


def test_no_chart_paints_over_the_theme() -> None:
    figures = [
        confusion_matrix(MATRIX, CLASSES),
        class_bars({"train": {"cat": 1}}, CLASSES),
        learning_curves({"run": epochs("head", 2)}, "loss"),
    ]
    for figure in figures:
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.font.color is None
        assert figure.layout.yaxis.automargin


def test_every_fold_has_a_bar_a_class() -> None:
    figure = fold_bars({"cat": [3, 4], "dog": [2, 1]})
    assert [list(bars.y) for bars in figure.data] == [[3, 4], [2, 1]]
    assert list(figure.data[0].x) == ["Fold 1", "Fold 2"]
    assert len({bars.marker.color for bars in figure.data}) == 2


def test_a_matrix_of_a_thousand_classes_draws_only_the_cells_that_hold_samples() -> None:
    classes = [f"class {i}" for i in range(1_000)]
    counts = np.diag(np.arange(1_000))
    counts[3, 7] = 2
    (points,) = confusion_matrix(counts, classes).data
    assert len(points.x) == 1_000  # 999 on the diagonal, one beside it
    assert ["class 3", "class 7"] in list(map(list, points.customdata))
    assert list(points.marker.color)[-1] == 999


def test_a_difference_of_matrices_is_white_in_the_middle_and_signed() -> None:
    second = MATRIX + np.array([[1, -1, 0], [0, 0, 0], [0, 2, -2]])
    figure = difference_matrix(MATRIX, second, CLASSES)
    heatmap, numbers = figure.data
    assert np.array_equal(heatmap.z, second - MATRIX)
    assert heatmap.zmin == -heatmap.zmax == -2
    assert {(x, y): text for x, y, text in zip(numbers.x, numbers.y, numbers.text, strict=True)} == {
        (0, 0): "+1",
        (1, 0): "−1",
        (1, 2): "+2",
        (2, 2): "−2",
    }
    assert difference_matrix(MATRIX, MATRIX, CLASSES).data[0].zmax == 1


def test_settings_of_numbers_are_axes_of_numbers_and_others_of_their_values() -> None:
    settings = {"epochs": [5, 10, 20], "learning_rate": [0.1, None, 0.2], "strategy": ["a", "b", "a"]}
    epochs, rate, strategy, score = parallel_coordinates(settings, [0.7, 0.8, 0.9], "Accuracy").data[0].dimensions
    assert list(epochs.values) == [5, 10, 20]
    assert list(rate.ticktext) == ["0.1", "none", "0.2"]
    assert list(strategy.values) == [0, 1, 0]
    assert (score.label, list(score.values)) == ("Accuracy", [0.7, 0.8, 0.9])


def test_a_dot_a_run_stands_over_its_cost_with_its_interval() -> None:
    rows = pd.DataFrame(
        [("a", 3.0, 0.8, 0.7, 0.85), ("b", 30.0, 0.9, 0.8, 0.95)], columns=["run", "cost", "value", "low", "high"]
    )
    figure = score_against_cost(rows, "Time, seconds", "Accuracy")
    for trace, row in zip(figure.data, rows.itertuples(), strict=True):
        assert (trace.x[0], trace.y[0]) == (row.cost, row.value)
        assert trace.y[0] + trace.error_y.array[0] == pytest.approx(row.high)
    assert figure.layout.xaxis.type == "log"


def test_the_learning_rate_is_one_solid_line_without_a_legend() -> None:
    events = [Event(phase="head", epoch=i, values={"learning_rate": 1e-3 / i}) for i in (1, 2)]
    (line,) = learning_curves({"a": events}, "learning_rate").data
    assert (line.line.dash, line.showlegend) == ("solid", False)
    rows, spec = live_curve(events, "learning_rate")
    assert len(rows) == 2 and "strokeDash" not in spec["encoding"]
    assert spec["encoding"]["y"]["title"] == "Learning rate"


def test_reliability_has_a_dot_a_bin_and_the_diagonal() -> None:
    bins = pd.DataFrame(
        {"confidence": [0.4, 0.9], "right": [0.5, 0.8], "low": [0.3, 0.7], "high": [0.7, 0.9], "n": [5, 9]}
    )
    figure = reliability_diagram({"before": bins, "after": bins})
    assert [list(t.x) for t in figure.data] == [[0.4, 0.9]] * 2
    assert figure.layout.shapes[0].type == "line"
    assert list(figure.data[0].error_y.array) == pytest.approx([0.2, 0.1])


def test_curves_of_classes_have_the_classes_colours_and_only_the_weak_slice_stands_out() -> None:
    from core.evaluation.slices import Slice
    from core.evaluation.threshold_curves import one_vs_rest_curves

    rng = np.random.default_rng(0)
    positive = rng.random(50) < 0.5
    found = [one_vs_rest_curves(CLASSES[1], rng.random(50), positive)]
    for figure in (roc_curves(found, CLASSES), precision_recall_curves(found, CLASSES)):
        assert figure.data[0].line.color == class_colours(CLASSES)["dog"]
    shared = {"attribute": "size", "n": 10, "right": 5, "ci": (0.2, 0.8), "elsewhere": 0.9, "samples": ()}
    slices = [
        Slice(value="small", accuracy=0.5, p=0.001, p_adjusted=0.004, **shared),
        Slice(value="large", accuracy=0.5, p=0.2, p_adjusted=0.4, **shared),
    ]
    weak, other = slice_bars(slices, 0.8).data
    assert (list(weak.y), list(other.y)) == ([0], [1])
    assert weak.marker.color != other.marker.color


def test_shares_of_the_predicted_class_add_up_down_the_columns() -> None:
    shown = confusion_matrix(MATRIX, CLASSES, of="predicted").data[0]
    assert np.allclose(np.asarray(shown.z).sum(0), 1)
