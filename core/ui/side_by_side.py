"""Several runs judged side by side: what the difference is worth, what was set differently, where they disagree."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean, stdev

import pandas as pd
import streamlit as st

from core import charts
from core.evaluation import comparison
from core.evaluation.repeats import by_seed
from core.schemas import RunRecord
from core.store import runs
from core.ui.evaluation import (
    CHART,
    HELP,
    INTERVALS,
    OVERALL,
    Judged,
    dark,
    download,
    matrix_mode,
    overall,
    samples,
    top_count,
)
from core.ui.gallery import literal
from core.ui.words import duration, plural

METRICS: dict[comparison.Metric, str] = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
MANY_PAIRS = 10  # the rest stands in the table


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
    noun = f"test {several[0].noun}"
    if len(several) == 2:
        st.subheader(literal(comparison.in_words(judged[0], noun)), anchor=False)
        ahead = f" Above 0, {literal(judged[0].b)} is ahead." if not judged[0].significant else ""
    else:
        shown = [literal(comparison.in_words(pair, noun)) for pair in judged if pair.significant]
        st.subheader(
            f"{len(shown)} of {len(judged)} differences are shown"
            if shown
            else f"No difference shown between any two of these {len(several)} runs",
            anchor=False,
        )
        if shown:
            st.markdown("\n".join(f"- {words}" for words in shown[:MANY_PAIRS]))
        with st.expander(f"All {len(judged)} pairs", icon=":material/compare_arrows:"):
            st.dataframe(_pair_table(pairs), hide_index=True)
            st.caption("Points by which the first is ahead, with the interval at the level at which it was tested.")
        ahead = ""
    correction = ", with Holm's correction over all pairs" if len(several) > 2 else ""
    st.caption(f"McNemar's exact test on {pairs[0].n:,} {several[0].noun} judged by both{correction}.{ahead}")
    return pairs


def _pair_table(pairs: Sequence[comparison.Pair]) -> pd.DataFrame:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for pair in pairs:
        row = rows.setdefault((pair.a, pair.b), {"First": pair.b, "Second": pair.a})
        title = METRICS[pair.metric]
        row[title] = comparison.points(pair.difference, *pair.ci)
        row[f"{title}, p"] = comparison.format_p(pair.p_adjusted).removeprefix("p = ").removeprefix("p ")
    return pd.DataFrame(rows.values())


def metrics(several: Sequence[Judged], names: dict[str, str], pairs: Sequence[comparison.Pair]) -> None:
    """Each run's scores with intervals, as a table and as dots. Runs that differ in their seed alone are a group."""
    best = {title: comparison.best(pairs, m) for m, title in METRICS.items()}
    table = pd.DataFrame(_rows(several, names)).fillna("")

    def bold(column: "pd.Series[str]") -> list[str]:
        winner = best.get(str(column.name))
        return ["font-weight: bold" if winner == run else "" for run in table["Run"]]

    st.dataframe(
        table.style.apply(bold),
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            **{title: st.column_config.TextColumn(help=HELP[m]) for m, title in OVERALL.items()},
            "Calibration error": st.column_config.TextColumn(help=HELP["ece"]),
        },
    )
    grouped = len(by_seed([j.run for j in several])) < len(several)
    said = "Bold: shown to be better than every other. In brackets 95 % intervals of each run alone."
    st.caption(f"{said} Over seeds: mean ± standard deviation." if grouped else said, help=INTERVALS)
    if pairs:
        found = pd.DataFrame([p.model_dump() for p in pairs])
        found[["ci_low", "ci_high"]] = found.pop("ci").tolist()
        download("Comparison", found.to_csv(index=False), "comparison.csv")
    rows = [
        (names[j.run.id], title, getattr(j.scores, metric), *j.scores.ci[metric])
        for j in several
        for metric, title in METRICS.items()
    ]
    figure = charts.intervals(pd.DataFrame(rows, columns=["run", "metric", "value", "low", "high"]))
    st.plotly_chart(figure, key="intervals", config=CHART, alt="Scores of the runs with 95 % intervals.")
    st.caption("Judge by the sentence above: runs can differ though these intervals overlap, as they share samples.")


def _rows(several: Sequence[Judged], names: dict[str, str]) -> list[dict[str, str]]:
    """One row a run; before those of one group a row with their mean and deviation."""
    judged = {j.run.id: j for j in several}
    rows = []
    for members in by_seed([j.run for j in several]):
        if len(members) > 1:
            values = {m: [getattr(judged[r.id].scores, m) for r in members] for m in OVERALL}
            seeds = plural(len(members), "seed")
            means = {title: f"{fmean(values[m]):.3f} ± {stdev(values[m]):.3f}" for m, title in OVERALL.items()}
            numbers = ", ".join(str(r.spec.seed) for r in members)
            rows.append({"Run": f"{_without_number(names[members[0].id])}, {seeds}", **means, "Seed": numbers})
        rows += [_row(judged[r.id], names[r.id]) for r in members]
    return rows


def _without_number(name: str) -> str:
    """A name without the number that tells it from earlier runs of the same name."""
    return name.rpartition(" #")[0] or name


def _row(judged: Judged, name: str) -> dict[str, str]:
    return {
        "Run": name,
        **overall(judged.scores),
        "Calibration error": f"{judged.scores.ece:.2f}",
        "Time": duration(sum(judged.run.seconds.values())) if judged.run.seconds else "",
        "Seed": str(judged.run.spec.seed),
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
    if len(several) > 2:
        values = {setting: list(of_runs.values()) for setting, of_runs in differences.items()}
        figure = charts.parallel_coordinates(values, [j.scores.accuracy for j in several], "Accuracy")
        st.plotly_chart(
            figure, key="parallel", config=CHART, alt="A line a run through its settings to its accuracy."
        )
        st.caption("A line a run, from grey to orange with its accuracy. Drag along an axis to pick out runs.")


def cost(several: Sequence[Judged], names: dict[str, str]) -> None:
    """Accuracy against the time a run took and the size of the model it left."""
    costs = {
        "Time, seconds": {j.run.id: sum(j.run.seconds.values()) for j in several},
        "Size of the model, MB": {j.run.id: runs.model_size(j.run.id) / 1e6 for j in several},
    }
    for column, (title, by_run) in zip(st.columns(2, gap="medium"), costs.items(), strict=True):
        known = [j for j in several if by_run[j.run.id]]
        if not known:
            column.caption(f"{title.split(',')[0]}: not known of these runs.")
            continue
        rows = [(names[j.run.id], by_run[j.run.id], j.scores.accuracy, *j.scores.ci["accuracy"]) for j in known]
        figure = charts.cost(pd.DataFrame(rows, columns=["run", "cost", "value", "low", "high"]), title, "Accuracy")
        column.plotly_chart(figure, key=f"cost-{title}", config=CHART, alt=f"Accuracy against {title.lower()}.")


def matrices(several: Sequence[Judged], names: dict[str, str], comparable: bool) -> None:
    """The runs' confusion matrices, two beside each other, on one scale; what two of them differ by."""
    of = matrix_mode("matrices")
    top = top_count(several)
    for start in range(0, len(several), 2):
        for column, judged in zip(st.columns(2, gap="medium"), several[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{literal(names[judged.run.id])}**")
                figure = charts.confusion_matrix(
                    judged.scores.matrix, judged.scores.classes, of=of, zmax=top, dark=dark()
                )
                st.plotly_chart(figure, key=f"side-{judged.run.id}", config=CHART, alt="Confusion matrix.")
    if comparable:
        a, b = _two(several, names, "matrices-pair")
        st.markdown(f"**{literal(names[b.run.id])} less {literal(names[a.run.id])}**")
        figure = charts.difference_matrix(a.scores.matrix, b.scores.matrix, a.scores.classes, dark=dark())
        st.columns(2, gap="medium")[0].plotly_chart(
            figure, key="difference", config=CHART, alt="Difference of two confusion matrices."
        )
        st.caption("Blue: more samples there. Orange: fewer. On the diagonal more is better, elsewhere fewer.")


def _two(several: Sequence[Judged], names: dict[str, str], key: str) -> tuple[Judged, Judged]:
    """Two of the runs; which, where there are more."""
    pairs = list(combinations(several, 2))
    if len(pairs) == 1:
        return pairs[0]
    titles = [f"{names[x.run.id]} and {names[y.run.id]}" for x, y in pairs]
    return pairs[st.selectbox("Runs", range(len(pairs)), format_func=titles.__getitem__, key=key)]


def disagreements(several: Sequence[Judged], names: dict[str, str]) -> None:
    """The samples that two of the runs predict differently, those that one gets right first."""
    a, b = _two(several, names, "disagreeing")
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
    samples(a, shown.assign(caption=captions), "apart")


def _said(predicted: str, label: str) -> str:
    return f"{'✓' if predicted == label else '✗'} {literal(predicted)}"
