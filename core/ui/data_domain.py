"""The Domain tab: another data set beside this one, how far apart they are, and what makes them speak alike."""

import pandas as pd
import streamlit as st

from core import charts
from core.advice.domain.meaning import in_words
from core.advice.domain.record import ColumnShift, Distance, read
from core.methods.predictors import predicting_runs
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_dataset, list_datasets
from core.ui import data_harmonise, gallery, remedies, source_ranking, version_task
from core.ui.data_map import METHODS
from core.ui.gallery import literal
from core.ui.page import go
from core.ui.words import plural

TASK = "distance"
LEAST_ALIKE = 12
CHART = {"displayModeBar": False}
EXPECTED = (
    "Optimal transport (Lu et al. 2023): the share of the target of which the run is as sure as of the held-out"
    " samples that it gets right, once every class is given as often as there. It tells too little where the"
    " target's classes occur in quite other shares."
)


def domain(dataset: DatasetRecord, version: VersionRecord) -> None:
    """Choose the other data set; compare both, and take over what only their names and units differ in."""
    others = {other.id: other for other in list_datasets() if other.id != dataset.id and other.kind == dataset.kind}
    if not others:
        _empty(dataset)
        return
    source_ranking.which(dataset, version)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Other data set",
            list(others),
            key=f"domain-{dataset.id}",
            format_func=lambda other: others[other].name,
            help="Will what is learnt there work here? A data set without labels can only be the one to work on.",
        )
        source, target = _roles(dataset, version, others[chosen])
        asked = {"source": str(source), "target": str(target)} | _run_on(source)
        if st.button("Compare", type="primary", icon=":material/compare_arrows:"):
            version_task.start(TASK, version, f"Distance to {others[chosen].name}", **asked)
    if not version_task.at_work(TASK, version, "Comparing"):
        done = version_task.made(TASK, version, **asked)
        if done:
            _result(version, *read(done))
    st.subheader("Names and units", anchor=False)
    data_harmonise.harmonising(dataset, version, others[chosen])


def _empty(dataset: DatasetRecord) -> None:
    what = "set of images" if dataset.kind == "image" else "table"
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.markdown(
            f"Bring in a second {what}; here you will see how far this one is from it, whether what is learnt there"
            " will work here, and which names and units differ.",
            width="content",
        )
        if st.button("Bring data in", type="primary", icon=":material/add:"):
            go("home")


def _roles(dataset: DatasetRecord, version: VersionRecord, other: DatasetRecord) -> tuple[DataRef, DataRef]:
    """Source and target: what is shown is the target, unless it alone has labels to learn from."""
    here = DataRef(dataset=dataset.id, version=version.id)
    there = DataRef(dataset=other.id, version=other.version)
    return (here, there) if dataset.labelled and not other.labelled else (there, here)


def _run_on(source: DataRef) -> dict[str, str]:
    """The run on the source whose accuracy here is wanted, the newest unless another is chosen, if any."""
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


def _expected(found: Distance) -> None:
    """What the run is expected to reach, what it reaches where that is known, and how far probes agree."""
    run, agree = found.expectation, found.consistency
    if run:
        low, high = run.accuracy_ci
        told = f"Expected of **{literal(run.name)}** on the target: **{run.accuracy:.0%}** right"
        told += f" ({low:.0%} to {high:.0%}), after {run.on_held_out:.0%} of its own validation and test samples."
        if run.actual is not None and run.actual_ci is not None:
            low, high = run.actual_ci
            told += f" With the target's labels: {run.actual:.0%} ({low:.0%} to {high:.0%})."
        st.markdown(told, help=EXPECTED)
    if found.unexpected:
        st.caption(f"What the run on the source would reach here cannot be told: {literal(found.unexpected)}")
    if agree:
        st.markdown(
            f"Of the target, a probe learnt on the source and one learnt on the target say the same of"
            f" **{agree['source_target']:.0%}**; one learnt on both agrees with the source's on"
            f" {agree['source_both']:.0%} and with the target's on {agree['target_both']:.0%}."
        )


def _result(version: VersionRecord, found: Distance, samples: pd.DataFrame, columns: pd.DataFrame) -> None:
    source, target = (get_dataset(DataRef.parse(ref).dataset) for ref in (found.source, found.target))
    names = {"source": source.name, "target": target.name}
    st.markdown(
        f":blue-badge[:material/school: Source] {literal(source.name)} &nbsp; "
        f":orange-badge[:material/target: Target] {literal(target.name)}"
    )
    st.markdown(f"**{literal(in_words(found))}**")
    _expected(found)
    _figures(found)
    _onward(found, source, target)
    if source.labelled and target.labelled:
        remedies.what_helps(version, found, target)
    left, right = st.columns(2, gap="medium")
    with left:
        _map(samples, names)
    with right:
        _columns(found, samples, columns, names)
    _least_alike(found, samples, columns, {"source": source, "target": target})
    with st.expander("How this was measured"):
        st.markdown(_method(found))


def _figures(found: Distance) -> None:
    low, high = found.domain_auc_ci
    figures = (
        ("Domain AUC", f"{found.domain_auc:.2f}", f"95 %: {low:.2f} to {high:.2f}; .5 is no difference"),
        ("MMD²", f"{found.mmd:.3f}", f"p = {found.mmd_p:.3f} by permutation; 0 is no difference"),
        ("Proxy A-distance", f"{found.a_distance:.2f}", "0 is no difference, 2 the most there can be"),
        ("CORAL", f"{found.coral:.2g}", "how far the covariances are apart"),
        ("Fréchet distance", f"{found.frechet:.3g}", "means and covariances; grows where samples are few"),
    )
    with st.container(horizontal=True, gap="medium"):
        for name, value, told in figures:
            with st.container(width=165, gap=None):
                st.metric(name, value)
                st.caption(told)


def _onward(found: Distance, source: DatasetRecord, target: DatasetRecord) -> None:
    if not source.labelled:
        return
    if target.labelled and st.button(
        f"Train with {literal(source.name)} as source",
        icon=":material/model_training:",
        help="Opens the Train page with the target's data and this source chosen.",
    ):
        go("train", dataset=target.id, source=found.source)


def _map(samples: pd.DataFrame, names: dict[str, str]) -> None:
    st.markdown("**Both on one map**")
    shown = samples[samples["pca_x"].notna()]
    offered = [m for m in METHODS if shown[f"{m}_x"].notna().all()]
    method = st.segmented_control(
        "Plane",
        offered,
        default=offered[0],
        required=True,
        format_func=METHODS.__getitem__,
        key="domain-plane",
        label_visibility="collapsed",
    )
    points = shown.rename(columns={f"{method}_x": "x", f"{method}_y": "y"})
    st.plotly_chart(
        charts.domain_map(points, names),
        key=f"domain-map-{method}",
        config=CHART,
        alt="Samples of both sides as dots; those that are alike lie together.",
    )


def _columns(found: Distance, samples: pd.DataFrame, columns: pd.DataFrame, names: dict[str, str]) -> None:
    """What differs most, and how the one that is chosen is spread."""
    images = found.kind == "image"
    st.markdown(f"**{'What is measured of the images' if images else 'Columns'}, the most different first**")
    event = st.dataframe(
        pd.DataFrame([_row(shift) for shift in found.columns]),
        hide_index=True,
        height=min(212, 38 + 35 * len(found.columns)),
        key="domain-columns",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "stability index": st.column_config.NumberColumn(
                format="%.2f", help="Population stability index: below .1 is little, above .25 is much."
            ),
            "gap": st.column_config.NumberColumn(
                format="percent",
                help="Kolmogorov–Smirnov: the largest gap between the two distribution functions; of categories the"
                " share of rows that would have to change.",
            ),
            "p": st.column_config.NumberColumn(format="%.3f", help="After Holm's correction over all of them."),
            "moved by": st.column_config.NumberColumn(
                format="%.2f σ", help="Wasserstein distance in standard deviations of the source."
            ),
        },
    )
    picked = event.selection.rows
    name = found.columns[picked[0] if picked else 0].name
    of_source = (samples["side"] == "source").to_numpy()
    values = {"source": columns.loc[of_source, name], "target": columns.loc[~of_source, name]}
    st.plotly_chart(
        charts.column_sides(values, names),
        key="domain-column",
        config=CHART,
        alt=f"How {name} is spread in source and target.",
    )
    st.caption(f"{literal(name)}. Choose a row above to see another.")


def _row(shift: ColumnShift) -> dict[str, object]:
    return {
        "name": shift.name,
        "stability index": shift.psi,
        "gap": shift.gap,
        "p": shift.p_adjusted,
        "moved by": shift.wasserstein,
    }


def _least_alike(
    found: Distance, samples: pd.DataFrame, columns: pd.DataFrame, datasets: dict[str, DatasetRecord]
) -> None:
    """The samples of either side that its classifier takes for its own most surely."""
    for side, other, ascending in (("target", "source", False), ("source", "target", True)):
        mine = samples[samples["side"] == side].sort_values("score", ascending=ascending).head(LEAST_ALIKE)
        name = datasets[side].name
        st.markdown(f"**Of {literal(name)}, what is least like {literal(datasets[other].name)}**")
        if found.kind == "table":
            st.dataframe(columns.loc[mine.index].assign(row=mine["path"]).set_index("row"), key=f"domain-rows-{side}")
            continue
        captions = mine["label"].fillna("").map(literal)
        ref = DataRef.parse(found.target if side == "target" else found.source)
        gallery.samples(datasets[side], mine[["id", "path"]].assign(caption=captions), ref, f"domain-{side}")


def _method(found: Distance) -> str:
    noun = "image" if found.kind == "image" else "row"
    lots = [
        f"{plural(n, noun)} of the {side}" + (f" (by lot, of {of:,})" if of > n else "")
        for n, of, side in ((found.n_source, found.of_source, "source"), (found.n_target, found.of_target, "target"))
    ]
    told = [f"{lots[0]} and {lots[1]} were compared."]
    if found.shared:
        told.append(f"{plural(found.shared, noun)} that both hold were divided between them by lot.")
    if found.kind == "image":
        told.append(
            f"Each stands as what {literal(found.backbone)} makes of it at {found.image_size} px,"
            f" in {found.dimensions} principal components. The classifier is a logistic regression."
        )
    else:
        told.append(
            f"The columns that both have become {plural(found.dimensions, 'number')} a row, as a learner sees them."
            " The classifier is boosted trees."
        )
    told.append(
        "It is cross-validated, and near copies stay in one fold. MMD: Gretton et al. 2012, 999 permutations;"
        " A-distance: Ben-David et al. 2010; CORAL: Sun and Saenko 2016; Fréchet: Heusel et al. 2017, covariances"
        " shrunk after Ledoit and Wolf. The last two depend on how many samples there are: compare them only between"
        " comparisons of equal size."
    )
    return " ".join(told) + "".join(f"  \n{literal(note)}" for note in found.notes)
