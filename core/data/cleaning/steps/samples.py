"""Steps that decide, without learning, which samples and labels there are."""

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import AnyColumns, ClassNames, Rows, StepKind, StepSettings, choose_columns

ROWS = "Rows and duplicates"
CLASSES = "Classes"


class BinTarget(StepSettings):
    edges: tuple[float, ...] = Field(title="Inner limits", description="Rising; a value equal to one is below it.")


def bin_target(rows: Rows, settings: BinTarget) -> Rows:
    edges = list(settings.edges)
    if not edges or edges != sorted(set(edges)):
        raise ValueError("its edges do not rise")
    said = [f"{edge:g}" for edge in edges]
    names = [f"{said[0]} or less", *(f"{a} to {b}" for a, b in pairwise(said)), f"over {said[-1]}"]
    place = np.searchsorted(edges, rows.samples["label"].astype("float64").to_numpy(), side="left")
    labels = pd.Series(np.asarray(names, dtype=object)[place], index=rows.samples.index, dtype="str")
    return Rows(rows.samples.assign(label=labels), rows.table)


class DropSamples(StepSettings):
    samples: tuple[str, ...] = Field(title="Samples", description="Ids, as IMPORT-ROW.")


def drop_samples(rows: Rows, settings: DropSamples) -> Rows:
    unknown = set(settings.samples) - set(rows.samples["id"])
    if unknown:
        raise ValueError(f"there is no sample {min(unknown)}")
    return rows.keep(~rows.samples["id"].isin(settings.samples).to_numpy())


class DropDuplicates(StepSettings):
    contradictory: Literal["drop", "keep"] = Field(
        "drop",
        title="Copies with different classes",
        description="One of the classes must be wrong. Drop leaves out all copies, keep touches none of them.",
    )


def drop_duplicates(rows: Rows, settings: DropDuplicates) -> Rows:
    torn = (rows.samples.groupby("group")["label"].transform("nunique") > 1).to_numpy()
    first = ~rows.samples.duplicated("group").to_numpy()
    return rows.keep(np.where(torn, settings.contradictory == "keep", first))


class RenameClasses(StepSettings):
    names: dict[str, str] = Field(
        {}, title="New names", description="Old name → new name. Equal new names merge classes."
    )


def rename_classes(rows: Rows, settings: RenameClasses) -> Rows:
    _check_classes(rows, tuple(settings.names))
    if not all(name.strip() for name in settings.names.values()):
        raise ValueError("a class needs a name")
    labels = rows.samples["label"].replace({old: new.strip() for old, new in settings.names.items()})
    return Rows(rows.samples.assign(label=labels), rows.table)


class MergeClasses(StepSettings):
    classes: ClassNames = Field((), title="Classes", description="These become one.")
    name: str = Field("", title="Name", description="Of the merged class; empty takes the first one's.")


def merge_classes(rows: Rows, settings: MergeClasses) -> Rows:
    _check_classes(rows, settings.classes)
    if len(settings.classes) < 2:
        raise ValueError("it needs two classes to merge")
    name = settings.name.strip() or settings.classes[0]
    return Rows(
        rows.samples.assign(label=rows.samples["label"].replace(dict.fromkeys(settings.classes, name))), rows.table
    )


class LeaveOutClasses(StepSettings):
    classes: ClassNames = Field((), title="Classes", description="Their samples are left out.")


def leave_out_classes(rows: Rows, settings: LeaveOutClasses) -> Rows:
    _check_classes(rows, settings.classes)
    return rows.keep(~rows.samples["label"].isin(settings.classes).to_numpy())


class DropRowsMissing(StepSettings):
    columns: AnyColumns = Field((), title="Columns", description="Which to look at; none chosen means all.")
    share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        title="Missing at most",
        description="A row stays when no larger share of these cells is missing. 0 drops every row with a gap.",
    )


def drop_rows_missing(rows: Rows, settings: DropRowsMissing) -> Rows:
    looked_at = rows.cells[choose_columns(rows.cells, settings.columns, "any")]
    return rows.keep(looked_at.isna().mean(axis=1).to_numpy() <= settings.share)


def _check_classes(rows: Rows, classes: tuple[str, ...]) -> None:
    unknown = set(classes) - set(rows.samples["label"].dropna())
    if unknown:
        raise ValueError(f"there is no class “{min(unknown)}” at this place")


# Steps that other modules propose.
DROP_SAMPLES = "drop_samples"
DROP_DUPLICATES = "drop_duplicates"
RENAME_CLASSES = "rename_classes"
BIN_TARGET = "bin_target"
LEAVE_OUT_CLASSES = "leave_out_classes"
KINDS = (
    StepKind(
        name=DROP_SAMPLES,
        title="Drop samples",
        help="Leaves out the named samples from any part.",
        purpose=ROWS,
        scope="samples",
        settings=DropSamples,
        run=drop_samples,
        kind="both",
    ),
    StepKind(
        name=DROP_DUPLICATES,
        title="Drop duplicates",
        help="Keeps the first of samples with identical content. Copies count double in training and in every score.",
        purpose=ROWS,
        scope="samples",
        settings=DropDuplicates,
        run=drop_duplicates,
        kind="both",
    ),
    StepKind(
        name="drop_rows_missing",
        title="Drop rows with missing cells",
        help="Complete-case analysis: unbiased only when cells are missing completely at random (Rubin 1976)."
        " Test rows go as well, so scores are no longer comparable with earlier ones.",
        purpose="Missing cells",
        scope="samples",
        settings=DropRowsMissing,
        run=drop_rows_missing,
        reads_cells=True,
    ),
    StepKind(
        name=BIN_TARGET,
        title="Cut the target into classes",
        help="Makes classes of a numeric target.",
        purpose=CLASSES,
        scope="samples",
        settings=BinTarget,
        run=bin_target,
    ),
    StepKind(
        name=RENAME_CLASSES,
        title="Rename classes",
        help="Gives classes other names.",
        purpose=CLASSES,
        scope="samples",
        settings=RenameClasses,
        run=rename_classes,
        kind="both",
    ),
    StepKind(
        name="merge_classes",
        title="Merge classes",
        help="Makes one class of several.",
        purpose=CLASSES,
        scope="samples",
        settings=MergeClasses,
        run=merge_classes,
        kind="both",
    ),
    StepKind(
        name=LEAVE_OUT_CLASSES,
        title="Leave out classes",
        help="Leaves out all samples of some classes.",
        purpose=CLASSES,
        scope="samples",
        settings=LeaveOutClasses,
        run=leave_out_classes,
        kind="both",
    ),
)
