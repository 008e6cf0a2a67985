"""What a selecting step goes by: scores of the features, and how good a model is on as many of the best."""

import streamlit as st

from core import charts
from core.data.cleaning.feature_scores import FOLDS, load_scores
from core.data.cleaning.recipe import settings_of
from core.methods.pretrained import BACKBONES
from core.schemas import Recipe, VersionRecord
from core.ui import version_task

CHART = {"displayModeBar": False}


def look(version: VersionRecord, recipe: Recipe, place: int, of_images: bool) -> None:
    """Both charts for the step at `place`, or the offer to make them."""
    found = load_scores(version, recipe, place)
    if not found:
        if version_task.at_work("feature_scores", version, "Scoring"):
            return
        noun = "features of the embedding" if of_images else "columns"
        st.caption(f"What each of the {noun} tells, and how good a model is on how many of the best:")
        if st.button("Score them", icon=":material/leaderboard:", key=f"score-{version.id}-{place}"):
            version_task.start(
                "feature_scores",
                version,
                f"Scores of {version.dataset}",
                recipe=recipe.model_dump(mode="json"),
                place=place,
            )
        return
    method = str(getattr(settings_of(recipe.steps[place]), "method", "")).replace("_", " ")
    seen = f", seen by {BACKBONES[found.backbone].title}" if found.backbone in BACKBONES else ""
    st.caption(
        f"{found.kept:,} of {len(found.scores):,} kept. {method.capitalize()} on {found.n:,} training samples{seen};"
        f" the curve is logistic regression on the rows held out in {FOLDS} folds, the choice made anew in each."
    )
    for column, figure, told in zip(
        st.columns(2),
        (
            charts.feature_scores(found.scores, found.kept),
            charts.selection_curve(found.counts, found.macro_f1, found.deviation, found.kept),
        ),
        ("Scores, the best first.", "Macro-F1 against how many are kept."),
        strict=True,
    ):
        column.plotly_chart(figure, key=f"{told}-{version.id}-{place}", config=CHART, alt=told)
