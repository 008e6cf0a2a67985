"""Feature scores of a selection step, and the score of a model by the number of features kept."""

import streamlit as st

from core.charts.selection import feature_scores, selection_curve
from core.data.cleaning.feature_scores import FOLDS, load_scores
from core.data.cleaning.recipe import step_settings
from core.methods.pretrained import BACKBONES
from core.schemas import Recipe, VersionRecord
from core.ui.shell import task_panel
from core.ui.shell.charts import draw


def show_feature_scores(version: VersionRecord, recipe: Recipe, place: int, of_images: bool) -> None:
    """Both charts for the step at `place`, or the button that computes them."""
    scores = load_scores(version, recipe, place)
    if not scores:
        if task_panel.is_busy("feature_scores", "Scoring", version):
            return
        noun = "features of the embedding" if of_images else "columns"
        st.caption(f"Scores of the {noun}, and the macro-F1 of a model by how many of the best are kept:")
        if st.button("Score them", icon=":material/leaderboard:", key=f"score-{version.id}-{place}"):
            task_panel.start(
                "feature_scores",
                f"Scores of {version.dataset}",
                version,
                recipe=recipe.model_dump(mode="json"),
                place=place,
            )
        return
    method = str(getattr(step_settings(recipe.steps[place]), "method", "")).replace("_", " ")
    seen = f", embedded by {BACKBONES[scores.backbone].title}" if scores.backbone in BACKBONES else ""
    st.caption(
        f"{scores.kept:,} of {len(scores.scores):,} kept. {method.capitalize()} on {scores.n:,} training"
        f" samples{seen}; the curve is logistic regression, cross-validated in {FOLDS} folds with its own selection"
        " in each."
    )
    for column, figure, alt in zip(
        st.columns(2),
        (
            feature_scores(scores.scores, scores.kept),
            selection_curve(scores.counts, scores.macro_f1, scores.deviation, scores.kept),
        ),
        ("Scores, the best first.", "Macro-F1 against how many are kept."),
        strict=True,
    ):
        with column:
            draw(figure, f"{alt}-{version.id}-{place}", alt)
