"""The tab “Domain”: how far another dataset is from this one, and what helps."""

import pandas as pd
import streamlit as st

from core.advice.domain.meaning import describe_distance
from core.advice.domain.record import Distance, read_comparison
from core.charts.domain import column_sides, domain_map
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_dataset, list_datasets
from core.store.predictors import predicting_runs
from core.ui.data.domain.harmonise import show_differences
from core.ui.data.domain.remedies import show_remedies
from core.ui.data.embedding_map import choose_projection
from core.ui.shell import gallery, task_panel
from core.ui.shell.charts import draw
from core.ui.shell.page import go, invitation
from core.ui.shell.source_ranking import show_source_ranking
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural

TASK = "distance"
LEAST_SIMILAR = 12
EXPECTED = (
    "Optimal transport (Lu et al. 2023): the share of the target on which the run is as confident as on held-out"
    " samples that it gets right. The interval allows for other shares of the classes, and reaches farther down where"
    " the target lies farther from the samples that the run knows."
)


def show_domain(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Choose the other dataset, compare both, and harmonise names and units."""
    others = {other.id: other for other in list_datasets() if other.id != dataset.id and other.kind == dataset.kind}
    if not others:
        _show_no_other(dataset)
        return
    show_source_ranking(dataset, version)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Other dataset",
            list(others),
            key=f"domain-{dataset.id}",
            format_func=lambda other: others[other].name,
            help="Would a model trained on that dataset work on this one? A dataset without labels can only be the"
            " target.",
        )
        source, target = _assign_roles(dataset, version, others[chosen])
        params = {"source": str(source), "target": str(target)} | _choose_run(source)
        if st.button("Compare", type="primary", icon=":material/compare_arrows:"):
            task_panel.start(TASK, f"Distance to {others[chosen].name}", version, **params)
    if not task_panel.is_busy(TASK, "Comparing", version):
        done = task_panel.find_result(TASK, version, **params)
        if done:
            _show_comparison(version, *read_comparison(done))
    st.subheader("Names and units", anchor=False)
    show_differences(dataset, version, others[chosen])


def _show_no_other(dataset: DatasetRecord) -> None:
    what = "set of images" if dataset.kind == "image" else "table"
    with invitation(
        f"Import a second {what}: here you will see how far this one is from it, whether a model trained on it"
        " would work here, and which names and units differ."
    ):
        if st.button("Import data", type="primary", icon=":material/add:"):
            go("home")


def _assign_roles(dataset: DatasetRecord, version: VersionRecord, other: DatasetRecord) -> tuple[DataRef, DataRef]:
    """Source and target: what is shown is the target, unless it alone has labels to learn from."""
    here = DataRef(dataset=dataset.id, version=version.id)
    there = DataRef(dataset=other.id, version=other.version)
    return (here, there) if dataset.labelled and not other.labelled else (there, here)


def _choose_run(source: DataRef) -> dict[str, str]:
    """The run on the source whose accuracy on the target is estimated, by default the newest, if any."""
    known = {r.id: r for r in predicting_runs() if r.dataset == source.dataset}
    if not known:
        return {}
    chosen = st.selectbox(
        "Run on the source",
        list(known),
        key=f"domain-run-{source.dataset}",
        format_func=lambda run_id: known[run_id].name,
        help="How often it would be right on the target is estimated, without the target's labels.",
    )
    return {"run": chosen}


def _show_expectation(distance: Distance) -> None:
    """The expected accuracy of the run, its accuracy where that is known, and how far probes agree."""
    run, agree = distance.expectation, distance.consistency
    if run:
        low, high = run.accuracy_ci
        sentence = f"Expected of **{literal(run.name)}** on the target: **{run.accuracy:.0%}** right"
        sentence += f" ({low:.0%} to {high:.0%}), after {run.on_held_out:.0%} of its own validation and test samples."
        if run.actual is not None and run.actual_ci is not None:
            low, high = run.actual_ci
            sentence += f" With the target's labels: {run.actual:.0%} ({low:.0%} to {high:.0%})."
        st.markdown(sentence, help=EXPECTED)
    if distance.unexpected:
        st.caption(f"The accuracy of the run on the source cannot be estimated here: {literal(distance.unexpected)}")
    if agree:
        st.markdown(
            f"A probe trained on the source and one trained on the target agree on"
            f" **{agree['source_target']:.0%}** of the target; one trained on both agrees with the source's on"
            f" {agree['source_both']:.0%} and with the target's on {agree['target_both']:.0%}."
        )


def _show_comparison(
    version: VersionRecord, distance: Distance, samples: pd.DataFrame, columns: pd.DataFrame
) -> None:
    source, target = (get_dataset(DataRef.parse(ref).dataset) for ref in (distance.source, distance.target))
    names = {"source": source.name, "target": target.name}
    st.markdown(
        f":blue-badge[:material/school: Source] {literal(source.name)} &nbsp; "
        f":orange-badge[:material/target: Target] {literal(target.name)}"
    )
    st.markdown(f"**{literal(describe_distance(distance))}**")
    _show_expectation(distance)
    _show_figures(distance)
    _show_train_button(distance, source, target)
    if source.labelled and target.labelled:
        show_remedies(version, distance, target)
    left, right = st.columns(2, gap="medium")
    with left:
        _show_map(samples, names)
    with right:
        _show_columns(distance, samples, columns, names)
    _show_least_similar(distance, samples, columns, {"source": source, "target": target})
    with st.expander("How this was measured"):
        st.markdown(_describe_method(distance))


def _show_figures(distance: Distance) -> None:
    low, high = distance.domain_auc_ci
    figures = (
        ("Domain AUC", f"{distance.domain_auc:.2f}", f"95 %: {low:.2f} to {high:.2f}; .5 is no difference"),
        ("MMD²", f"{distance.mmd:.3f}", f"p = {distance.mmd_p:.3f} by permutation; 0 is no difference"),
        ("Proxy A-distance", f"{distance.a_distance:.2f}", "0 is no difference, 2 the most there can be"),
        ("CORAL", f"{distance.coral:.2g}", "how far the covariances are apart"),
        ("Fréchet distance", f"{distance.frechet:.3g}", "means and covariances; grows where samples are few"),
    )
    with st.container(horizontal=True, gap="medium"):
        for name, value, explanation in figures:
            with st.container(width=165, gap=None):
                st.metric(name, value)
                st.caption(explanation)


def _show_train_button(distance: Distance, source: DatasetRecord, target: DatasetRecord) -> None:
    if (
        source.labelled
        and target.labelled
        and st.button(
            f"Train with {literal(source.name)} as source",
            icon=":material/model_training:",
            help="Opens the Train page with the target's data and this source chosen.",
        )
    ):
        go("train", dataset=target.id, source=distance.source)


def _show_map(samples: pd.DataFrame, names: dict[str, str]) -> None:
    st.markdown("**Both on one map**")
    shown = samples[samples["pca_x"].notna()]
    method = choose_projection(shown, "domain-plane")
    points = shown.rename(columns={f"{method}_x": "x", f"{method}_y": "y"})
    draw(
        domain_map(points, names),
        f"domain-map-{method}",
        "Samples of both sides as dots; similar ones are close together.",
    )


def _show_columns(distance: Distance, samples: pd.DataFrame, columns: pd.DataFrame, names: dict[str, str]) -> None:
    """What differs most, and the distribution of the selected one."""
    images = distance.kind == "image"
    st.markdown(f"**{'Properties of the images' if images else 'Columns'}, the most different first**")
    selected = show_table(
        [
            {"name": c.name, "stability index": c.psi, "gap": c.gap, "p": c.p_adjusted, "moved by": c.wasserstein}
            for c in distance.columns
        ],
        {
            "stability index": ("%.2f", "Population stability index: below .1 is small, above .25 is large."),
            "gap": (
                "percent",
                "Kolmogorov–Smirnov: the largest gap between the two distribution functions; of categories the share"
                " of rows that would have to change.",
            ),
            "p": ("%.3f", "After Holm's correction over all of them."),
            "moved by": ("%.2f σ", "Wasserstein distance in standard deviations of the source."),
        },
        key="domain-columns",
        height=min(212, 38 + 35 * len(distance.columns)),
        selectable=True,
    )
    name = distance.columns[selected or 0].name
    of_source = (samples["side"] == "source").to_numpy()
    values = {"source": columns.loc[of_source, name], "target": columns.loc[~of_source, name]}
    draw(column_sides(values, names), "domain-column", f"Distribution of {name} in source and target.")
    st.caption(f"{literal(name)}. Choose a row above to see another.")


def _show_least_similar(
    distance: Distance, samples: pd.DataFrame, columns: pd.DataFrame, datasets: dict[str, DatasetRecord]
) -> None:
    """The samples of each side that the classifier assigns to their own side with most confidence."""
    for side, other, ascending in (("target", "source", False), ("source", "target", True)):
        mine = samples[samples["side"] == side].sort_values("score", ascending=ascending).head(LEAST_SIMILAR)
        name = datasets[side].name
        st.markdown(f"**Samples of {literal(name)} least similar to {literal(datasets[other].name)}**")
        if distance.kind == "table":
            st.dataframe(columns.loc[mine.index].assign(row=mine["path"]).set_index("row"), key=f"domain-rows-{side}")
            continue
        captions = mine["label"].fillna("").map(literal)
        ref = DataRef.parse(distance.target if side == "target" else distance.source)
        gallery.show_samples(datasets[side], mine[["id", "path"]].assign(caption=captions), ref, f"domain-{side}")


def _describe_method(distance: Distance) -> str:
    noun = "image" if distance.kind == "image" else "row"
    drawn = [
        f"{plural(n, noun)} of the {side}" + (f" (a random sample of {of:,})" if of > n else "")
        for n, of, side in (
            (distance.n_source, distance.of_source, "source"),
            (distance.n_target, distance.of_target, "target"),
        )
    ]
    sentences = [f"{drawn[0]} and {drawn[1]} were compared."]
    if distance.shared:
        sentences.append(f"{plural(distance.shared, noun)} that both contain were divided between them at random.")
    if distance.kind == "image":
        sentences.append(
            f"Each is represented by its embedding from {literal(distance.backbone)} at {distance.image_size} px,"
            f" in {distance.dimensions} principal components. The classifier is a logistic regression."
        )
    else:
        sentences.append(
            f"The columns that both have are encoded as {plural(distance.dimensions, 'number')} per row, as for a"
            " learner. The classifier is boosted trees."
        )
    sentences.append(
        "It is cross-validated, and near copies stay in one fold. MMD: Gretton et al. 2012, 999 permutations;"
        " A-distance: Ben-David et al. 2010; CORAL: Sun and Saenko 2016; Fréchet: Heusel et al. 2017, covariances"
        " shrunk after Ledoit and Wolf. The last two depend on the number of samples: compare them only"
        " between comparisons of equal size."
    )
    return " ".join(sentences) + "".join(f"  \n{literal(note)}" for note in distance.notes)
