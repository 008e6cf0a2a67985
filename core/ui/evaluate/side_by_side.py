"""Several runs judged side by side: whether they differ, in what settings, and where they disagree."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.matrix import confusion_matrix, difference_matrix
from core.charts.runs import parallel_coordinates, score_against_cost
from core.evaluation import comparison
from core.evaluation.repeats import group_by_seed, repeated_folds_interval
from core.evaluation.scores import format_interval, format_spread
from core.schemas import RunRecord
from core.store import runs
from core.ui.evaluate.head import show_single_prediction
from core.ui.evaluate.judged import HELP, INTERVALS, OVERALL, Judged, calibration_error, format_scores, show_samples
from core.ui.evaluate.matrix import choose_cell_values, is_dark
from core.ui.shell.charts import draw, draw_intervals
from core.ui.shell.downloads import download_csv
from core.ui.shell.tables import show_table
from core.ui.shell.text import duration, label_runs, literal, plural

METRICS: dict[comparison.Metric, str] = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
Names = dict[str, str]  # of the runs, by their ids
Pairs = Sequence[comparison.Pair]  # none where the runs cannot be compared
MANY_PAIRS = 10  # the rest is in the table


def name_runs(records: Sequence[RunRecord]) -> dict[str, str]:
    """A name for each run, by its id, with the dataset where two runs have the same name."""
    names, labels = [r.name for r in records], label_runs(records)
    return {r.id: r.name if names.count(r.name) == 1 else labels[r.id] for r in records}


def drop_shared_parts(names: dict[str, str]) -> dict[str, str]:
    """The names without the parts, separated by “·”, that all of them begin with."""
    parts = {run: name.split(" · ") for run, name in names.items()}
    shared = 0
    while all(len(p) > shared + 1 for p in parts.values()) and len({p[shared] for p in parts.values()}) == 1:
        shared += 1
    if shared == 0 or len(names) < 2:
        return names
    rests = {run: " · ".join(p[shared:]) for run, p in parts.items()}
    return {run: rest[:1].upper() + rest[1:] for run, rest in rests.items()}


def show_verdicts(several: Sequence[Judged], names: dict[str, str]) -> list[comparison.Pair]:
    """Say of every pair of runs whether they differ. Raises `InputError` where they cannot be compared."""
    for j in several:
        show_single_prediction(j, names[j.run.id])
    records = [j.run for j in several]
    comparison.check_comparable(records)
    pairs = comparison.compare_predictions({names[j.run.id]: j.rows for j in several})
    judged = [pair for pair in pairs if pair.metric == "accuracy"]
    noun = f"test {several[0].noun}"
    if len(several) == 2:
        st.subheader(literal(comparison.describe_pair(judged[0], noun)), anchor=False)
        ahead = f" Above 0, {literal(judged[0].b)} is ahead." if not judged[0].significant else ""
    else:
        shown = [literal(comparison.describe_pair(pair, noun)) for pair in judged if pair.significant]
        st.subheader(
            f"{len(shown)} of {len(judged)} differences are shown"
            if shown
            else f"No difference shown between any two of these {len(several)} runs",
            anchor=False,
        )
        if shown:
            st.markdown("\n".join(f"- {sentence}" for sentence in shown[:MANY_PAIRS]))
        with st.expander(f"All {len(judged)} pairs", icon=":material/compare_arrows:"):
            show_table(_pair_table(pairs))
            st.caption("Points by which the first is ahead, with the interval at the level of the test.")
        ahead = ""
    correction = ", with Holm's correction over all pairs" if len(several) > 2 else ""
    folds = ", corrected for the dependence of folds" if any(j.folds for j in several) else ""
    of = sorted({j.scores.n for j in several} - {pairs[0].n})
    shared = f", which they share of {' and '.join(f'{n:,}' for n in of)}" if of else ""
    st.caption(
        f"McNemar's exact test on {pairs[0].n:,} {several[0].noun} judged by both{shared}{folds}{correction}.{ahead}"
    )
    return pairs


def _pair_table(pairs: Sequence[comparison.Pair]) -> pd.DataFrame:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for pair in pairs:
        row = rows.setdefault((pair.a, pair.b), {"First": pair.b, "Second": pair.a})
        title = METRICS[pair.metric]
        row[title] = comparison.format_points(pair.difference, *pair.ci)
        row[f"{title}, p"] = comparison.format_p(pair.p_adjusted).removeprefix("p = ").removeprefix("p ")
    return pd.DataFrame(rows.values())


def show_scores(several: Sequence[Judged], names: Names, pairs: Pairs) -> None:
    """Each run's scores with intervals, as a table and as dots. Runs that differ in their seed alone are a group."""
    best = {title: comparison.best_run(pairs, m) for m, title in METRICS.items()}
    table = pd.DataFrame(_rows(several, names)).fillna("")

    def bold(column: "pd.Series[str]") -> list[str]:
        winner = best.get(str(column.name))
        return ["font-weight: bold" if winner == run else "" for run in table["Run"]]

    explanations = {title: HELP[m] for m, title in OVERALL.items()} | {"Calibration error": HELP["ece"]}
    show_table(table.style.apply(bold), explanations, pinned="Run")
    grouped = len(group_by_seed([j.run for j in several])) < len(several)
    note = "Bold: significantly better than every other. In brackets 95 % intervals of each run alone."
    st.caption(
        f"{note} Over seeds: mean ± standard deviation; of the accuracy of repeated folds, the interval."
        if grouped
        else note,
        help=INTERVALS,
    )
    if pairs:
        table = pd.DataFrame([p.model_dump() for p in pairs])
        table[["ci_low", "ci_high"]] = table.pop("ci").tolist()
        download_csv("Comparison", table.to_csv(index=False), "comparison.csv")
    rows = [
        (names[j.run.id], title, getattr(j.scores, metric), *j.scores.ci[metric])
        for j in several
        for metric, title in METRICS.items()
    ]
    draw_intervals(rows, "intervals", "Scores of the runs with 95 % intervals.")
    st.caption("Judge by the test above: runs on the same samples can differ although these intervals overlap.")


def _rows(several: Sequence[Judged], names: dict[str, str]) -> list[dict[str, str]]:
    """One row a run; before those of one group a row with their mean and deviation."""
    judged = {j.run.id: j for j in several}
    rows = []
    for members in group_by_seed([j.run for j in several]):
        if len(members) > 1:
            values = {m: [getattr(judged[r.id].scores, m) for r in members] for m in OVERALL}
            seeds = plural(len(members), "seed")
            means = {title: format_spread(fmean(values[m]), stdev(values[m])) for m, title in OVERALL.items()}
            first = judged[members[0].id]
            interval = repeated_folds_interval(
                fmean(values["accuracy"]), first.scores.n, first.run.spec.folds, len(members)
            )
            if interval:
                means[OVERALL["accuracy"]] = format_interval(fmean(values["accuracy"]), *interval)
            numbers = ", ".join(str(r.spec.seed) for r in members)
            name = names[members[0].id]
            name = name.rpartition(" #")[0] or name  # without the number of a repeated name
            rows.append({"Run": f"{name}, {seeds}", **means, "Seed": numbers})
        rows += [_row(judged[r.id], names[r.id]) for r in members]
    return rows


def _row(judged: Judged, name: str) -> dict[str, str]:
    return {
        "Run": name,
        **format_scores(judged.scores),
        "Calibration error": format_interval(*calibration_error(judged)),
        "Time": duration(sum(judged.run.seconds.values())) if judged.run.seconds else "",
        "Seed": str(judged.run.spec.seed),
    }


def show_settings(several: Sequence[Judged], names: Names, pairs: Pairs) -> None:
    """The settings in which the runs differ, one row per setting."""
    differences = comparison.settings_differences({names[j.run.id]: j.run.spec for j in several})
    if not differences:
        st.caption("All settings are the same.")
        return
    rows = [
        {"Setting": setting.replace("_", " "), **{run: comparison.in_words(v) for run, v in values.items()}}
        for setting, values in differences.items()
    ]
    show_table(rows, pinned="Setting")
    if len(several) > 2:
        values = {setting: list(of_runs.values()) for setting, of_runs in differences.items()}
        figure = parallel_coordinates(values, [j.scores.accuracy for j in several], "Accuracy")
        draw(figure, "parallel", "One line per run through its settings to its accuracy.")
        st.caption("One line per run, from grey to orange by accuracy. Drag along an axis to highlight runs.")


def show_cost(several: Sequence[Judged], names: Names, pairs: Pairs) -> None:
    """Accuracy against training time and model size."""
    costs = {
        ("Time", "seconds"): {j.run.id: sum(j.run.seconds.values()) for j in several},
        ("Size of the model", "MB"): {j.run.id: runs.model_size(j.run.id) / 1e6 for j in several},
    }
    for column, ((title, unit), by_run) in zip(st.columns(2, gap="medium"), costs.items(), strict=True):
        known = [j for j in several if by_run[j.run.id]]
        if not known:
            column.caption(f"{title}: not recorded for these runs.")
            continue
        rows = [(names[j.run.id], by_run[j.run.id], j.scores.accuracy, *j.scores.ci["accuracy"]) for j in known]
        frame = pd.DataFrame(rows, columns=["run", "cost", "value", "low", "high"])
        with column:
            figure = score_against_cost(frame, f"{title}, {unit}", "Accuracy")
            draw(figure, f"cost-{unit}", f"Accuracy against {title.lower()}.")


def show_matrices(several: Sequence[Judged], names: Names, pairs: Pairs) -> None:
    """The confusion matrices, two in a row and on one scale, and the difference of two."""
    of = choose_cell_values("matrices")
    top = int(max(np.max(j.scores.matrix) for j in several))  # of their common scale
    for start in range(0, len(several), 2):
        for column, judged in zip(st.columns(2, gap="medium"), several[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{literal(names[judged.run.id])}**")
                figure = confusion_matrix(
                    judged.scores.matrix, judged.scores.classes, of=of, zmax=top, dark=is_dark()
                )
                draw(figure, f"side-{judged.run.id}", "Confusion matrix.")
    if pairs:
        a, b = _choose_pair(several, names, "matrices-pair")
        st.markdown(f"**{literal(names[b.run.id])} minus {literal(names[a.run.id])}**")
        figure = difference_matrix(a.scores.matrix, b.scores.matrix, a.scores.classes, dark=is_dark())
        with st.columns(2, gap="medium")[0]:
            draw(figure, "difference", "Difference of two confusion matrices.")
        st.caption("Blue: more samples there. Orange: fewer. On the diagonal more is better, elsewhere fewer.")


def _choose_pair(several: Sequence[Judged], names: dict[str, str], key: str) -> tuple[Judged, Judged]:
    """Two of the runs, chosen by the visitor where there are more."""
    pairs = list(combinations(several, 2))
    if len(pairs) == 1:
        return pairs[0]
    titles = [f"{names[x.run.id]} and {names[y.run.id]}" for x, y in pairs]
    return pairs[st.selectbox("Runs", range(len(pairs)), format_func=titles.__getitem__, key=key)]


def show_disagreements(several: Sequence[Judged], names: Names, pairs: Pairs) -> None:
    """The samples that two of the runs predict differently, first those that one gets right."""
    a, b = _choose_pair(several, names, "disagreeing")
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
    st.caption(f"Under each: the true class, then what {first} and {second} predicted; a tick marks a right one.")
    captions = [
        f"{literal(true)}  \n{_mark(by_a, true)} · {_mark(by_b, true)}"
        for true, by_a, by_b in zip(apart["label"], apart["predicted_a"], apart["predicted_b"], strict=True)
    ]
    shown = apart[["id", "path", "label", "predicted_a", "predicted_b"]].rename(
        columns={"label": "true", "predicted_a": names[a.run.id], "predicted_b": names[b.run.id]}
    )
    show_samples(a, shown.assign(caption=captions), "apart")


def _mark(predicted: str, label: str) -> str:
    return f"{'✓' if predicted == label else '✗'} {literal(predicted)}"
