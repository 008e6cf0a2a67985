"""Pure figure builders: data in, a Plotly figure (or a Vega-Lite specification) out. Nothing here knows a page."""

from core.charts.classes import class_bars, fold_bars
from core.charts.columns import box_plot, correlations, histogram, missing_matrix
from core.charts.curves import CURVE_HEIGHT, has_curve, learning_curves, live_curve
from core.charts.domain import column_sides, domain_map, gains
from core.charts.growth import class_growth, growth_curve
from core.charts.images import embedding_map
from core.charts.importance import dependence, importance_bars
from core.charts.look import MAX_TICKS, PALETTE, class_colours
from core.charts.matrix import confusion_matrix, difference_matrix
from core.charts.rates import rate_search
from core.charts.runs import cost, parallel_coordinates
from core.charts.scores import intervals, recall_bars
from core.charts.selection import feature_scores, selection_curve
from core.charts.studies import search_history, search_importance, setting_slice
from core.charts.trust import coverage, precision_recall_curves, reliability, roc_curves, slice_bars, thresholds

__all__ = [
    "CURVE_HEIGHT",
    "MAX_TICKS",
    "PALETTE",
    "box_plot",
    "class_bars",
    "class_colours",
    "class_growth",
    "column_sides",
    "confusion_matrix",
    "correlations",
    "cost",
    "coverage",
    "dependence",
    "difference_matrix",
    "domain_map",
    "embedding_map",
    "feature_scores",
    "fold_bars",
    "gains",
    "growth_curve",
    "has_curve",
    "histogram",
    "importance_bars",
    "intervals",
    "learning_curves",
    "live_curve",
    "missing_matrix",
    "parallel_coordinates",
    "precision_recall_curves",
    "rate_search",
    "recall_bars",
    "reliability",
    "roc_curves",
    "search_history",
    "search_importance",
    "selection_curve",
    "setting_slice",
    "slice_bars",
    "thresholds",
]
