"""Oversampling and undersampling of classes, and Gaussian noise on numbers, for training rows only."""

from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from core.data.cleaning.steps.step import (
    NumericColumns,
    Resampler,
    StepKind,
    StepSettings,
    append_rows,
    centre_and_spread,
    choose_columns,
    fill_and_scale,
    numeric_columns,
)

BALANCE = "Balance and noise"
NEIGHBOURS = 5


class Oversample(StepSettings):
    method: Literal["random", "smote", "adasyn"] = Field(
        "smote",
        title="Method",
        description="Random: rows of the smaller classes are repeated. SMOTE: rows are made up between a row and one"
        " of its five nearest of the same class (Chawla et al. 2002); categories are what most of these have."
        " ADASYN: the same, most where other classes are near (He et al. 2008); categories are the nearer row's.",
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0,
        title="Share of the largest class",
        description="Each class gets as many rows, as a share of the largest class; larger ones stay as they are.",
    )


class Oversampler(Resampler):
    settings: Oversample

    def resample(self, x: pd.DataFrame, y: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        wanted = _wanted_at_least(y, self.settings.share)
        if not wanted:
            return x, y
        if self.settings.method == "random":
            random = np.random.default_rng(seed)
            again = [random.choice(np.flatnonzero(y == c), n - (y == c).sum()) for c, n in wanted.items()]
            rows = np.concatenate(again)
            return append_rows(x, x.iloc[rows]), np.concatenate([y, y[rows]])
        fewest = min(int((y == c).sum()) for c in wanted)
        if fewest < 2:
            raise ValueError(
                "a class that is to grow has one training row, and rows are made up between two;"
                " repeat rows at random, or add some"
            )
        near = min(NEIGHBOURS, fewest - 1)
        made, classes = (_smote if self.settings.method == "smote" else _adasyn)(x, y, wanted, near, seed)
        return append_rows(x, made), np.concatenate([y, classes])


class Undersample(StepSettings):
    times: Annotated[float, Field(ge=1, le=1000)] = Field(
        1.0,
        title="Times the smallest class",
        description="Each class keeps at most this many times the rows of the smallest, drawn at random.",
    )


class Undersampler(Resampler):
    settings: Undersample

    def resample(self, x: pd.DataFrame, y: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        random, kept = np.random.default_rng(seed), np.zeros(len(y), dtype=bool)
        classes, counts = np.unique(y, return_counts=True)
        most = int(counts.min() * self.settings.times)
        for c in classes:
            kept[random.permutation(np.flatnonzero(y == c))[:most]] = True
        return x[kept], y[kept]


class Noise(StepSettings):
    share: Annotated[float, Field(gt=0, le=2)] = Field(
        0.1,
        title="Strength",
        description="Standard deviation of the Gaussian noise, as a share of each column's own (Bishop 1995).",
    )
    copies: Annotated[int, Field(ge=0, le=20)] = Field(
        0, title="Copies", description="0 changes the training rows themselves; else so many noisy copies join each."
    )
    columns: NumericColumns = Field(
        (), title="Columns", description="None chosen means all numbers with more than two values."
    )


class NoiseAdder(Resampler):
    settings: Noise

    def resample(self, x: pd.DataFrame, y: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
        names = choose_columns(x, self.settings.columns, "numeric")
        if not self.settings.columns:
            names = [name for name in names if x[name].nunique() > 2]  # noise makes no sense on a binary column
        if not names:
            raise ValueError("there is no column of numbers at this place")
        random, spread = (
            np.random.default_rng(seed),
            self.settings.share * x[names].std(ddof=0).fillna(0.0).to_numpy(),
        )

        def noisy(of: pd.DataFrame) -> pd.DataFrame:
            moved = of[names].to_numpy() + random.normal(size=(len(of), len(names))) * spread
            return of.assign(**dict(zip(names, moved.T, strict=True)))

        if not self.settings.copies:
            return noisy(x), y
        rows = np.tile(np.arange(len(x)), self.settings.copies)
        return append_rows(x, noisy(x.iloc[rows])), np.concatenate([y, y[rows]])


def _wanted_at_least(y: np.ndarray, share: float) -> dict[int, int]:
    """The classes to oversample, and the number of rows each gets."""
    classes, counts = np.unique(y, return_counts=True)
    wanted = round(share * counts.max())
    return {int(c): wanted for c, n in zip(classes, counts, strict=True) if n < wanted}


class _Plain:
    """Rows as scaled numbers without gaps, and the inverse.

    A number that takes only two values is a category too. `numbers` is `(n, a)`,
    `codes` `(n, b)`, positions in `levels`, of which a missing cell is one.
    """

    def __init__(self, x: pd.DataFrame) -> None:
        self.x = x
        self.names = [name for name in numeric_columns(x) if x[name].nunique() > 2]
        self.others = [str(name) for name in x.columns if name not in self.names]
        self.centre, self.spread = centre_and_spread(x[self.names])
        self.numbers = fill_and_scale(x, self.centre, self.spread)
        coded = [pd.factorize(x[name], use_na_sentinel=False) for name in self.others]
        self.levels = [levels for _, levels in coded]
        self.codes = np.stack([codes for codes, _ in coded], axis=1) if coded else np.empty((len(x), 0), "int64")

    def table(self, numbers: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
        cells: dict[str, Any] = dict(
            zip(self.names, (numbers * self.spread.to_numpy() + self.centre.to_numpy()).T, strict=True)
        )
        cells |= {
            name: levels[codes[:, i]] for i, (name, levels) in enumerate(zip(self.others, self.levels, strict=True))
        }
        return pd.DataFrame(cells, columns=self.x.columns).astype(self.x.dtypes.to_dict())


def _smote(
    x: pd.DataFrame, y: np.ndarray, wanted: dict[int, int], near: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows synthesised by SMOTE, by SMOTENC where there are categories too, by SMOTEN for categories alone."""
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    plain = _Plain(x)
    split = len(plain.names)
    settings = {"sampling_strategy": wanted, "k_neighbors": near, "random_state": seed}
    if not plain.others:
        sampler = SMOTE(**settings)
    elif split:
        sampler = SMOTENC(categorical_features=list(range(split, x.shape[1])), **settings)
    else:
        sampler = SMOTEN(**settings)
    matrix, classes = sampler.fit_resample(np.concatenate([plain.numbers, plain.codes], axis=1), y)
    made = matrix[len(x) :]
    return plain.table(made[:, :split], made[:, split:].astype("int64")), classes[len(x) :]


def _adasyn(
    x: pd.DataFrame, y: np.ndarray, wanted: dict[int, int], near: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows that ADASYN synthesises with one-hot categories, of which the largest is taken."""
    from imblearn.over_sampling import ADASYN

    plain = _Plain(x)
    flags = [np.eye(len(levels))[plain.codes[:, i]] for i, levels in enumerate(plain.levels)]
    sampler = ADASYN(sampling_strategy=wanted, n_neighbors=near, random_state=seed)
    try:
        matrix, classes = sampler.fit_resample(np.concatenate([plain.numbers, *flags], axis=1), y)
    except (RuntimeError, ValueError) as error:  # its message is about its parameters
        raise ValueError(
            "ADASYN makes rows beside other classes, a share for each row, and a class has no such row or lacks too"
            " few; take SMOTE"
        ) from error
    made = matrix[len(x) :]
    ends = np.cumsum([len(plain.names), *(len(levels) for levels in plain.levels)])
    codes = [made[:, a:b].argmax(axis=1) for a, b in pairwise(ends)]
    together = np.stack(codes, axis=1) if codes else np.empty((len(made), 0), "int64")
    return plain.table(made[:, : len(plain.names)], together), classes[len(x) :]


KINDS = (
    StepKind(
        name="oversample",
        title="Add rows to small classes",
        help="Repeats training rows of the smaller classes or makes up new ones, so that a model sees as many of"
        " each. Put it after steps that fill in cells: until then missing numbers count as the median. Put it before"
        " Encode, which makes numbers of categories.",
        purpose=BALANCE,
        scope="training_rows",
        settings=Oversample,
        run=Oversampler,
    ),
    StepKind(
        name="undersample",
        title="Leave out rows of large classes",
        help="Leaves out training rows of the larger classes, drawn at random.",
        purpose=BALANCE,
        scope="training_rows",
        settings=Undersample,
        run=Undersampler,
    ),
    StepKind(
        name="add_noise",
        title="Add noise",
        help="Moves the numbers of training rows a little, so that a model overfits less. Validation, test and"
        " new data stay as they are.",
        purpose=BALANCE,
        scope="training_rows",
        settings=Noise,
        run=NoiseAdder,
    ),
)
