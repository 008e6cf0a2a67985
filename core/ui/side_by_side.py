"""Several runs judged side by side: what the difference is worth, what was set differently, where they disagree."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import streamlit as st

from core import charts
from core.evaluation import comparison, scores
from core.schemas import RunRecord
from core.ui import gallery
from core.ui.evaluation import CHART, HELP, NORMALISED, Judged, dark, download, matrix_mode, top_count
from core.ui.gallery import literal
from core.ui.words import duration, plural

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}


def names_of(records: Sequence[RunRecord]) -> dict[str, str]:
    """What to call each run, by its id: its name, with the dataset behind it where two datasets have it."""
    names = [r.name for r in records]
    return {r.id: r.name if names.count(r.name) == 1 else f"{r.name} · {r.dataset}" for r in records}


def short_names(names: dict[str, str]) -> dict[str, str]:
    """The names without the parts, divided by “·”, with which all of them begin."""
    parts = {run: name.split(" · ") for run, name in names.items()}
    shared = 0
    while all(len(p) > shared + 1 for p in parts.values()) and len({p[shared] for p in parts.values()}) == 1:
        shared += 1
    if shared == 0 or len(names) < 2:
        return names
    rests = {run: " · ".join(p[shared:]) for run, p in parts.items()}
    return {run: rest[:1].upper() + rest[1:] for run, rest in rests.items()}


def verdicts(several: Sequence[Judged], names: dict[str, str]) -> list[comparison.Pair]:
    """A sentence for every pair of runs. Raises `InputError` where they cannot be compared."""
    records = [j.run for j in several]
    comparison.check_comparable(records)
    pairs = comparison.compare({names[j.run.id]: j.rows for j in several})
    judged = [pair for pair in pairs if pair.metric == "accuracy"]
    sentences = [literal(comparison.in_words(pair, f"test {several[0].noun}")) for pair in judged]
    if len(several) == 2:
        st.subheader(sentences[0], anchor=False)
    else:
        shown = [words for words, pair in zip(sentences, judged, strict=True) if pair.significant]
        st.subheader(
            f"{len(shown)} of {len(judged)} differences are shown"
            if shown
            else f"No difference shown between any two of these {len(several)} runs",
            anchor=False,
        )
        if shown:
            st.markdown("\n".join(f"- {words}" for words in shown))
        with st.expander(f"All {len(judged)} pairs", icon=":material/compare_arrows:"):
            st.markdown("\n".join(f"- {words}" for words in sentences))
    correction = ", with Holm's correction over all pairs" if len(several) > 2 else ""
    st.caption(f"McNemar's exact test on {pairs[0].n} {several[0].noun} judged by both{correction}.")
    return pairs


def metrics(several: Sequence[Judged], names: dict[str, str], pairs: Sequence[comparison.Pair]) -> None:
    """Each run's scores with intervals, as a table and as dots; the pairs below."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.dataframe(
            pd.DataFrame([_row(j, names[j.run.id]) for j in several]),
            hide_index=True,
            column_config={
                "Run": st.column_config.TextColumn(pinned=True),
                "Accuracy": st.column_config.TextColumn(help=HELP["accuracy"]),
                "Macro-F1": st.column_config.TextColumn(help=HELP["macro_f1"]),
                "Calibration error": st.column_config.TextColumn(help=HELP["ece"]),
            },
        )
        if pairs:
            table = pd.DataFrame([p.model_dump() for p in pairs])
            table[["ci_low", "ci_high"]] = table.pop("ci").tolist()
            download("Comparison", table.to_csv(index=False), "comparison.csv")
    with right:
        rows = [
            (names[j.run.id], title, getattr(j.scores, metric), *j.scores.ci[metric])
            for j in several
            for metric, title in METRICS.items()
        ]
        figure = charts.intervals(pd.DataFrame(rows, columns=["run", "metric", "value", "low", "high"]))
        st.plotly_chart(figure, key="intervals", config=CHART, alt="Scores of the runs with 95 % intervals.")
        st.caption(
            "Judge by the sentence above: runs can differ though these intervals overlap, as they share samples."
        )


def _row(judged: Judged, name: str) -> dict[str, object]:
    found = judged.scores
    return {
        "Run": name,
        **{title: scores.format_interval(getattr(found, m), *found.ci[m]) for m, title in METRICS.items()},
        "Weighted F1": f"{found.weighted_f1:.2f}",
        "Calibration error": f"{found.ece:.2f}",
        "Time": duration(sum(judged.run.seconds.values())) if judged.run.seconds else "",
    }


def settings(several: Sequence[Judged], names: dict[str, str]) -> None:
    """Only the settings on which the runs do not agree, one row a setting."""
    differences = comparison.settings_differences({names[j.run.id]: j.run.spec for j in several})
    if not differences:
        st.caption("All settings are the same.")
        return
    rows = [
        {"Setting": setting.replace("_", " "), **{run: "—" if v is None else str(v) for run, v in values.items()}}
        for setting, values in differences.items()
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, column_config={"Setting": st.column_config.TextColumn(pinned=True)}
    )


def matrices(several: Sequence[Judged], names: dict[str, str]) -> None:
    """The runs' confusion matrices, two beside each other, on one scale."""
    normalised = matrix_mode("matrices") == NORMALISED
    top = top_count(several)
    for start in range(0, len(several), 2):
        for column, judged in zip(st.columns(2, gap="medium"), several[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{literal(names[judged.run.id])}**")
                figure = charts.confusion_matrix(
                    judged.scores.matrix, judged.scores.classes, normalised=normalised, zmax=top, dark=dark()
                )
                st.plotly_chart(figure, key=f"side-{judged.run.id}", config=CHART, alt="Confusion matrix.")


def disagreements(several: Sequence[Judged], names: dict[str, str]) -> None:
    """The samples that two of the runs predict differently, those that one gets right first."""
    pairs = list(combinations(several, 2))
    a, b = pairs[0]
    if len(pairs) > 1:
        titles = [f"{names[x.run.id]} and {names[y.run.id]}" for x, y in pairs]
        a, b = pairs[titles.index(st.selectbox("Runs", titles, key="disagreeing"))]
    apart = comparison.disagreements(a.rows, b.rows)
    if apart.empty:
        st.caption("The two predict the same everywhere.")
        return
    wins = [int((apart[f"predicted_{s}"] == apart["label"]).sum()) for s in ("a", "b")]
    first, second = literal(names[a.run.id]), literal(names[b.run.id])
    st.markdown(
        f"They differ on {len(apart)} of {len(a.rows)} {a.noun}. Right there: **{first}** {plural(wins[0], 'time')},"
        f" **{second}** {plural(wins[1], 'time')}."
    )
    st.caption(f"Under each: the true class, then what {first} and what {second} said; a tick marks who is right.")
    captions = [
        f"{literal(true)}  \n{_said(by_a, true)} · {_said(by_b, true)}"
        for true, by_a, by_b in zip(apart["label"], apart["predicted_a"], apart["predicted_b"], strict=True)
    ]
    shown = apart[["id", "path", "label", "predicted_a", "predicted_b"]].rename(
        columns={"label": "true", "predicted_a": names[a.run.id], "predicted_b": names[b.run.id]}
    )
    gallery.samples(a.dataset, shown.assign(caption=captions), a.ref, "apart")


def _said(predicted: str, label: str) -> str:
    return f"{'✓' if predicted == label else '✗'} {literal(predicted)}"
