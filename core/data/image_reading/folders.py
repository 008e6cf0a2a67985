"""Which level of folders names the class, which folders are parts, and which are neither.

Folders called after parts (`train`, `Valid_Set`, `my-test-images`) are never taken for classes where there are class
folders inside them, or where they hold all the images; a class that happens to be called `test` stays one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.schemas import Frozen, Part

_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trainval", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating", "dev", "vali"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "ts", "holdout", "eval", "evaluation"), "test"),
}
_EVALUATION = ("eval", "evaluation")  # the test part, or where there is one already the validation part
_FILLERS = "set|data|dataset|images?|imgs?|pictures?|photos?|folder|split|part|samples?"
_TOKEN = re.compile(rf"({'|'.join(_WORDS)})(?:{_FILLERS})?")
_STRAY = re.compile(
    r"pred(ict(ions?|ed)?)?s?|inference|submissions?|results?|outputs?|unlabell?ed|unannotated|unsup(ervised)?|extra|misc|tmp|temp|cache|backup"
)
_UNLABELLED = re.compile(r"unlabell?ed|unannotated|unsup(ervised)?")
_THUMBNAILS = re.compile(r"@eadir|_?thumb(s|nails?)?", re.IGNORECASE)
_NO_CLASS_FOLDER = "lies in no class folder"


class Layout(Frozen):
    """How folders are understood.

    `root` wraps everything. `sets` maps folders, by their path in the archive, to the part they hold, or to None for
    one that holds no part in particular. The class is the folder at `class_level` below the set, or below `root`
    where there is none, counted from 0; −1 is the folder above the set. `classes` maps folders to the class of all
    images in them, whatever the folder is called. `left_out` maps folders to the reason.
    """

    root: str = ""
    class_level: int = 0
    sets: dict[str, Part | None] = {}
    classes: dict[str, str] = {}
    left_out: dict[str, str] = {}


@dataclass(frozen=True)
class Place:
    """Where an image lies: `label` is None in no class folder; `reason` says why it has none, or is left out."""

    label: str | None
    part: Part | None
    reason: str = ""
    is_left_out: bool = False


def place_image(layout: Layout, name: str) -> Place:
    """What the folders of the image `name` say of it."""
    folders = name.split("/")[:-1]
    for n in range(len(folders), 0, -1):
        path = "/".join(folders[:n])
        if path in layout.left_out:
            return Place(None, None, layout.left_out[path], is_left_out=True)
        if path in layout.classes:
            return _placed(layout.classes[path], layout.sets.get(path))
        if path in layout.sets:
            above = folders[n - 2] if layout.class_level < 0 and n > 1 else None
            return _placed(above if layout.class_level < 0 else _at(folders[n:], layout), layout.sets[path])
    below = folders[len(layout.root.split("/")) if layout.root else 0 :]
    outside = bool(layout.sets) and layout.class_level >= 0
    return _placed(None if outside else _at(below, layout), None)


def _placed(label: str | None, part: Part | None) -> Place:
    return Place(label, part, "" if label else _NO_CLASS_FOLDER)


def _at(below: Sequence[str], layout: Layout) -> str | None:
    level = max(layout.class_level, 0)
    return below[level] if level < len(below) else None


def relative_path(layout: Layout, name: str) -> str:
    """The name below the folders that wrap everything."""
    return name.removeprefix(layout.root + "/") if layout.root else name


def count_classes(layout: Layout, names: Sequence[str]) -> dict[str, int]:
    """Images of each class, the classes in order."""
    counts = Counter(place.label for name in names if (place := place_image(layout, name)).label)
    return {str(label): counts[label] for label in sorted(counts, key=str)}


def part_of(name: str) -> Part | None:
    """The part that a folder or table is called after, in any case, with whatever around it; None for no part."""
    found = [_WORDS[match[1]] for token in _tokens(name) if (match := _TOKEN.fullmatch(token))]
    return "train" if "train" in found else found[0] if found else None


def propose_layouts(names: Sequence[str]) -> list[Layout]:
    """How the folders of these images may be understood, the most likely first; each gives other classes."""
    tree = _tree(names)
    thumbnails = {node.key: "thumbnails of other images" for node in tree.walk() if _THUMBNAILS.fullmatch(node.name)}
    kept = [name for name in names if not any(name.startswith(f"{folder}/") for folder in thumbnails)]
    root = _unwrapped(_tree(kept or names))
    layouts: list[Layout] = []
    for layout in (*_with_parts(root),) or (*_deeper_first(root), *_plain(root)):
        whole = layout.model_copy(update={"left_out": {**thumbnails, **layout.left_out}} if kept else {})
        if not any(_same(whole, other, names) for other in layouts):
            layouts.append(whole)
    return layouts


@dataclass
class _Node:
    """A folder: the folders in it that hold images at any depth, and how many images it holds itself."""

    path: tuple[str, ...] = ()
    children: dict[str, "_Node"] = field(default_factory=dict)
    files: int = 0

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else ""

    @property
    def key(self) -> str:
        return "/".join(self.path)

    def total(self) -> int:
        return self.files + sum(child.total() for child in self.children.values())

    def walk(self) -> Iterator["_Node"]:
        yield self
        for child in self.children.values():
            yield from child.walk()


def _tree(names: Sequence[str]) -> _Node:
    root = _Node()
    for name in names:
        node = root
        for folder in name.split("/")[:-1]:
            node = node.children.setdefault(folder, _Node((*node.path, folder)))
        node.files += 1
    return root


def _unwrapped(node: _Node, part: Part | None = None) -> _Node:
    """The folder inside those that only wrap another: no class can be told by them.

    A folder of a part may hold one of its own name or part, even where nothing lies below that.
    """
    while len(node.children) == 1 and node.files * 20 <= node.total():
        (child,) = node.children.values()
        again = part is not None and (part_of(child.name) == part or child.name == node.name)
        if not child.children and not again:
            break
        node = child
    return node


def _with_parts(root: _Node) -> Iterator[Layout]:
    """Readings in which some folders are parts, and where that is doubtful others; none without such folders."""
    doubtful = []
    above = _parts_below_classes(root)
    for node in root.walk():
        found = _parts_in(node)
        if found is None or (node is not root and node.total() * 2 <= root.total()):
            continue
        layout, certain = found
        beside = {n.key: "lies beside the parts" for n in root.walk() if _is_beside(n, node)}
        layout = layout.model_copy(update={"root": root.key, "left_out": {**beside, **layout.left_out}})
        if certain and not above:
            yield layout
            if len(set(layout.sets.values()) - {None}) == 1:  # `train` may be a class beside `car`
                yield from _plain(root)
            return
        doubtful.append(layout)
    if above or doubtful:
        yield from above or (*_deeper_first(root), *_plain(root), doubtful[0])


def _is_beside(node: _Node, chosen: _Node) -> bool:
    """Whether a folder is outside `chosen`, and the folder that it lies in is not."""
    depth = len(node.path)
    inside = depth > len(chosen.path) or not depth
    return not inside and node.path[:-1] == chosen.path[: depth - 1] and node.path != chosen.path[:depth]


def _parts_in(node: _Node) -> tuple[Layout, bool] | None:
    """The reading in which folders right inside `node` are parts, and whether that is certain; None for none."""
    parts = _named_parts(node)
    if not parts:
        return None
    inner = {name: _unwrapped(node.children[name], part) for name, part in parts.items()}
    labelled = _class_folders(inner)
    others = {name: _unwrapped(child) for name, child in node.children.items() if name not in parts}
    classes = set().union(*labelled.values())
    several = len(set(parts.values())) > 1
    reasons = {node.children[name].key: "lies beside the parts, in no class folder" for name in others}
    if not classes:
        if several and not others and (by_name := _classes_in_names(inner, parts)):
            return by_name, True
        alike = len({_remainder(name) for name in parts}) == 1
        alone = several and alike and all(map(_is_stray, others))
        return (_sets(inner, parts, reasons), True) if alone else None
    if len(labelled) > 1 and not _share_names(list(labelled.values())) and len({*map(_remainder, labelled)}) > 1:
        return None  # “test tube” and “training shoe” with folders of their own
    more = {name: child for name, child in others.items() if child.children and set(child.children) <= classes}
    if not several and not others:
        return None  # a single part wraps everything
    held = sum(inner[name].total() for name in labelled)
    strange = [child for name, child in others.items() if name not in more and not _is_stray(name)]
    training = "train" in parts.values() and len(strange) < 2 and not any(child.children for child in strange)
    stray = sum(child.total() for name, child in others.items() if _is_stray(name))
    certain = several or (training and len(classes) > 1 and held * 2 >= node.total() - stray)
    reasons = {folder: why for folder, why in reasons.items() if folder.rsplit("/", 1)[-1] not in more}
    return _sets(inner | more, {**parts, **dict.fromkeys(more)}, reasons), certain


def _class_folders(inner: dict[str, _Node]) -> dict[str, set[str]]:
    """Part → the class folders in it. A part that holds a single folder which is no class elsewhere is unlabelled:
    `inner` is changed to that folder.
    """
    held = {name: set(child.children) for name, child in inner.items() if child.children}
    classes = set().union(*(names for names in held.values() if len(names) > 1))
    for name, names in list(held.items()):
        if classes and len(names) == 1 and not names & classes:
            (inner[name],) = inner[name].children.values()
            del held[name]
    return held


def _classes_in_names(inner: dict[str, _Node], parts: Mapping[str, Part | None]) -> Layout | None:
    """The reading of `train_cats`, `train_dogs`, `test_cats`, `test_dogs`; None where each part has not several."""
    classes = {name: " ".join(_words_around(name)) for name in parts}
    of_part: dict[Part | None, list[str]] = {}
    for name, part in parts.items():
        of_part.setdefault(part, []).append(classes[name])
    if not all(classes.values()) or any(len(set(names)) < len(names) for names in of_part.values()):
        return None
    if len(of_part.get("train", ())) < 2 or not _share_names([set(names) for names in of_part.values()]):
        return None
    named = {child.key: classes[name] for name, child in inner.items()}
    return _sets(inner, parts, {}).model_copy(update={"classes": named})


def _is_stray(name: str) -> bool:
    """Whether a folder's name says that it holds what has no class."""
    return any(_STRAY.fullmatch(token) for token in _tokens(name))


def _named_parts(node: _Node) -> dict[str, Part]:
    """Folders in `node` that are called after parts → which; `eval` is validation beside another test folder."""
    parts = {name: part for name in node.children if (part := part_of(name))}
    evaluation = [name for name in parts if {*_tokens(name)} & {*_EVALUATION}]
    tested = any(part == "test" for name, part in parts.items() if name not in evaluation)
    if tested and "validation" not in parts.values():
        parts |= dict.fromkeys(evaluation, "validation")
    return parts


def _sets(inner: dict[str, _Node], parts: Mapping[str, Part | None], left_out: dict[str, str]) -> Layout:
    return Layout(sets={child.key: parts[name] for name, child in inner.items()}, left_out=left_out)


def _parts_below_classes(root: _Node) -> list[Layout]:
    """Readings in which each folder holds the same parts: `cats/train/1.jpg`."""
    with_parts = {name: _named_parts(child) for name, child in root.children.items() if not part_of(name)}
    divided = {name: parts for name, parts in with_parts.items() if parts}
    every = {part for parts in divided.values() for part in parts.values()}
    if len(divided) < 2 or len(every) < 2 or len(divided) * 3 < 2 * len(root.children):
        return []
    if any(len(root.children[name].children) > len(parts) for name, parts in divided.items()):
        return []
    inner = [
        (_unwrapped(root.children[name].children[folder], part), part)
        for name, parts in divided.items()
        for folder, part in parts.items()
    ]
    sets: dict[str, Part | None] = {child.key: part for child, part in inner}
    above = Layout(root=root.key, class_level=-1, sets=sets)
    names = [set(child.children) for child, _ in inner if child.children]
    if len(set().union(*names)) < 2:
        return [above]
    below = Layout(root=root.key, sets=sets)
    return [below, above] if _share_names(names) else [above, below]


def _plain(root: _Node) -> Iterator[Layout]:
    """The top folders are the classes, or those in them where the same ones come again and again.

    One called “unlabelled” is a class only in the second place.
    """
    unlabelled = {
        child.key: "its name says that it has no class"
        for name, child in root.children.items()
        if any(_UNLABELLED.fullmatch(token) for token in _tokens(name))
    }
    if unlabelled and len(root.children) - len(unlabelled) > 1:
        yield Layout(root=root.key, left_out=unlabelled)
    yield Layout(root=root.key)
    if _comes_again(root):
        yield Layout(root=root.key, class_level=1)


def _deeper_first(root: _Node) -> Iterator[Layout]:
    """Top folders that only number parts of a download (`part_1`, `part_2`) are no classes."""
    numbered = {re.sub(r"\d+", "", name) for name in root.children}
    inside = {name for child in root.children.values() for name in child.children}
    if len(numbered) == 1 and len(root.children) > len(inside) and _comes_again(root):
        yield Layout(root=root.key, class_level=1)


def _comes_again(root: _Node) -> bool:
    inside = [set(child.children) for child in root.children.values() if child.children]
    loose = sum(child.files for child in root.children.values()) + root.files
    every = set().union(*inside) if inside else set()
    return len(inside) > 1 and len(every) > 1 and _share_names(inside) and loose * 10 <= root.total()


def _share_names(folders: Sequence[set[str]]) -> bool:
    """Whether these hold mostly the same folders."""
    every = set().union(*folders)
    return sum(map(len, folders)) * 2 > len(every) * len(folders) and len(every) < sum(map(len, folders))


def _same(one: Layout, other: Layout, names: Sequence[str]) -> bool:
    return all(place_image(one, name).label == place_image(other, name).label for name in names)


def _tokens(name: str) -> list[str]:
    """“TrainSet_01” → train, set: words in lower case, without numbers."""
    return [word.lower() for word in _words_of(name)]


def _words_of(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W\d_]+", apart) if word]


def _remainder(name: str) -> tuple[str, ...]:
    """The words around a part's name, in lower case."""
    return tuple(word.lower() for word in _words_around(name))


def _words_around(name: str) -> list[str]:
    return [w for w in _words_of(name) if not _TOKEN.fullmatch(w.lower()) and not re.fullmatch(_FILLERS, w.lower())]
