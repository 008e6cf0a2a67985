"""Finding the images that a label table names, however it writes their names."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from core.data.files.packed import SUFFIXES

_LOOK = 200  # cells tried before a whole column is looked up


class FileIndex:
    """Images by every unambiguous way to name them: any end of the path, with or without the file's ending.

    Letters count as they are written, or where that names no image without regard to case.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._ways: dict[str, str | None] = {}
        for name in self.names:
            parts = name.split("/")
            for start in range(len(parts)):
                self._add("/".join(parts[start:]), name)
            stem = PurePosixPath(name).stem
            if stem.isdigit():
                self._add(f"#{int(stem)}", name)
        for name in self.names:  # a whole path is never ambiguous
            self._ways[name] = name

    def _add(self, way: str, name: str) -> None:
        stem, dot, ending = way.rpartition(".")
        for one in {way, stem if dot and "/" not in ending else way}:
            for key in {one, one.casefold()}:
                if self._ways.setdefault(key, name) != name:
                    self._ways[key] = None

    def find(self, cell: str, drop: int = 0) -> str | None:
        """The image that a cell names once its first `drop` folders are left out; None for none or several."""
        way = "/".join(clean_path(cell).split("/")[drop:])
        if not way:
            return None
        found = self._ways.get(way) or self._ways.get(way.casefold())
        number = re.fullmatch(r"(\d+)(\.0+)?", way)
        return found or (self._ways.get(f"#{int(number[1])}") if number else None)

    def names_several(self, cell: str) -> bool:
        """Whether images in several folders are called as a cell says."""
        way = clean_path(cell).rpartition("/")[2]
        return bool(way) and way in self._ways and self._ways[way] is None

    def find_all(self, cells: Sequence[str]) -> list[str | None]:
        """The image that each cell names; as many folders are left out of all cells as names the most images."""
        few = cells[:: max(1, len(cells) // _LOOK)]
        deepest = max((clean_path(cell).count("/") for cell in few), default=0)
        best = max(
            range(deepest + 1), key=lambda drop: (len({self.find(cell, drop) for cell in few} - {None}), -drop)
        )
        return [self.find(cell, best) for cell in cells]

    def below(self, folder: str) -> "FileIndex":
        """The index of the images in a folder."""
        return self if not folder else FileIndex(name for name in self.names if name.startswith(folder + "/"))


def clean_path(cell: str) -> str:
    """A path as archives write it: `/` between folders, no `./` or drive in front, letters in NFC."""
    path = unicodedata.normalize("NFC", cell.strip()).replace("\\", "/")
    return "/".join(part for part in re.sub(r"^[A-Za-z]:/", "", path).split("/") if part not in ("", "."))


def looks_like_image(cell: str) -> bool:
    """Whether a cell ends as an image file's name does."""
    return cell.strip().lower().endswith(SUFFIXES)
