"""The tabs of Evaluate, for one run and for several. To add one, write its module and name it here."""

from collections.abc import Sequence

from core.ui.evaluate import side_by_side
from core.ui.evaluate.calibration import show_calibration
from core.ui.evaluate.classes import show_classes, show_folds
from core.ui.evaluate.curves import show_curves, show_run_curves
from core.ui.evaluate.export import show_export
from core.ui.evaluate.importance import show_importance
from core.ui.evaluate.judged import Judged
from core.ui.evaluate.mistakes import show_mistakes, show_slices
from core.ui.evaluate.thresholds import show_thresholds
from core.ui.evaluate.transfer import has_transfer, show_transfer
from core.ui.shell.tabs import Tab

RUN_TABS: tuple[Tab[[Judged]], ...] = (
    Tab("Classes", "classes", show_classes),
    Tab("Curves", "curves", show_run_curves),
    Tab("Calibration", "calibration", show_calibration),
    Tab("Thresholds", "thresholds", show_thresholds),
    Tab("Mistakes", "mistakes", show_mistakes),
    Tab("Slices", "slices", show_slices),
    Tab("What matters", "importance", show_importance, lambda run: not run.folds and run.dataset.kind == "table"),
    Tab("Transfer", "transfer", show_transfer, has_transfer),
    Tab("Folds", "folds", show_folds, lambda run: run.folds is not None),
    Tab("Export", "export", show_export),
)

COMPARISON_TABS: tuple[Tab[[Sequence[Judged], side_by_side.Names, side_by_side.Pairs]], ...] = (
    Tab("Scores", "scores", side_by_side.show_scores),
    Tab("Curves", "curves", lambda several, names, pairs: show_curves({names[j.run.id]: j.run for j in several})),
    Tab("Settings", "settings", side_by_side.show_settings),
    Tab("Cost", "cost", side_by_side.show_cost),
    Tab("Matrices", "matrices", side_by_side.show_matrices),
    Tab("Disagreements", "disagreements", side_by_side.show_disagreements, lambda several, names, pairs: bool(pairs)),
)
