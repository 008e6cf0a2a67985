"""Every finder of tables finds what was planted, its remedy does away with it, and clean data have no finding."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning.preparation import Preparation
from core.data.cleaning.steps.registry import STEPS
from core.data.findings import category as category_findings
from core.data.findings import table as table_findings
from core.data.findings.table import CORRELATED, TELLS_ALL, _may_tell, _strong_correlations, _tree_guesses
from core.data.importing import import_data
from core.data.versions import load_samples, load_table, make_version
from core.schemas import DataRef, Finding, Recipe

N = 300


def clean(seed: int = 0) -> pd.DataFrame:
    """Numbers and categories of which none tells too much, with no gaps."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["oak", "elm"], N)
    return pd.DataFrame(
        {
            "height": np.where(kind == "oak", 1.0, 0.0) + rng.normal(0, 1, N).clip(-2, 2),
            "width": rng.uniform(2, 3, N),
            "age": rng.integers(1, 90, N),
            "soil": rng.choice(["sand", "clay", "loam"], N),
            "kind": kind,
        }
    )


Found = Callable[[pd.DataFrame], dict[str, list[Finding]]]


@pytest.fixture
def found(workspace, tmp_path) -> Found:
    """Import a table and give its findings by kind."""

    def look(table: pd.DataFrame) -> dict[str, list[Finding]]:
        path = tmp_path / "trees.csv"
        table.to_csv(path, index=False)
        by_kind: dict[str, list[Finding]] = {}
        for finding in import_data(path, target="kind", name="trees").findings:
            by_kind.setdefault(finding.kind, []).append(finding)
        return by_kind

    return look


def after(finding: Finding) -> set[str]:
    """The kinds of findings that are left in a version with the remedy."""
    assert finding.remedy is not None
    return {f.kind for f in make_version("trees", Recipe(steps=(finding.remedy,))).findings}


def prepared(finding: Finding) -> pd.DataFrame:
    """The table after a remedy that learns."""
    assert finding.remedy is not None
    ref = DataRef(dataset="trees")
    (table, _), labels = load_table(ref), pd.factorize(load_samples(ref)["label"])[0]
    preparation = Preparation(Recipe(steps=(finding.remedy,))).fit(table, labels)
    return preparation.learnt_[0].transform(table)


def test_a_clean_table_has_no_findings(found: Found) -> None:
    assert found(clean()) == {}


def test_gaps_are_counted_and_filled(found: Found) -> None:
    table = clean()
    table.loc[[3, 5], "height"] = np.nan
    table.loc[3, "width"] = np.nan
    (finding,) = found(table)["missing"]
    assert finding.samples == ("row 4", "row 6") and finding.scores == (2.0, 1.0)
    assert "3 of 1,200 cells" in finding.message and "height 2, width 1" in finding.message
    assert not prepared(finding).isna().any(axis=None)


def test_columns_empty_together_are_told_and_marked(found: Found) -> None:
    table = clean()
    table.loc[10:14, ["height", "width"]] = np.nan
    (finding,) = found(table)["missing_pattern"]
    assert finding.samples == tuple(f"row {i}" for i in range(11, 16))
    assert prepared(finding)["height missing"].sum() == 5


def test_gaps_that_tell_the_class_are_a_warning_and_others_are_not(found: Found) -> None:
    table = clean()
    rng = np.random.default_rng(1)
    table.loc[(table["kind"] == "oak") & (rng.random(N) < 0.4), "age"] = np.nan
    table.loc[rng.random(N) < 0.3, "width"] = np.nan
    (finding,) = found(table)["missing_pattern"]
    assert finding.severity == "warning" and "“age” is missing in" in finding.message
    assert "age missing" in prepared(finding)


def test_rows_that_differ_in_one_cell_are_near_duplicates(found: Found) -> None:
    table = clean()
    twins = table.iloc[[7, 8]].assign(age=[200, 201])
    (finding,) = found(pd.concat([table, twins]))["near_duplicate"]
    assert set(finding.samples) == {"row 8", "row 9", "row 301", "row 302"}
    assert "near_duplicate" not in after(finding)
    assert len(load_samples(DataRef(dataset="trees"))) == N


def test_rows_of_a_few_categories_agree_by_chance(found: Found) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({c: rng.integers(0, 4, N) for c in "abcdef"}).astype({"a": str}).assign(kind=clean()["kind"])
    assert "near_duplicate" not in found(table)


def test_values_far_out_are_named_the_farthest_first_and_clipped(found: Found) -> None:
    table = clean()
    table.loc[5, "width"], table.loc[9, "height"] = 50.0, -40.0
    (finding,) = found(table)["outlier"]
    assert finding.samples == ("row 6", "row 10") and finding.scores[0] > finding.scores[1] > 3
    assert prepared(finding)["width"].max() < 10


def test_constant_columns_are_left_out(found: Found) -> None:
    (finding,) = found(clean().assign(country="DE", unit=1))["constant"]
    assert "“country” and “unit”" in finding.message or "“unit” and “country”" in finding.message
    assert "constant" not in after(finding)


def test_columns_that_name_rows_are_left_out_and_measurements_are_not(found: Found) -> None:
    rng = np.random.default_rng(0)
    code = [f"T{i:04}" for i in rng.permutation(N)]
    code[1] = code[0]
    table = clean().assign(tree=code, number=1000 + rng.permutation(N), tree_id=rng.permutation(N) * 977)
    (finding,) = found(table)["id_like"]
    assert finding.remedy and set(finding.remedy.params["columns"]) == {"tree", "number", "tree_id"}
    assert "id_like" not in after(finding)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_column_that_alone_tells_the_class_is_a_leak(found: Found, as_text: bool) -> None:
    table = clean()
    rng = np.random.default_rng(0)
    code = np.where(table["kind"] == "oak", 5.0, 1.0) + rng.integers(0, 3, N) / 10
    code[0] = 9.0
    (finding,) = found(table.assign(verdict=[f"v{c}" for c in code] if as_text else code))["leak"]
    assert "“verdict” alone tells the class" in finding.message and 0.985 <= finding.scores[0] <= 1
    assert "leak" not in after(finding)


def test_a_leak_of_a_rare_class_is_found(found: Found) -> None:
    table = clean()
    table["kind"] = np.where(np.arange(N) % 60 == 0, "rare", "elm")
    table["height"] = np.where(table["kind"] == "rare", 9.0, table["height"])
    assert "“height”" in found(table)["leak"][0].message


def test_spellings_become_the_most_frequent_one(found: Found) -> None:
    table = clean()
    table.loc[[1, 2], "soil"] = ["Sand", "CLAY"]
    table.loc[4, "soil"] = " loam "
    (finding,) = found(table)["spelling"]
    assert finding.remedy and finding.remedy.params["spellings"] == {"Sand": "sand", "CLAY": "clay", " loam ": "loam"}
    assert set(finding.samples) == {"row 2", "row 3", "row 5"}
    assert "spelling" not in after(finding)


def test_numbers_with_other_words_among_them_become_numbers(found: Found) -> None:
    table = clean().astype({"width": object})
    table.loc[[1, 2, 3], "width"] = ["unknown", "unknown", "?"]
    (finding,) = found(table)["mixed_type"]
    assert "“unknown” 2, “?” 1" in finding.message
    assert after(finding) == {"missing"}
    assert load_table(DataRef(dataset="trees"))[1].numeric.count("width") == 1


def test_categories_that_were_made_of_codes_are_no_mixed_types(found: Found) -> None:
    found(clean())
    recipe = Recipe.model_validate(
        {"steps": [{"kind": "convert_type", "params": {"column": "age", "to": "category"}}]}
    )
    assert "mixed_type" not in {f.kind for f in make_version("trees", recipe).findings}


def test_rare_categories_are_grouped(found: Found) -> None:
    table = clean()
    table.loc[[1, 2, 3], "soil"] = ["peat", "peat", "chalk"]
    (finding,) = found(table)["rare_category"]
    assert "peat 2, chalk 1" in finding.message
    assert set(prepared(finding)["soil"]) == {"sand", "clay", "loam", "other"}


def test_columns_that_say_the_same_are_named_once(found: Found) -> None:
    table = clean()
    table["centimetres"] = 100 * table["height"] + np.random.default_rng(0).normal(0, 1, N)
    (finding,) = found(table)["correlation"]
    assert finding.remedy and finding.remedy.params["columns"] in (["centimetres"], ["height"])
    assert "correlation" not in after(finding)


def test_copies_are_dropped(found: Found) -> None:
    table = clean()
    torn = table.iloc[[3]].assign(kind="elm" if table.loc[3, "kind"] == "oak" else "oak")
    same, wrong = sorted(
        found(pd.concat([table, table.iloc[[0]], torn]))["exact_duplicate"], key=lambda f: f.severity == "error"
    )
    assert after(same) == {"exact_duplicate"}
    assert after(wrong) == set()


def test_every_finder_of_tables_has_a_remedy_of_the_registry(found: Found) -> None:
    table = clean().assign(one=1, twice=lambda t: t["height"] * 2)
    table.loc[[1, 2, 3], "soil"] = ["Sand", "peat", np.nan]
    table.loc[5, "width"] = 99
    findings = [f for of_kind in found(table).values() for f in of_kind]
    assert {f.remedy.kind for f in findings if f.remedy} <= set(STEPS)
    names = [finder.__name__ for finder in (*table_findings.FINDERS, *category_findings.FINDERS)]
    assert {f.kind for f in findings} <= set(names)


def test_infinite_and_enormous_numbers_are_missing_cells(found: Found) -> None:
    table = clean().astype({"width": str})
    table.loc[[2, 4], "width"] = ["1e400", "-1e300"]
    assert "width 2" in found(table)["missing"][0].message
    (cells, _), labels = load_table(DataRef(dataset="trees")), np.zeros(N, dtype=int)
    assert np.isfinite(Preparation(Recipe()).fit(cells, labels).transform(cells)).all()


def test_a_column_that_tells_the_class_is_never_ruled_out_beforehand():
    rng = np.random.default_rng(0)
    for trial in range(60):
        n, classes = int(rng.integers(30, 200)), int(rng.integers(2, 5))
        y = rng.permutation(np.arange(n) % classes)
        noise = rng.choice([0, 0.01, 0.05, 0.3])
        column = y * rng.choice([-1, 1]) + rng.normal(0, 0.15, n)
        column[rng.random(n) < noise] = rng.normal(0, 3)
        if trial % 2:
            column = column.round(int(rng.integers(0, 2)))
        if trial % 3 == 0:
            column[rng.random(n) < 0.05] = np.nan
        fold = pd.Series(rng.permutation(n)).groupby(y).rank().to_numpy(dtype="int64") % 3
        guess = _tree_guesses(pd.Series(column).rank(method="dense").to_numpy(), y, fold, classes)
        score = np.mean([(guess[y == c] == c).mean() for c in range(classes)])
        kept = _may_tell(pd.DataFrame({"x": column}), y, fold, classes)
        assert kept == ["x"] or score < TELLS_ALL


def test_most_columns_of_noise_are_ruled_out_beforehand():
    rng = np.random.default_rng(1)
    y = np.arange(90) % 3
    fold = pd.Series(rng.permutation(90)).groupby(y).rank().to_numpy(dtype="int64") % 3
    noise = pd.DataFrame(rng.normal(size=(90, 200)).round(2)).assign(few=rng.integers(1, 4, 90))
    assert not _may_tell(noise.rename(columns=str), y, fold, 3)


def test_strong_correlations_are_those_of_numpy(monkeypatch):
    monkeypatch.setattr("core.data.findings.table.BLOCK", 7)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 6))
    x = np.hstack([x, x + rng.normal(0, 0.1, x.shape), -x + rng.normal(0, 0.4, x.shape)])
    r = np.corrcoef(x, rowvar=False)
    wanted = {(a, b) for a in range(18) for b in range(a + 1, 18) if abs(r[a, b]) > CORRELATED}
    found = _strong_correlations(x)
    assert set(found) == wanted and all(abs(found[pair] - r[pair]) < 1e-12 for pair in wanted)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["12 kg", "7,5 kg", "100 kg"], [12, 7.5, 100]),
        (["€ 1.200", "€ 2.500,50", "€ 900"], [1200, 2500.5, 900]),
        (["1,200.50 $", "90 $", "5.25 $"], [1200.5, 90, 5.25]),
        (["3 km/h", "4.5 km/h", "5 km/h"], [3, 4.5, 5]),
        (["-4 °C", "18.5 °C", "20 °C"], [-4, 18.5, 20]),
        (["USD 5", "USD 7", "USD 8.5"], [5, 7, 8.5]),
        (["12 kg", "700 g", "1 kg"], None),
        (["A 12", "B 7", "A 1"], None),
        (["12", "7", "1"], None),
        (["1 of 5", "2 of 5", "3 of 5"], None),
    ],
)
def test_numbers_with_a_unit_become_numbers_on_request(workspace, tmp_path, cells, numbers):
    n = len(cells)
    rows = "\n".join(f"{cells[i % n]};{i};{'ab'[i % 2]}" for i in range(30))
    (tmp_path / "t.csv").write_text(f"weight;x;kind\n{rows}\n")
    version = import_data(tmp_path / "t.csv", target="kind").version
    found = [finding for finding in version.findings if finding.kind == "unit"]
    assert bool(found) == (numbers is not None)
    if numbers is not None:
        cleaned = make_version(version.dataset, Recipe(steps=(found[0].remedy,)))
        table, _ = load_table(DataRef(dataset=version.dataset, version=cleaned.id))
        assert table["weight"].head(n).tolist() == numbers


@pytest.mark.parametrize("write", ["€{}.50".format, "$ {}".format, "{}.25 kg".format, "{} m²".format])
def test_an_amount_that_differs_in_nearly_every_row_is_not_taken_for_a_name(workspace, tmp_path, write):
    rows = "\n".join(f"{write(max(i, 2))},{'ab'[i % 2]},{i % 7}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"amount,kind,x\n{rows}\n")
    kinds = {finding.kind for finding in import_data(tmp_path / "t.csv", target="kind").version.findings}
    assert "id_like" not in kinds


def test_measured_rows_that_all_differ_are_not_left_out(workspace, tmp_path):
    rows = "\n".join(f"{i}.{i} kg,{'ab'[i % 2]}" for i in range(30))
    (tmp_path / "t.csv").write_text(f"weight,kind\n{rows}\n")
    findings = import_data(tmp_path / "t.csv", target="kind").version.findings
    assert "unit" in {finding.kind for finding in findings}
