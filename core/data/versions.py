"""Versions of a dataset: its imports, a recipe and a split, named by their content."""

import hashlib
import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data import grouping
from core.data.cleaning import preparation
from core.data.cleaning import recipe as cleaning
from core.data.cleaning.steps.review import kept_samples
from core.data.cleaning.steps.step import Rows, sample_positions
from core.data.findings import registry as findings
from core.data.findings.evidence import Evidence
from core.data.grouping import MIN_DISTINCT
from core.data.splitting import split_parts
from core.data.tables.near_rows import near_pairs
from core.data.tables.profile import column_profile
from core.data.tables.row_times import row_times
from core.data.tables.schema import Schema
from core.data.tables.store import read_cells
from core.errors import InputError
from core.schemas import PARTS, DataRef, DatasetRecord, Recipe, Split, VersionRecord
from core.store import datasets as store
from core.store.dataset_folder import DatasetFolder, sample_ids

Progress = Callable[[int, int, str], None]  # done, in all, and what is being done
_STAGES = 3


def make_version(
    dataset_id: str, recipe: Recipe | None = None, split: Split | None = None, progress: Progress | None = None
) -> VersionRecord:
    """Apply a recipe, split the remaining samples, run the finders, and store the result as a version.

    The same imports, recipe and parts give the same id and no second copy. It becomes the dataset's newest version.
    Raises `InputError` when a class is left with too few samples. For a version made from another, see
    `next_version`.
    """
    with store.write_lock():
        dataset = store.get_dataset(dataset_id)
        folder = store.dataset_folder(dataset.id)
        version, tables = build_version(dataset, folder, recipe or Recipe(), split or Split(), progress)
        version = _existing_version(version, tables["split"]) or version
        store.save_version(version, tables)
        store.save_dataset(with_version(dataset, version))
    return version


def next_version(version: VersionRecord, recipe: Recipe) -> VersionRecord:
    """The dataset's newest version, made from `version` with another recipe: what stays keeps its part.

    So runs judged on the one can be compared with runs judged on the other wherever no test sample was touched.
    Only the user decides to split again, by `make_version`.
    """
    return make_version(version.dataset, recipe, following_split(version))


def following_split(version: VersionRecord) -> Split:
    """The split of a version made from this one."""
    return version.split.model_copy(update={"follows": version.id})


def version_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, str]:
    """`make_version` in the background: of `data`, DATASET@VERSION, with `recipe` and `split` as JSON objects."""
    version = store.get_version(DataRef.parse(params["data"]))
    recipe, split = Recipe.model_validate(params["recipe"]), Split.model_validate(params["split"])
    return {"version": make_version(version.dataset, recipe, split, progress).id}


def build_version(
    dataset: DatasetRecord,
    folder: Path,
    recipe: Recipe,
    split: Split,
    progress: Progress | None = None,
    note: str = "",
) -> tuple[VersionRecord, dict[str, pd.DataFrame]]:
    """A version's record and its tables, computed from the dataset's `folder`, nothing written.

    `split`: id, part, group and label of each sample in their order, and of a table's rows whether they are
    `incomplete`. `columns`, of tables: see `core.data.tables.profile`.
    """
    report = progress or (lambda done, total, text: None)
    dataset = dataset.current_imports()
    report(0, _STAGES, "applying the steps")
    cleaning.check_recipe(recipe, dataset.kind)
    raw, schema = read_imports(dataset, folder, cells=dataset.kind == "table")
    n_imported = len(raw.samples)
    rows = cleaning.apply_recipe(recipe, raw)
    del raw  # frees the memory of a large table
    samples = rows.samples
    report(1, _STAGES, "dividing")
    near_rows: dict[int, int] | None = None
    if dataset.kind == "image" and len(samples):
        samples["group"] = grouping.near_copy_groups(dataset, folder, samples)
    duplicate_group = samples["group"]
    if dataset.labelled and rows.table is not None:
        near_rows = near_pairs(rows.table)
        samples["group"] = grouping.near_row_groups(samples, near_rows)
    samples["group"], own = grouping.join_column_groups(dataset, folder, samples), samples["group"].astype("int64")
    if dataset.labelled:
        check_classes(samples, dataset, grouped=not own.equals(samples["group"]))
        preparation.check_learning_steps(recipe, rows)
        if split.time:
            samples["time"] = row_times(dataset, folder, samples, split.time)
        samples["part"] = split_parts(samples, split, _parts_before(dataset.id, split))
    classes = tuple(sorted(samples["label"].dropna().unique(), key=natural_key))
    counts = {
        part: {name: int(n) for name, n in of_part["label"].value_counts().reindex(classes, fill_value=0).items()}
        for part in PARTS
        if len(of_part := samples[samples["part"] == part])
    }
    report(2, _STAGES, "looking for findings")
    evidence = Evidence(
        dataset=dataset,
        samples=samples.assign(group=duplicate_group),
        folder=folder,
        table=rows.table,
        kept=kept_samples(recipe),
        near_rows=near_rows,
    )
    version = VersionRecord(
        dataset=dataset.id,
        id=_version_id(dataset, recipe, split, samples),
        name=store.next_version_name(dataset.id),
        imports=tuple(record.number for record in dataset.imports),
        recipe=recipe,
        split=split,
        n=len(samples),
        dropped=n_imported - len(samples),
        note=note,
        classes=classes,
        counts=counts,
        test_hash=samples_hash(samples[samples["part"] == "test"]),
        findings=findings.run_finders(evidence),
    )
    tables = {"split": samples[["id", "part", "group", "label"]]}
    if schema is not None and rows.table is not None:
        tables["split"] = tables["split"].assign(incomplete=rows.table.isna().any(axis=1).to_numpy())
        tables["columns"] = column_profile(rows.table, schema.cleaned(rows.table))
    report(_STAGES, _STAGES, "")
    return version, tables


def load_weights(version: VersionRecord, samples: pd.DataFrame) -> np.ndarray | None:
    """The training weight of each of a version's samples, `(n,)`; `None` where no column has that role."""
    dataset = store.get_dataset(version.dataset)
    given = grouping.manifest_column(dataset, store.dataset_folder(dataset.id), "given_weight")
    return samples["id"].map(given).to_numpy(dtype="float64") if given else None


def with_version(dataset: DatasetRecord, version: VersionRecord) -> DatasetRecord:
    """The dataset's record with `version` as its newest."""
    return dataset.model_copy(update={"version": version.id, "n": version.n, "classes": version.classes})


def load_samples(ref: DataRef) -> pd.DataFrame:
    """The samples of a version, or of one part of it, one row each.

    Columns: id (`IMPORT-ROW`), path (name as imported), label and part (NA where unlabelled), import_number, row,
    content_hash, group (shared by duplicates, exact and near), and for images width and height as stored and
    given_split, the part that the source's folders name, NA where none.
    """
    version = store.get_version(ref)
    split = _split_table(version)
    if "label" not in split:  # a version from before labels were written with it
        return load_rows(ref, cells=False)[0].samples
    if ref.part:
        split = split[split["part"] == ref.part]
    raw = imported_rows(version, cells=False)[0].samples
    samples = raw.take(pd.Index(raw["id"]).get_indexer(split["id"])).reset_index(drop=True)
    of_version = {name: split[name].to_numpy() for name in ("label", "part", "group")}
    return samples.assign(**of_version).astype({"label": "str", "part": "str"})


def load_cells(version: VersionRecord, samples: pd.DataFrame) -> pd.DataFrame:
    """A table's columns of a few of a version's `samples`, as the recipe's steps leave them, indexed by id."""
    cells, _ = read_cells(store.dataset_folder(version.dataset), samples)
    return cleaning.clean_cells(version.recipe, cells)


def incomplete_rows(version: VersionRecord) -> pd.Index:
    """Ids of the rows of a table that have missing cells, as the recipe's steps leave them."""
    split = _split_table(version)
    if "incomplete" in split:
        incomplete: pd.Index[Any] = pd.Index(split.loc[split["incomplete"], "id"])
        return incomplete
    cells = load_rows(DataRef(dataset=version.dataset, version=version.id), cells=True)[0].cells
    return cells.index[cells.isna().any(axis=1)]


def load_column_profile(version: VersionRecord) -> pd.DataFrame:
    """The profile of a table's columns in this version: see `core.data.tables.profile`."""
    path = store.version_folder(version.dataset, version.id) / "columns.parquet"
    if path.exists():
        return pd.read_parquet(path)
    rows, schema = load_rows(DataRef(dataset=version.dataset, version=version.id), cells=True)
    assert schema is not None
    return column_profile(rows.cells, schema)


def _split_table(version: VersionRecord) -> pd.DataFrame:
    return pd.read_parquet(store.version_folder(version.dataset, version.id) / "split.parquet")


def load_rows(ref: DataRef, cells: bool) -> tuple[Rows, Schema | None]:
    """The samples as `load_samples` gives them and, with `cells`, a table's columns in the same order.

    The schema is that of the columns as the recipe leaves them; None without cells.
    """
    version = store.get_version(ref)
    parts = _split_table(version)
    raw, schema = imported_rows(version, cells or cleaning.reads_cells(version.recipe))
    rows = cleaning.apply_recipe(version.recipe, raw)
    parts = parts.set_index("id").reindex(rows.samples["id"]).set_axis(rows.samples.index)
    rows = Rows(rows.samples.assign(part=parts["part"].astype("str"), group=parts["group"]), rows.table)
    if ref.part:
        rows = rows.keep((rows.samples["part"] == ref.part).to_numpy())
    rows = Rows(rows.samples.reset_index(drop=True), rows.table)
    return rows, schema.cleaned(rows.table) if schema is not None and rows.table is not None else None


def imported_rows(version: VersionRecord, cells: bool) -> tuple[Rows, Schema | None]:
    """The samples of a version's imports, before its recipe; with `cells` also a table's columns and their schema."""
    dataset = store.get_dataset(version.dataset)
    numbers = set(version.imports)
    of_version = dataset.model_copy(
        update={"imports": tuple(record for record in dataset.imports if record.number in numbers)}
    )
    return read_imports(of_version, store.dataset_folder(dataset.id), cells)


def samples_hash(samples: pd.DataFrame) -> str:
    """Hash of a set of samples with their labels, independent of their order; empty for none."""
    if samples.empty:
        return ""
    pairs = sorted(zip(samples["content_hash"], samples["label"].astype("str"), strict=True))
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:16]


def load_table(ref: DataRef) -> tuple[pd.DataFrame, Schema]:
    """The columns to train on, one row a sample in `load_samples`' order and indexed by its id, and the schema.

    They are as the recipe's steps leave them. Numeric columns are float64 with NaN, categories str with NaN where a
    cell is missing.
    """
    rows, schema = load_rows(ref, cells=True)
    assert schema is not None
    return rows.cells, schema


def check_classes(samples: pd.DataFrame, dataset: DatasetRecord, grouped: bool) -> None:
    """`InputError` unless there are two classes and three distinct samples (`grouped`: groups of them) in each."""
    noun = "images" if dataset.kind == "image" else "rows"
    where = "folder" if dataset.kind == "image" else f"“{dataset.target}”"
    distinct = samples.groupby("label")["group"].nunique()
    if len(distinct) < 2:
        found = f"one class, “{distinct.index[0]}”" if len(distinct) else f"no {noun}"
        hint = "Put each class into a folder of its own." if dataset.kind == "image" else "Choose another target."
        raise InputError(f"“{dataset.name}” has {found}; telling classes apart needs at least two.", hint)
    few = distinct[distinct < MIN_DISTINCT]
    counted = "groups" if grouped else noun
    if len(few):
        name, n = few.idxmin(), int(few.min())
        others = f" (and {len(few) - 1} more classes have too few)" if len(few) > 1 else ""
        raise InputError(
            f"Class “{name}” of “{dataset.name}” has {n} distinct {counted if n > 1 else counted[:-1]}{others};"
            f" at least {MIN_DISTINCT} are needed.",
            f"Add {noun} to it, or leave its {where} out."
            if dataset.kind == "image"
            else f"Add rows with this value in {where}, or leave them out.",
        )


def natural_key(name: str) -> tuple[int, float, str]:
    """Sort key for class names: those that begin with a number first, by its value."""
    number = re.match(r"-?\d+(\.\d+)?", name)
    return (0, float(number[0]), name) if number else (1, 0.0, name)


def read_imports(dataset: DatasetRecord, folder: Path, cells: bool) -> tuple[Rows, Schema | None]:
    """All imported samples of `dataset`, whose files are in `folder`; with `cells` a table's columns as well."""
    samples = _manifests(dataset, folder)
    if not cells:
        return Rows(samples), None
    table, schema = read_cells(folder, samples)
    return Rows(samples, table), schema


def sample_imported(version: VersionRecord, most: int, named: Collection[str] = ()) -> Rows:
    """About `most` of the imported rows of a table, for previewing steps: drawn at random, and five of each class.

    `named` are ids that must be among them.
    """
    samples = imported_rows(version, cells=False)[0].samples
    first = samples.groupby("label").cumcount().to_numpy() < 5
    first[sample_positions(len(samples), most)] = True
    samples = samples[first | samples["id"].isin(named).to_numpy()].reset_index(drop=True)
    return Rows(samples, read_cells(store.dataset_folder(version.dataset), samples)[0])


def _manifests(dataset: DatasetRecord, folder: Path) -> pd.DataFrame:
    """All imported samples of `dataset`, in the order of the imports."""
    tables = []
    for record in dataset.imports:
        table = pd.read_parquet(DatasetFolder(folder).manifest(record.number))
        tables.append(table.assign(import_number=record.number, id=sample_ids(table, record.number)))
    samples = pd.concat(tables, ignore_index=True)
    samples["part"] = pd.Series(np.nan, index=samples.index, dtype="str")
    samples["group"] = pd.factorize(samples["content_hash"])[0]
    samples["label"] = samples["label"].astype("str")
    columns = ["id", "path", "label", "part", "import_number", "row", "content_hash", "group"]
    return samples[columns + (["width", "height", "given_split"] if dataset.kind == "image" else [])]


def _parts_before(dataset_id: str, split: Split) -> pd.Series | None:
    """The parts that a version takes over, by sample id: of the version it follows, and of those before that.

    A sample that was dropped and comes back is where it was. A version that was deleted ends the chain.
    """
    parts: pd.Series | None = None
    known = {version.id: version for version in store.list_versions(dataset_id)}
    follows = split.follows
    while version := known.pop(follows, None):
        earlier = _split_table(version).set_index("id")["part"]
        parts = earlier if parts is None else parts.combine_first(earlier)
        follows = version.split.follows
    return parts


def _existing_version(version: VersionRecord, parts: pd.DataFrame) -> VersionRecord | None:
    """The existing version, if any, with the same imports, recipe and parts."""
    wanted = (version.imports, version.recipe, version.split.model_copy(update={"follows": ""}))
    for other in store.list_versions(version.dataset):
        if other.id == version.id:
            return other
        same = (other.imports, other.recipe, other.split.model_copy(update={"follows": ""})) == wanted
        if same and _split_table(other)[["id", "part"]].equals(parts[["id", "part"]]):
            return other
    return None


# Fields added to splits later are hashed only where they are set, so that older ids stay the same.
_LATER_FIELDS = {"given": False, "follows": "", "time": ""}


def _version_id(dataset: DatasetRecord, recipe: Recipe, split: Split, samples: pd.DataFrame) -> str:
    unset = {name for name, default in _LATER_FIELDS.items() if getattr(split, name) == default}
    content: dict[str, Any] = {
        "imports": [record.content_hash for record in dataset.imports],
        "recipe": recipe.model_dump(mode="json"),
        "split": split.model_dump(mode="json", exclude=unset) if dataset.labelled else None,
    }
    if split.follows and dataset.labelled:  # then the parts do not follow from the split alone
        content["split"].pop("follows")
        content["parts"] = list(zip(samples["id"], samples["part"], strict=True))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
