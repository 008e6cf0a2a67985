"""Rows of a table that are nearly copies of each other."""

import numpy as np
import pandas as pd

BY_CHANCE = 0.05  # pairs of rows expected to agree by chance, above which agreement is no evidence


def near_pairs(table: pd.DataFrame) -> dict[int, int]:
    """Rows that agree with an earlier one in all columns but one, if more do so than expected by chance.

    Returns:
        position of a row → position of the earlier one; exact copies, but for the first of them, are left out.
    """
    if table.shape[1] < 3:
        return {}
    codes = [pd.factorize(table[name], use_na_sentinel=False)[0] for name in table.columns]
    agree = np.log([_agreement(np.bincount(c)) for c in codes])
    by_chance = agree.sum() - agree + 2 * np.log(len(table)) - np.log(2)  # pairs that agree in all other columns
    # A row's hash is the sum of its cells' hashes, so that leaving out a column is one subtraction.
    hashes = [_mixed(c.astype("uint64") + np.uint64(1_000_003 * (i + 1))) for i, c in enumerate(codes)]
    with np.errstate(over="ignore"):
        whole = np.sum(hashes, axis=0, dtype="uint64")
        first = ~pd.Series(whole).duplicated().to_numpy()
        pairs: dict[int, int] = {}
        for place, part in enumerate(hashes):
            if by_chance[place] > np.log(BY_CHANCE):
                continue
            others = (whole - part)[first]
            if len(np.unique(others)) == len(others):
                continue
            rest = pd.Series(others, index=np.flatnonzero(first))
            doubled = rest[rest.duplicated(keep=False)]
            leaders = doubled.groupby(doubled).transform(lambda rows: rows.index[0])
            places = leaders.index.to_numpy()
            second = places != leaders.to_numpy()
            pairs |= dict(zip(places[second].tolist(), leaders.to_numpy()[second].tolist(), strict=True))
    return pairs


def _agreement(counts: np.ndarray) -> float:
    """How probable it is that two different rows agree in a column, `counts` being the rows of each of its values."""
    n = float(counts.sum())
    return (float((counts * (counts - 1.0)).sum()) + 1.0) / max(1.0, n * (n - 1.0))


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele et al. 2014): well mixed 64-bit numbers, so that sums of them rarely agree by chance."""
    with np.errstate(over="ignore"):
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
