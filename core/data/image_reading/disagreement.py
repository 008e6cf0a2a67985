"""Whether class folders and label tables beside them say the same of the images that both name."""

import re
from collections.abc import Mapping


def describe_disagreement(by_folder: Mapping[str, str | None], by_table: Mapping[str, str | None], table: str) -> str:
    """A sentence on the images that have other classes by their folder than by a table; empty where there are none.

    A table that only calls the classes otherwise, `0` what the folders call `cat`, says the same.

    Args:
        by_folder: image → its class by its folder, None for no class.
        by_table: the same by the table.
        table: what the table is called.
    """
    both = {
        name: (str(by_folder[name]), str(label)) for name, label in by_table.items() if label and by_folder.get(name)
    }
    pairs = {(_plain(folder), _plain(label)) for folder, label in both.values()}
    folders, labels = ({pair[side] for pair in pairs} for side in (0, 1))
    differing = [name for name, pair in both.items() if _plain(pair[0]) != _plain(pair[1])]
    only_renamed = len(pairs) == len(folders) == len(labels) and not folders & labels
    if not differing or only_renamed:
        return ""
    folder, label = both[differing[0]]
    example = f"“{differing[0]}” is “{folder}” by its folder and “{label}” by the table"
    if not folders & labels:
        return f"The folders and “{table}” name different classes: {example}."
    return (
        f"{len(differing):,} of {len(both):,} images have another class by “{table}” than by their folder: {example}."
    )


def _plain(name: str) -> str:
    """A class's name without what people write differently: case, and signs between words."""
    return re.sub(r"[\W_]+", " ", name).strip().casefold()
