"""The two sides of a comparison: random samples of each, and both as comparable vectors."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.data.attributes import attributes
from core.data.cleaning.preparation import Preparation
from core.data.cleaning.steps.step import sample_positions
from core.data.findings.label_errors import normalize_embeddings, principal_components
from core.data.tables.matching import matched_columns, rename_to_target
from core.data.versions import load_cells, load_samples
from core.errors import InputError
from core.methods.backbone import weights_path
from core.methods.backbones import get_backbone
from core.methods.plan import default_image_size
from core.schemas import DataRef, DatasetRecord, Recipe, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.training.images.check import BACKBONE, through_backbone
from core.training.version_images import VersionImages

MOST = 1_000  # samples of a side that are compared
LEAST, LEAST_GROUPS = 10, 5
Progress = Callable[..., None]


@dataclass(frozen=True)
class Side:
    """One side; `samples` is a table from `load_samples`, `n` their number before sampling."""

    ref: DataRef
    dataset: DatasetRecord
    version: VersionRecord
    samples: pd.DataFrame
    n: int

    @property
    def name(self) -> str:
        return self.dataset.name + (f", {self.ref.part} part" if self.ref.part else "")

    @property
    def labelled(self) -> bool:
        return self.dataset.labelled


@dataclass(frozen=True)
class Vectors:
    """`x`, `(m, d)`, of the source and `y`, `(n, d)`, of the target; `groups`, `(m + n,)`, of what belongs together.

    `columns` are those of a table by their matched names, or what is measured of images, source and target.
    """

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    columns: tuple[pd.DataFrame, pd.DataFrame]
    backbone: str = ""
    image_size: int = 0
    notes: tuple[str, ...] = ()


def draw_sides(source: DataRef, target: DataRef, untested: bool = False) -> tuple[Side, Side, int]:
    """Source and target, at most `MOST` random samples of each, and the number of samples that both contain.

    Shared samples are divided between them at random, so that no sample is on both sides. With `untested`, test
    parts are left out.

    Raises:
        InputError: they are of different kinds, or the same, or one has too few samples.
    """
    first, second = _whole(source, untested), _whole(target, untested)
    if first.dataset.kind != second.dataset.kind:
        raise InputError(
            f"“{first.name}” holds {_noun(first)} and “{second.name}” {_noun(second)}.",
            "Only data of one kind can be compared.",
        )
    if first.ref == second.ref:
        raise InputError(f"“{first.name}” cannot be compared with itself.", "Choose other data, or a part of it.")
    both = np.intersect1d(_keys(first), _keys(second))
    of_source = both[np.random.default_rng(0).permutation(len(both))[: len(both) // 2]]
    of_target = np.setdiff1d(both, of_source)
    return _drawn(first, of_target), _drawn(second, of_source), len(both)


def draw_target(ref: DataRef) -> Side:
    """A target without its test part, before a source is chosen. `InputError` if it has too few samples."""
    return _drawn(_whole(ref, untested=True), np.empty(0, dtype=object))


def _whole(ref: DataRef, untested: bool) -> Side:
    version = get_version(ref)
    ref = DataRef(dataset=version.dataset, version=version.id, part=ref.part)
    samples = load_samples(ref)
    if untested:
        samples = samples[samples["part"] != "test"]
    return Side(ref, get_dataset(version.dataset), version, samples, len(samples))


def _keys(side: Side) -> pd.Series:
    """The identity of samples: an image's pixels, but a row's position, because rows may be equal by chance."""
    if side.dataset.kind == "image":
        return side.samples["content_hash"]
    return side.dataset.id + "/" + side.samples["id"]


def _drawn(side: Side, without: np.ndarray) -> Side:
    samples = side.samples[~_keys(side).isin(without)]
    samples = samples.iloc[sample_positions(len(samples), MOST)].reset_index(drop=True)
    groups = samples["group"].nunique()
    if len(samples) < LEAST or groups < LEAST_GROUPS:
        told = f"{len(samples)} {_noun(side)}"
        if len(samples) >= LEAST:
            told = f"only {groups} {_noun(side)} that are no copies of one another"
        besides = " besides those that both sides hold" if len(without) else ""
        raise InputError(
            f"“{side.name}” has {told}{besides}; a comparison needs {LEAST}, {LEAST_GROUPS} of them distinct.",
            "Add samples, or choose other data.",
        )
    return replace(side, samples=samples)


def _noun(side: Side) -> str:
    return "images" if side.dataset.kind == "image" else "rows"


def side_vectors(source: Side, target: Side, backbone: str | None, progress: Progress) -> Vectors:
    """Both sides as vectors of one space: embeddings of images, or the columns of tables that both have.

    Of images at the size at which the target would be trained, squashed as the linear head sees them; of tables by
    name and type, prepared as for a learner. Of embeddings the leading principal components are kept.
    """
    groups = np.concatenate([source.samples["group"], target.samples["group"].to_numpy() + _group_offset(source)])
    if source.dataset.kind == "table":
        return _of_tables(source, target, groups)
    network = get_backbone(backbone or BACKBONE)
    weights_path(network)
    size = default_image_size(network, target.samples)
    seen = []
    for side in (source, target):
        images = VersionImages(side.dataset, side.samples)
        found = images.outputs(network, size, progress=through_backbone(progress))
        seen.append(normalize_embeddings(found) * np.sqrt(found.shape[1]))  # of the length that the head gives them
    z = principal_components(np.concatenate(seen))
    m = len(seen[0])
    columns = (_measured(source), _measured(target))
    return Vectors(z[:m], z[m:], groups, columns, backbone=network.name, image_size=size)


def _group_offset(side: Side) -> int:
    return int(side.samples["group"].max()) + 1


def _measured(side: Side) -> pd.DataFrame:
    known = attributes(side.version).drop(columns="region", errors="ignore")
    return known.loc[side.samples["id"].to_numpy()].reset_index(drop=True)


def _of_tables(source: Side, target: Side, groups: np.ndarray) -> Vectors:
    theirs, ours = (load_cells(side.version, side.samples).reset_index(drop=True) for side in (source, target))
    matched = matched_columns(ours, theirs)
    if not matched:
        raise InputError(
            f"“{source.name}” and “{target.name}” have no column of the same name and type.",
            "Rename columns so that those of one meaning have one name.",
        )
    notes = []
    for side, left in (
        (source, theirs.columns.difference(list(matched.values()), sort=False)),
        (target, ours.columns.difference(list(matched), sort=False)),
    ):
        if len(left):
            notes.append(f"Only in “{side.name}”, so not compared: {', '.join(f'“{name}”' for name in left)}.")
    theirs, ours = rename_to_target(theirs, ours, matched)[list(matched)], ours[list(matched)]
    x, y = prepare_tables(theirs, ours)
    return Vectors(x, y, groups, (theirs, ours), notes=tuple(notes))


def prepare_tables(theirs: pd.DataFrame, ours: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both with the same columns, prepared as for a learner without labels, `(m, d)` and `(n, d)`."""
    m = len(theirs)
    z = Preparation(Recipe()).fit_transform(
        pd.concat([theirs, ours], ignore_index=True), np.repeat([0, 1], [m, len(ours)])
    )
    return z[:m], z[m:]
