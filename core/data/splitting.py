"""Dividing samples into parts: stratified by class, duplicates never on two sides, the same for the same seed."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from core.errors import InputError
from core.schemas import PARTS, Split


def assign_parts(labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """Assign every sample to a part. Class by class, each group (in random order) goes to the part that still lacks
    most of its share. So in each class every part is within the size of that class's largest group of what its share
    asks. Where a class has at least as many groups as there are parts, each part gets one, even if its share is
    smaller than that.

    Args:
        labels: class of each sample, `(n,)`. A group with several classes counts for its most frequent one.
        groups: `(n,)`; samples with the same value stay together.
        shares: part → its share; the shares add up to 1.
        seed: decides the order.

    Returns:
        Names of parts, `(n,)`, dtype object.
    """
    names = np.asarray(list(shares), dtype=object)
    wanted = np.asarray(list(shares.values()))
    random = np.random.default_rng(seed)
    _, members = np.unique(groups, return_inverse=True)
    classes, codes = np.unique(labels.astype(str), return_inverse=True)
    votes = np.zeros((members.max(initial=-1) + 1, len(classes)), dtype="int64")
    np.add.at(votes, (members, codes), 1)
    sizes, group_class = votes.sum(axis=1), votes.argmax(axis=1)
    place = np.zeros(len(sizes), dtype="int64")
    over_all = np.zeros(len(names))  # breaks ties between parts at random, so that remainders spread
    for c in range(len(classes)):
        mine = random.permutation(np.flatnonzero(group_class == c))
        lacks = wanted * sizes[mine].sum()
        over_all += lacks
        empty = np.ones(len(names), dtype=bool) if len(mine) >= len(names) else np.zeros(len(names), dtype=bool)
        for done, group in enumerate(mine):
            open_parts = empty if empty.sum() == len(mine) - done else np.ones(len(names), dtype=bool)
            order = np.lexsort((-over_all, -np.round(lacks, 6), ~open_parts))
            part = order[0]
            place[group], empty[part] = part, False
            lacks[part] -= sizes[group]
            over_all[part] -= sizes[group]
    return names[place[members]]


def assign_folds(labels: np.ndarray, groups: np.ndarray, k: int, seed: int = 0) -> np.ndarray:
    """Which of `k` folds judges each sample, `(n,)`, from 0; labels and groups as for `assign_parts`."""
    return assign_parts(labels, groups, {str(i): 1 / k for i in range(k)}, seed).astype("int64")


def assign_by_time(times: np.ndarray, groups: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    """Assign every sample to a part by its time: older groups go to earlier parts.

    A group has the time of its newest sample. Groups of equal time stay together, so the shares are met as closely as
    that allows, and no part is empty.

    Args:
        times: `(n,)`, larger is newer; NaN, unknown, counts as older than all.
        groups: `(n,)`; samples with the same value stay together.
        shares: part → its share, the oldest part first; the shares add up to 1.

    Returns:
        Names of parts, `(n,)`, dtype object. `InputError` when there are fewer times than parts.
    """
    newest = pd.Series(np.nan_to_num(times, nan=-np.inf)).groupby(groups).transform("max").to_numpy()
    _, place, counts = np.unique(newest, return_inverse=True, return_counts=True)
    n, reached = len(counts), np.cumsum(counts) / len(times)
    if n < len(shares):
        raise InputError(
            f"Groups of rows have {n} different times, too few for {len(shares)} parts.", "Choose another column."
        )
    ends = [0]
    for following, wanted in zip(range(len(shares) - 1, 0, -1), np.cumsum(list(shares.values())), strict=False):
        possible = np.arange(ends[-1] + 1, n - following + 1)
        ends.append(int(possible[np.abs(reached[possible - 1] - wanted).argmin()]))
    part = np.searchsorted(ends[1:], np.arange(n), side="right")
    return np.asarray(list(shares), dtype=object)[part[place]]


def split_parts(samples: pd.DataFrame, split: Split, before: pd.Series | None = None) -> pd.Series:
    """The part of each sample (columns id, path, label, group; time where the split goes by it).

    With `split.test_ids` these samples (ids, or names as imported) and their duplicates are the test part; the rest
    is divided between training and validation; `InputError` names the first one that does not exist.
    With `split.given` and a column given_split, samples are where the source's folders put them. `before`, the parts
    by sample id that a new version takes over, comes before both; a class of which it leaves nothing to learn from
    is divided anew.
    """
    labels, groups = samples["label"].to_numpy(dtype=object), samples["group"].to_numpy()
    given = samples["given_split"] if split.given and not split.test_ids and "given_split" in samples else None
    if before is not None:
        stays = samples["id"].map(before)
        placed = (stays if given is None else stays.fillna(given)).to_numpy(dtype=object)
        placed[~np.isin(labels, labels[placed == "train"])] = None
        return _placed_parts(samples, placed, split, "The parts as they were leave")
    if given is not None:
        return _placed_parts(samples, given.to_numpy(dtype=object), split, "The given folders leave")
    if split.time and not split.test_ids:
        nowhere = np.full(len(samples), None, dtype=object)
        return _placed_parts(samples, nowhere, split, f"Dividing by “{split.time}” leaves")
    if not split.test_ids:
        shares = {"test": split.test, "validation": split.validation, "train": split.train}
        return pd.Series(assign_parts(labels, groups, shares, split.seed), index=samples.index, dtype="str")
    known = set(samples["id"]) | set(samples["path"])
    unknown = [name for name in split.test_ids if name not in known]
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise InputError(
            f"The test list names “{unknown[0]}”{more}, which is not in the data.",
            f"Write names as imported, such as “{samples['path'].iloc[0]}”, or sample ids, one a line.",
        )
    named = samples["id"].isin(split.test_ids) | samples["path"].isin(split.test_ids)
    test = samples["group"].isin(samples.loc[named, "group"]).to_numpy()
    parts = np.full(len(samples), "test", dtype=object)
    learning = split.train + split.validation
    shares = {"validation": split.validation / learning, "train": split.train / learning}
    parts[~test] = assign_parts(labels[~test], groups[~test], shares, split.seed)
    gone = sorted(set(labels) - set(labels[parts == "train"]))
    if gone:
        raise InputError(
            f"The test list leaves class “{gone[0]}” without training samples.", "Take some of them off the list."
        )
    return pd.Series(parts, index=samples.index, dtype="str")


def _placed_parts(samples: pd.DataFrame, placed: np.ndarray, split: Split, refusal: str) -> pd.Series:
    """The parts of samples of which many are `placed`, `(n,)`, the others missing.

    Copies in several parts all go to test, or else to validation. The rest is divided by the split's shares; an empty
    validation or test part is taken from the training part. `InputError`, beginning with `refusal`, when a class is
    left without training samples.
    """
    labels, groups = samples["label"].to_numpy(dtype=object), samples["group"].to_numpy()
    parts = np.full(len(samples), "", dtype=object)
    for name in ("train", "validation", "test"):  # later ones take copies over
        parts[np.isin(groups, groups[placed == name])] = name
    rest = parts == ""
    shares = {"test": split.test, "validation": split.validation, "train": split.train}
    if rest.any() and split.time:
        oldest_first: dict[str, float] = {name: shares[name] for name in PARTS}
        parts[rest] = assign_by_time(samples["time"].to_numpy()[rest], groups[rest], oldest_first)
    elif rest.any():
        parts[rest] = assign_parts(labels[rest], groups[rest], shares, split.seed)
    for name in ("test", "validation"):
        learning = parts == "train"
        if learning.any() and not (parts == name).any():
            whole = shares[name] + split.train
            wanted = {name: shares[name] / whole, "train": split.train / whole}
            parts[learning] = assign_parts(labels[learning], groups[learning], wanted, split.seed)
    gone = sorted(set(labels) - set(labels[parts == "train"]))
    if gone:
        raise InputError(
            f"{refusal} class “{gone[0]}” without training samples.",
            "Add some of its samples to the training part, or split again.",
        )
    return pd.Series(parts, index=samples.index, dtype="str")


def folds(samples: pd.DataFrame, k: int, seed: int, validation: float = 0.25) -> Iterator[pd.Series]:
    """The parts of each of `k` folds: every sample is tested in one of them.

    Args:
        samples: with columns label and group.
        k: number of folds; every class needs as many distinct samples, else `InputError`.
        seed: decides the folds and the validation parts.
        validation: share of each fold's learning rows kept for validation.
    """
    labels, groups = samples["label"].to_numpy(dtype=object), samples["group"].to_numpy()
    fold = fold_numbers(samples, k, seed)
    shares = {"validation": validation, "train": 1 - validation}
    for i in range(k):
        parts = np.full(len(samples), "test", dtype=object)
        learning = fold != i
        parts[learning] = assign_parts(labels[learning], groups[learning], shares, seed + i + 1)
        yield pd.Series(parts, index=samples.index, dtype="str")


def fold_numbers(samples: pd.DataFrame, k: int, seed: int) -> np.ndarray:
    """Which of `k` folds judges each sample (columns label, group): `(n,)`, from 0; `InputError` as for `folds`."""
    check_folds(samples, k)
    return assign_folds(samples["label"].to_numpy(dtype=object), samples["group"].to_numpy(), k, seed)


def check_folds(samples: pd.DataFrame, k: int) -> None:
    """`InputError` unless every class has at least `k` distinct samples."""
    distinct = samples.groupby("label")["group"].nunique()
    if distinct.min() < k:
        raise InputError(
            f"Class “{distinct.idxmin()}” has {distinct.min()} distinct samples, too few for {k} folds.",
            f"Use at most {distinct.min()} folds, or add samples.",
        )
