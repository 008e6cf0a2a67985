"""What is learnt from training rows, for every step of the registry.

`EXAMPLES` holds further settings to try; a step without an entry is tried with its defaults, so that a new one is
tested by being registered.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.cleaning.preparation import Preparation, feature_table, features_kept, trace_steps
from core.data.cleaning.recipe import apply_recipe
from core.data.cleaning.steps.registry import STEPS
from core.data.cleaning.steps.step import Rows
from core.data.importing import import_data
from core.data.versions import load_samples, load_table, make_version
from core.errors import InputError
from core.schemas import DataRef, DatasetRecord, Recipe, ResolvedSpec, RunRecord, Step, VersionRecord

if TYPE_CHECKING:  # it imports Keras, which most tests here do without
    from core.transfer.fitting.vectors import VectorProblem

N, TRAIN = 240, 160
FEATURES = 12  # of an embedding; more than are kept unless told
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "impute": [{"method": m} for m in ("mean", "median", "mode", "constant", "neighbours", "iterative")],
    "clip_outliers": [{"method": m} for m in ("box_plot", "standard_deviations", "mad")],
    "scale": [{"method": m} for m in ("standard", "robust", "min_max", "quantile")],
    "encode": [{"method": m} for m in ("one_hot", "ordinal", "target")],
    "bins": [{"width": w} for w in ("equal_counts", "equal_widths")],
    "ratios": [{"above": ["a"], "below": ["b", "c"]}],
    "principal_components": [{"components": 2}],
    "oversample": [{"method": m} for m in ("random", "smote", "adasyn")],
    "add_noise": [{"copies": n} for n in (0, 2)],
    "select_features": [
        {"method": m, "keep": 2}
        for m in ("forest", "chi2", "anova", "mutual_information", "l1", "variance", "rfe", "rfecv")
    ],
} | {
    name: [
        {"method": m} for m in ("box_plot", "standard_deviations", "mad", "isolation_forest", "local_outlier_factor")
    ]
    for name in ("mark_outliers", "remove_outliers")
}
LEARNING = [
    pytest.param(name, params, id=f"{name}-{'-'.join(map(str, params.values()))}")
    for name, kind in STEPS.items()
    if kind.scope in ("learnt", "training_rows")
    for params in EXAMPLES.get(name, [{}])
]

OF_IMAGES = [case for case in LEARNING if STEPS[cast(str, case.values[0])].kind in ("image", "both")]


def table(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers on different scales and categories, with gaps, of which two tell the class."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, N, p=[0.45, 0.3, 0.25])
    x = pd.DataFrame(
        {
            "a": rng.normal(y, 1.0),
            "b": rng.lognormal(0, 1, N) * 1000,
            "c": rng.normal(50, 3, N),
            "d": rng.normal(0, 1, N),
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], N, p=[0.5, 0.45, 0.05]),
            "grade": np.asarray(["low", "mid", "high"])[np.where(rng.random(N) < 0.8, y, 0)],
        },
        index=[f"1-{i}" for i in range(N)],
    )
    x["d"] += x["a"]
    for name, share in (("a", 0.1), ("c", 0.05), ("town", 0.1)):
        x.loc[rng.random(N) < share, name] = np.nan
    return x.astype({"town": "str", "grade": "str"}), y


def planted(x: pd.DataFrame, y: np.ndarray, train: int = TRAIN) -> pd.DataFrame:
    """The same table whose rows that are not trained on hold what would show in anything fitted on them."""
    out = x.copy()
    judged = out.index[train:]
    for column, name in enumerate(("a", "b", "c", "d")):
        out.loc[judged, name] = 1e6 * (column + 1) + 1e5 * y[train:]  # extreme, and telling the class
    out.loc[judged, "d"] += np.arange(len(x) - train)  # no two rows are copies, which would change a split
    out.loc[judged, "town"] = [f"marker {c}" for c in y[train:]]
    out.loc[judged[:30], ["b", "grade"]] = np.nan  # gaps in columns that have none in training
    return out


def write_csv(x: pd.DataFrame, y: np.ndarray, path: Path) -> Path:
    x.assign(kind=[f"class {c}" for c in y]).to_csv(path, index=False)
    return path


class Silent:
    """A recorder that records nothing."""

    prefix = ""

    def timed(self, _: str) -> nullcontext[None]:
        return nullcontext()

    def phase(self, _: str) -> None:
        pass

    def step(self, done: int, total: int) -> None:
        pass


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DatasetRecord]]:
    """The same table twice; in the second, other things stand in every row of the validation and test parts."""
    folder = tmp_path_factory.mktemp("twins")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(folder / "workspace"))
        x, y = table()
        first = import_data(write_csv(x, y, folder / "a.csv"), target="kind").dataset
        train = (load_samples(DataRef(dataset=first.id))["part"] == "train").to_numpy()
        order = np.concatenate([np.flatnonzero(train), np.flatnonzero(~train)])
        back = np.argsort(order)
        x = planted(x.iloc[order], y[order], int(train.sum())).iloc[back]
        yield [first, import_data(write_csv(x, y, folder / "b.csv"), target="kind").dataset]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., "list[VectorProblem]"]:
    """What a learner is given when a run trains on a dataset with a recipe, one problem a fold."""
    from core.training.tables.task import train_table
    from core.transfer.fitting.vectors import VectorFitted

    seen: list[VectorProblem] = []

    def learner(problem: "VectorProblem") -> VectorFitted:
        seen.append(problem)
        return VectorFitted(np.full((len(problem.judged), 3), 1 / 3), model=None)

    def give(dataset: DatasetRecord, step: Step, folds: int | None = None) -> "list[VectorProblem]":
        seen.clear()
        version = make_version(dataset.id, Recipe(steps=(step,)))
        spec = ResolvedSpec(data=f"{dataset.id}@{version.id}", learner="network", folds=folds)
        run = RunRecord(id="r", name="r", dataset=dataset.id, version=version.id, spec=spec)
        train_table(run, cast(Any, Silent()))
        return list(seen)

    monkeypatch.setattr("core.training.tables.network.network", learner)
    return give


@pytest.mark.training
@pytest.mark.parametrize(("name", "params"), LEARNING)
def test_what_a_run_learns_from_does_not_depend_on_rows_it_is_judged_on(
    twins: list[DatasetRecord], given: Callable[..., "list[VectorProblem]"], name: str, params: dict[str, Any]
) -> None:
    """The whole way, from the imported file to the matrix that a learner is given."""
    (plain,), (marked,) = (given(dataset, Step(kind=name, params=params)) for dataset in twins)
    np.testing.assert_array_equal(plain.train, marked.train)
    np.testing.assert_array_equal(plain.x[plain.train], marked.x[marked.train])
    assert not np.array_equal(plain.x[plain.judged], marked.x[marked.judged])


@pytest.mark.training
def test_a_learner_sees_what_was_resampled_and_is_judged_on_what_was_imported(
    twins: list[DatasetRecord], given: Callable[..., "list[VectorProblem]"]
) -> None:
    (plain,), (more,) = given(twins[0], Step(kind="scale")), given(twins[0], Step(kind="oversample"))
    assert len(set(np.bincount(more.labels[more.train]))) == 1 < len(set(np.bincount(plain.labels[plain.train])))
    assert len(more.x) == len(more.labels) == N + len(more.train) - len(plain.train)
    for name in ("validation", "judged"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(more, name))
    assert not np.isin(more.train, more.judged).any()


@pytest.mark.training
def test_every_fold_fits_on_its_own_training_rows(
    twins: list[DatasetRecord], given: Callable[..., "list[VectorProblem]"]
) -> None:
    folds = given(twins[0], Step(kind="scale", params={"columns": ["b"]}), folds=3)
    x, _ = load_table(DataRef(dataset=twins[0].id))
    assert len({tuple(fold.train) for fold in folds}) == 3
    for fold in folds:
        b = x["b"].to_numpy()[fold.train]
        scaled = (b - b.mean()) / b.std()
        assert any(np.allclose(column, scaled, atol=1e-4) for column in fold.x[fold.train].T)


def state(thing: object) -> Any:
    """Everything an object holds, in a form that can be compared."""
    if isinstance(thing, pd.DataFrame | pd.Series):
        return state(thing.to_numpy()), [str(name) for name in thing.index]
    if isinstance(thing, np.ndarray):
        return [state(v) for v in thing.tolist()] if thing.dtype == object else (thing.shape, thing.tobytes())
    if isinstance(thing, dict):
        return {str(k): state(v) for k, v in thing.items()}
    if isinstance(thing, list | tuple):
        return [state(v) for v in thing]
    if isinstance(thing, set | frozenset):
        return sorted(map(str, thing))
    if isinstance(thing, str | int | float | bool | np.generic | None.__class__):
        return repr(thing)
    if isinstance(thing, type) or callable(thing):
        return str(thing)
    if hasattr(thing, "__dict__"):
        return {k: state(v) for k, v in vars(thing).items()}
    return [state(part) for part in thing.__reduce_ex__(4)]  # trees, written in C


@pytest.mark.parametrize(("name", "params"), LEARNING)
def test_nothing_fitted_depends_on_rows_that_are_not_trained_on(name: str, params: dict[str, Any]) -> None:
    recipe = Recipe(steps=(Step(kind=name, params=params),))
    (x, y), fits = table(), []
    for full in (x, planted(x, y)):
        train = full.iloc[:TRAIN]
        preparation = Preparation(recipe)
        learnt_from = preparation.fit_transform(train, y[:TRAIN])
        # A model is judged between one look at the training rows and the next; that may leave no trace either.
        preparation.transform(full)
        fits.append((state(preparation), learnt_from, preparation.transform(train), preparation.rows_))
    plain, marked = fits
    assert plain[0] == marked[0]
    for one, other in zip(plain[1:], marked[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VersionRecord, np.ndarray]]:
    """Three classes of images, and an embedding of each of which feature 7 tells the class."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("one", "two", "three"):
        (folder / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 256, (24, 24, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / "images" / name / f"{i}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(folder / "workspace"))
        version = import_data(folder / "images").version
        labels = load_samples(DataRef(dataset=version.dataset))["label"].map(list(version.classes).index)
        embeddings = rng.normal(0, 1, (60, FEATURES))
        embeddings[:, 7] += 3 * labels
        yield version, embeddings.astype("float32")


@pytest.mark.training
@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize(("name", "params"), OF_IMAGES)
def test_what_a_run_on_images_learns_from_does_not_depend_on_images_it_is_judged_on(
    pictures: tuple[VersionRecord, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    params: dict[str, Any],
    folds: int | None,
) -> None:
    """In every fold the features are chosen by that fold's training images alone."""
    from core.training.images import task as image_task
    from core.transfer.fitting.problem import Fitted, Problem

    first, embeddings = pictures
    version = make_version(first.dataset, Recipe(steps=(Step(kind=name, params=params),)))
    seen: list[Problem] = []

    def probe(problem: Problem) -> Fitted:
        seen.append(problem)
        return Fitted(np.full((len(problem.judged), 3), 1 / 3), build=lambda: None)

    monkeypatch.setattr("core.transfer.features.linear_probe.linear_probe", probe)
    spec = ResolvedSpec(
        data=f"{version.dataset}@{version.id}",
        backbone="efficientnet_lite0",
        strategy="linear_probe",
        image_size=32,
        folds=folds,
    )
    run = RunRecord(id="r", name="r", dataset=version.dataset, version=version.id, spec=spec)

    def given(x: np.ndarray) -> list[Problem]:
        monkeypatch.setattr(image_task.VersionImages, "outputs", lambda *_: x)
        seen.clear()
        image_task.train_images(run, cast(Any, Silent()))
        return list(seen)

    plain = given(embeddings)[-1]
    assert plain.kept is not None and 0 < plain.kept.sum() < plain.kept.size
    outside = np.setdiff1d(np.arange(len(embeddings)), plain.train)
    marked = embeddings.copy()
    marked[outside] = np.random.default_rng(1).normal(size=marked[outside].shape)
    marked[outside] += 1e4 * plain.targets[outside].argmax(axis=1)[:, None]
    np.testing.assert_array_equal(given(marked)[-1].kept, plain.kept)


@pytest.mark.parametrize(("name", "params"), OF_IMAGES)
def test_steps_on_images_only_leave_features_out(
    pictures: tuple[VersionRecord, np.ndarray], name: str, params: dict[str, Any]
) -> None:
    """What they keep is a mask, which is all that a saved network can hold of them."""
    _, x = pictures
    y = np.repeat([0, 2, 1], 20)  # in the order of the files
    kept = features_kept(Recipe(steps=(Step(kind=name, params=params),)), x, y)
    assert kept is not None and kept.shape == (FEATURES,) and 0 < kept.sum() < FEATURES
    left = STEPS[name].run(STEPS[name].settings(**params)).fit(feature_table(x), y).transform(feature_table(x))
    assert left.equals(feature_table(x).loc[:, kept])


def test_without_a_selection_the_whole_embedding_is_seen() -> None:
    off = Recipe(steps=(Step(kind="select_features", enabled=False),))
    assert features_kept(off, np.zeros((4, 3), "float32"), np.arange(4)) is None


def test_a_quarter_of_many_columns_and_ten_of_few_are_kept_unless_told() -> None:
    settings = cast(Any, STEPS["select_features"].settings)
    assert [settings().kept_of(n) for n in (4, 30, 1280)] == [4, 10, 320]
    assert settings(keep=7).kept_of(1280) == 7


@pytest.mark.parametrize("name", [name for name, kind in STEPS.items() if kind.scope == "cells"])
def test_steps_on_cells_see_each_row_by_itself(name: str) -> None:
    x, y = table()
    x["number"], x["day"] = [f"{i},5" for i in range(N)], [f"2024-01-{1 + i % 28:02}" for i in range(N)]
    x["weight"] = [f"{i} kg" for i in range(N)]
    x = x.astype({"number": "str", "day": "str", "weight": "str"})
    params = {
        "drop_columns": {"columns": ["a"]},
        "convert_type": {"column": "number"},
        "strip_unit": {"column": "weight", "unit": "kg"},
        "rename_columns": {"names": {"a": "A"}},
        "convert_unit": {"columns": ["a"], "factor": 2.54},
        "date_parts": {"columns": ["day"]},
    }.get(name, {})
    kind = STEPS[name]
    run = lambda of: kind.run(of, kind.settings(**params))  # noqa: E731
    pd.testing.assert_frame_equal(run(x.iloc[:TRAIN]), run(planted(x, y)).iloc[:TRAIN])


@pytest.mark.parametrize(("name", "params"), LEARNING)
def test_every_step_gives_a_matrix_without_gaps_for_any_rows(name: str, params: dict[str, Any]) -> None:
    x, y = table()
    preparation = Preparation(Recipe(steps=(Step(kind=name, params=params),))).fit(x.iloc[:TRAIN], y[:TRAIN])
    matrix = preparation.transform(planted(x, y))
    assert matrix.dtype == "float32" and len(matrix) == N and np.isfinite(matrix).all()
    again = pickle.loads(pickle.dumps(preparation))
    np.testing.assert_array_equal(again.transform(x), preparation.transform(x))


@pytest.mark.parametrize(("name", "params"), LEARNING)
def test_every_step_changes_something_it_is_there_for(name: str, params: dict[str, Any]) -> None:
    x, y = table()
    rows = Rows(pd.DataFrame({"id": x.index, "label": y.astype(str), "group": range(N)}), x)
    (stage,) = trace_steps(Recipe(steps=(Step(kind=name, params=params),)), rows, x.index[:TRAIN])
    assert not stage.error
    # Nothing is more than half empty here.
    assert stage.before.equals(stage.after) == (name == "drop_columns_missing")


def test_steps_are_refitted_on_every_set_of_training_rows() -> None:
    x, y = table()
    recipe = Recipe(steps=(Step(kind="scale"),))
    means = [
        Preparation(recipe).fit(x.iloc[rows], y[rows]).learnt_[0].model_.mean_[0]
        for rows in (np.arange(0, 80), np.arange(80, 160))
    ]
    np.testing.assert_allclose(means, [x["a"].iloc[:80].mean(), x["a"].iloc[80:160].mean()])


def test_removed_outliers_are_only_training_rows() -> None:
    x, y = table()
    x.iloc[3, 2] = 1e5
    preparation = Preparation(Recipe(steps=(Step(kind="remove_outliers", params={"columns": ["c"], "factor": 20}),)))
    learnt_from = preparation.fit_transform(x.iloc[:TRAIN], y[:TRAIN])
    assert sorted(set(range(TRAIN)) - set(preparation.rows_.tolist())) == [3]
    assert len(learnt_from) == TRAIN - 1
    assert len(preparation.transform(x)) == N


def classes_after(step: str, x: pd.DataFrame, y: np.ndarray, **params: Any) -> list[int]:
    preparation = Preparation(Recipe(steps=(Step(kind=step, params=params),)))
    assert len(preparation.fit_transform(x, y)) == len(preparation.classes_) == len(preparation.rows_)
    given = preparation.rows_ >= 0
    np.testing.assert_array_equal(y[preparation.rows_[given]], preparation.classes_[given])
    return np.bincount(preparation.classes_).tolist()


def test_resampling_gives_the_classes_the_sizes_that_are_asked_for() -> None:
    x, _ = table()
    y = np.repeat([0, 1, 2], [120, 90, 30])
    assert classes_after("oversample", x, y, method="random") == [120, 120, 120]
    assert classes_after("oversample", x, y, method="smote", share=0.5) == [120, 90, 60]
    assert classes_after("undersample", x, y) == [30, 30, 30]
    assert classes_after("undersample", x, y, times=2.0) == [60, 60, 30]
    assert classes_after("add_noise", x, y, copies=2) == [360, 270, 90]
    assert classes_after("oversample", x[["a", "b"]], y) == classes_after("oversample", x[["town"]], y) == [120] * 3
    large, *small = classes_after("oversample", x, y, method="adasyn")
    assert large == 120 and all(abs(n - 120) < 30 for n in small)  # each row's share is rounded


@pytest.mark.parametrize("method", ["smote", "adasyn"])
def test_rows_made_up_lie_between_rows_of_their_class_and_keep_to_its_categories(method: str) -> None:
    x, y = table()
    x["member"] = (y == 2).astype(float)  # a number of two values has none between
    y = np.where(np.arange(N) % 7 == 0, 2, y % 2)
    step = STEPS["oversample"]
    made, classes = step.run(step.settings(method=method)).resample(x, y, seed=3)
    assert list(made.columns) == list(x.columns) and (made.dtypes == x.dtypes).all()
    assert made.iloc[:N].equals(x) and made.index.is_unique
    for c in np.unique(classes[N:]):
        new, own = made.iloc[N:][classes[N:] == c], x[y == c]
        for name in ("a", "b", "c", "d"):
            assert new[name].between(own[name].min(), own[name].max()).all()
            assert not new[name].isin(own[name].dropna()).all()
        for name in ("town", "grade", "member"):
            assert new[name].isin(own[name].unique()).all()


def test_noise_is_a_share_of_a_columns_own_deviation_and_follows_the_seed() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(0, 1, 2000), "b": rng.normal(0, 500, 2000), "word": "w", "flag": 1.0})
    x.loc[::3, "flag"] = 0.0
    step, y = STEPS["add_noise"], np.zeros(2000, dtype="int64")
    noisy = {seed: step.run(step.settings(share=0.2)).resample(x, y, seed)[0] for seed in (1, 2)}
    assert noisy[1][["word", "flag"]].equals(x[["word", "flag"]])
    moved = noisy[1][["a", "b"]] - x[["a", "b"]]
    np.testing.assert_allclose(moved.std() / x[["a", "b"]].std(), 0.2, rtol=0.1)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.1 and not noisy[1].equals(noisy[2])
    assert noisy[1].equals(step.run(step.settings(share=0.2)).resample(x, y, 1)[0])


def test_rows_cannot_be_made_up_of_one() -> None:
    x, y = table()
    y = np.where(np.arange(N) == 5, 2, y % 2)
    for method in ("smote", "adasyn"):
        step = Step(kind="oversample", params={"method": method})
        with pytest.raises(InputError, match=r"Step 1 of the recipe, oversample.*has one training row"):
            Preparation(Recipe(steps=(step,))).fit(x, y)
    assert classes_after("oversample", x, y, method="random")[2] > 1


def test_target_encoding_hides_a_training_rows_own_class() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = pd.DataFrame({"code": [f"c{i % 200}" for i in range(400)]}).astype("str")  # tells nothing about the class
    preparation = Preparation(Recipe(steps=(Step(kind="encode", params={"method": "target"}),)))
    learnt_from = preparation.fit_transform(x, y)[:, 0]
    leaking = preparation.transform(x)[:, 0]
    assert abs(np.corrcoef(learnt_from, y)[0, 1]) < 0.2 < np.corrcoef(leaking, y)[0, 1]


def test_a_columns_own_scale_is_left_as_a_step_made_it() -> None:
    x, y = table()
    only = x[["c"]].dropna()
    y = y[: len(only)]
    scaled = Preparation(Recipe(steps=(Step(kind="scale", params={"method": "min_max"}),))).fit(only, y)
    matrix = scaled.transform(only)
    assert (matrix.min(), matrix.max()) == (0, 1)
    plain = Preparation(Recipe()).fit(only, y).transform(only)
    np.testing.assert_allclose([plain.mean(), plain.std()], [0, 1], atol=1e-5)


def test_prediction_from_the_other_columns_beats_the_median() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=400)
    x = pd.DataFrame({"a": base + rng.normal(0, 0.1, 400), "b": 100 * base, "c": -base})
    truth, gaps = x["b"].copy(), rng.random(400) < 0.2
    x.loc[gaps, "b"] = np.nan
    errors = {}
    for method in ("median", "neighbours", "iterative"):
        step = STEPS["impute"]
        filled = step.run(step.settings(method=method)).fit_transform(x, np.zeros(400))["b"]
        errors[method] = float((filled - truth)[gaps].abs().mean())
        assert filled[~gaps].equals(x["b"][~gaps])
    assert max(errors["neighbours"], errors["iterative"]) < 0.3 * errors["median"]


def test_detectors_find_planted_outliers_and_fences_of_a_flat_column_are_open() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=300), "flat": [7.0] * 299 + [8.0]})
    x.iloc[:5, 0] = 40.0
    step = STEPS["mark_outliers"]
    for params in EXAMPLES["mark_outliers"]:
        marked = step.run(step.settings(columns=("a",), **params)).fit_transform(x, np.zeros(300))["outlier"]
        assert marked.iloc[:5].all() and marked.iloc[5:].mean() < 0.06, params
    for method in ("box_plot", "mad"):
        marked = step.run(step.settings(columns=("flat",), method=method)).fit_transform(x, np.zeros(300))
        assert not marked["outlier"].any()


def test_selection_keeps_the_column_that_tells_the_class() -> None:
    x, y = table()
    x = x[["a", "b", "c"]].fillna(x[["a", "b", "c"]].median())
    step = STEPS["select_features"]
    for params in EXAMPLES["select_features"]:
        if params["method"] != "variance":  # knows no class
            left = step.run(step.settings(**params | {"keep": 1})).fit_transform(x, y)
            assert "a" in left.columns, params
            assert params["method"] == "rfecv" or list(left.columns) == ["a"]


def test_a_step_that_cannot_be_fitted_is_named() -> None:
    x, y = table()
    steps = (Step(kind="missing_indicator"), Step(kind="scale", params={"columns": ["town"]}))
    with pytest.raises(InputError, match=r"Step 2 of the recipe, scale.*“town” does not hold numbers"):
        Preparation(Recipe(steps=steps)).fit(x, y)
    twice = (Step(kind="mark_outliers"), Step(kind="mark_outliers"), Step(kind="interactions"))
    Preparation(Recipe(steps=twice[:1])).fit(x, y)
    with pytest.raises(InputError, match="leaves no column"):
        Preparation(Recipe(steps=(Step(kind="drop_columns_missing", params={"share": 0.01}),))).fit(
            x[["a", "c"]].assign(a=np.nan), y
        )


def test_a_trace_counts_the_classes_before_and_after() -> None:
    x, y = table()
    rows = Rows(pd.DataFrame({"id": x.index, "label": y.astype(str), "group": range(N)}), x)
    steps = (Step(kind="merge_classes", params={"classes": ["1", "2"], "name": "m"}), Step(kind="oversample"))
    merged, balanced = trace_steps(Recipe(steps=steps), rows, x.index[:TRAIN])
    small, large = int((y == 0).sum()), int((y != 0).sum())
    assert merged.counts == (dict(zip("012", np.bincount(y).tolist(), strict=True)), {"0": small, "m": large})
    most = max(balanced.counts[0].values())
    assert sum(balanced.counts[0].values()) == TRAIN and balanced.counts[1] == {"0": most, "m": most}


def test_a_trace_shows_each_step_in_the_order_of_action_and_stops_at_an_error() -> None:
    x, y = table()
    rows = Rows(pd.DataFrame({"id": x.index, "label": y.astype(str), "group": range(N)}), x)
    steps = (
        Step(kind="impute"),
        Step(kind="drop_rows_missing", params={"columns": ["town"]}),
        Step(kind="remove_outliers", enabled=False),
        Step(kind="scale", params={"columns": ["nothing"]}),
    )
    stages = trace_steps(Recipe(steps=steps), rows, x.index[:TRAIN])
    assert [(s.place, bool(s.error)) for s in stages] == [(1, False), (0, False), (3, True)]
    kept = apply_recipe(Recipe(steps=steps[1:2]), rows)
    assert stages[0].n_after == len(kept.samples)
    assert set(stages[0].after.index) == set(kept.cells.index) & set(x.index[:TRAIN])
    assert not stages[1].after.isna().any(axis=None)
