"""The members of an archive: their names as text, those that are not safe, and those that cannot be read.

Names that do not say their encoding are read by what all of them together make plausible; letters and marks are
joined (NFC), as systems write them differently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from core.data.files.encoding import candidates
from core.data.files.names import free_name, is_clutter, read_name
from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings

_MAX_RATIO = 200  # photographs hardly compress; only repeated bytes reach such a ratio
_RATIO_FROM = 100 * 2**20  # bytes; a smaller unpacked size is harmless at any ratio
Info = TypeVar("Info")


@dataclass(frozen=True)
class _Entry(Generic[Info]):
    """A member as the archive lists it: `raw` is its name, `in_utf8` for certain or not."""

    raw: bytes
    in_utf8: bool
    size: int
    info: Info
    reason: str


class MemberList(Generic[Info]):
    """The members of an archive worth reading, by name, and those refused alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._largest = get_settings().max_pixels * 4
        self._unpacked = 0
        self._entries: list[_Entry[Info]] = []
        self.encodings: tuple[str, ...] = ("utf-8",)
        self.sizes: dict[str, int] = {}
        self.refused: list[Skipped] = []

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def add(
        self, raw: bytes, size: int, info: Info, is_folder: bool, *, in_utf8: bool = False, reason: str = ""
    ) -> None:
        self._unpacked += size
        # Folders are kept, since an unsafe name is refused wherever it stands.
        self._entries.append(_Entry(raw, in_utf8, size, info, "a folder" if is_folder else reason))

    def named(self, encoding: str) -> dict[str, Info]:
        """The members by name; `InputError` for a name that is not safe, and for an archive that is a bomb or empty.

        Args:
            encoding: of the names that do not say theirs; found out where it is empty.
        """
        unknown = [entry.raw for entry in self._entries if not entry.in_utf8 and not entry.raw.isascii()]
        found = choose_encoding(unknown) if unknown else ("utf-8",)
        self.encodings = tuple(dict.fromkeys([encoding, *found])) if encoding else found
        self.sizes, self.refused = {}, []
        by_name: dict[str, Info] = {}
        written: dict[str, bytes] = {}
        unreadable = 0
        for entry in self._entries:
            name = self._safe(read_name(entry.raw, "utf-8" if entry.in_utf8 else self.encodings[0]))
            if entry.reason == "a folder" or is_clutter(name):
                continue
            if name in by_name and written[name] != entry.raw:
                name = free_name(name, by_name)
            if name in by_name:
                reason = "the archive holds this name twice; the first one was taken"
                self.refused.append(Skipped(path=name, reason=reason))
            elif entry.reason:
                self.refused.append(Skipped(path=name, reason=entry.reason))
                unreadable += 1
            elif entry.size > self._largest:
                self.refused.append(Skipped(path=name, reason=f"larger than {self._largest // 2**20} MB"))
            else:
                by_name[name], written[name] = entry.info, entry.raw
                self.sizes[name] = entry.size
        if unreadable and not by_name:
            raise InputError(
                f"“{self._path.name}” is {self.refused[0].reason} here.",
                "Unpack it and import the folder, or pack it again with the method Deflate.",
            )
        self._check_whole(by_name)
        return by_name

    def _safe(self, raw: str) -> str:
        name = raw.replace("\\", "/")
        if name.startswith("/") or name[1:2] == ":":
            raise unsafe(self._path, raw, "an absolute path")
        if ".." in name.split("/"):
            raise unsafe(self._path, raw, "a path that leaves its folder")
        return "/".join(part for part in name.split("/") if part not in ("", "."))

    def _check_whole(self, by_name: Mapping[str, Info]) -> None:
        check_ratio(self._path, self._unpacked)
        if not by_name:
            hint = "Put one folder of images per class into it."
            raise InputError(f"“{self._path.name}” holds no files.", hint)


def check_ratio(path: Path, unpacked: int, packed: int | None = None) -> None:
    """`InputError` where bytes unpack to far more; `packed` is their number, that of the file where left out."""
    if unpacked > _RATIO_FROM and unpacked > _MAX_RATIO * (path.stat().st_size if packed is None else packed):
        raise InputError(
            f"“{path.name}” would unpack to {unpacked // 2**20:,} MB, over {_MAX_RATIO} times its size.",
            "Such an archive is not made of photographs; make it again from the image files.",
        )


def choose_encoding(raw: Sequence[bytes]) -> tuple[str, ...]:
    """The encodings that names of unknown origin can be read in, the most plausible first; at least one.

    One name tells little and may be valid UTF-8 by chance, so all of them are judged together.
    """
    found = tuple(one.encoding for one in candidates(b"\n".join(raw)))
    return found or ("utf-8",)


def unsafe(path: Path, name: str, what: str) -> InputError:
    return InputError(
        f"“{path.name}” was refused because it holds {what}, “{name}”.",
        "Make the archive again from the folder that holds the class folders.",
    )
