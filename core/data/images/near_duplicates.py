"""Near duplicates: re-encoded, resized, cropped or mirrored copies of an image.

Candidate pairs come from perceptual hashes or embeddings and are then verified: a pair counts when one image or its
mirror image, at the best of a few crops, correlates with the other pixel by pixel.
"""

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

HASH_DISTANCE = 6  # of 64 bits: unrelated images lie about 32 apart; copies that are not cropped within 4
LIKENESS = 0.985  # correlation of pixels from which on images count as copies
_BLOCK = 1024

PixelReader = Callable[[int], np.ndarray]


def near_duplicate_groups(
    copies: np.ndarray, hashes: np.ndarray, mirrored: np.ndarray, look: PixelReader
) -> np.ndarray:
    """Numbers, `(n,)`, that images share with their exact and near copies.

    Meant for splits, which a wrong group would distort more than a missed copy: hashes must differ in 6 bits at most
    and the whole images, or one and the other's mirror image, correlate by 0.985. Of the 1,797 digits of
    8 × 8 pixels, which are all alike, it joins two pairs; of the clip art two pairs of nearly equal drawings.

    Args:
        copies: `(n,)`; exact copies share a number.
        hashes, mirrored: uint64, `(n,)`.
        look: gives the pixels at a position.
    """
    comparer = Comparer(look)
    pairs = [
        (int(i), int(j))
        for i, j in hash_pairs(hashes, mirrored)
        if copies[i] != copies[j] and comparer.likeness(i, j, crops=False) >= LIKENESS
    ]
    first = {number: place for place, number in reversed(list(enumerate(copies.tolist())))}
    exact = [(first[number], place) for place, number in enumerate(copies.tolist())]
    return connected_components(len(copies), [*exact, *pairs])


def connected_components(n: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Connected components of a graph of `n` nodes with edges `pairs`: the component's number per node, `(n,)`."""
    root = list(range(n))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for i, j in pairs:
        a, b = find(i), find(j)
        root[max(a, b)] = min(a, b)
    return np.unique([find(i) for i in range(n)], return_inverse=True)[1]


def hash_pairs(hashes: np.ndarray, mirrored: np.ndarray, limit: int = HASH_DISTANCE) -> np.ndarray:
    """Pairs of images whose perceptual hashes, or one's hash and the other's mirrored one, are close.

    Args:
        hashes, mirrored: uint64, `(n,)`; see `parse_hashes`.
        limit: largest Hamming distance.

    Returns:
        int64, `(pairs, 2)`, the smaller position first.
    """
    pairs = []
    for start in range(0, len(hashes), _BLOCK):
        rows = hashes[start : start + _BLOCK, None]
        near = np.bitwise_count(rows ^ hashes[None, start:]) <= limit
        near |= np.bitwise_count(rows ^ mirrored[None, start:]) <= limit
        i, j = np.nonzero(near)
        pairs.append(np.stack([i[j > i], j[j > i]], axis=1) + start)
    return np.concatenate(pairs) if pairs else np.empty((0, 2), "int64")


def parse_hashes(hashes: "list[str] | np.ndarray") -> np.ndarray:
    """Hex hashes of 64 bits as uint64, `(n,)`."""
    return np.array([int(text, 16) for text in hashes], dtype="uint64")


def embedding_pairs(x: np.ndarray, limit: float, most: int = 5) -> np.ndarray:
    """Pairs of which one is among the `most` nearest of the other, with a cosine of at least `limit`.

    Args:
        x: embeddings of unit length, float32, `(n, d)`.
    """
    blocks = []
    for start in range(0, len(x), _BLOCK):
        cosine = x[start : start + _BLOCK] @ x.T
        i = np.arange(len(cosine))
        cosine[i, i + start] = -1
        k = min(most, len(x) - 1)
        near = np.argpartition(-cosine, k - 1, axis=1)[:, :k] if k else np.empty((len(cosine), 0), "int64")
        rows = np.repeat(i, near.shape[1])
        kept = cosine[rows, near.ravel()] >= limit
        blocks.append(np.stack([rows[kept] + start, near.ravel()[kept]], axis=1))
    pairs = np.sort(np.concatenate(blocks), axis=1) if blocks else np.empty((0, 2), "int64")
    return np.unique(pairs, axis=0)


class Comparer:
    """Compares images pixel by pixel, each decoded and scaled once. `look` gives the pixels at a position."""

    def __init__(self, look: PixelReader) -> None:
        self._look = look
        self._small: dict[int, Image.Image] = {}
        self._seen: dict[tuple[int, bool], np.ndarray] = {}

    def likeness(self, i: int, j: int, crops: bool = True) -> float:
        """The largest correlation, −1 to 1, of one image's pixels with the other's, mirrored or not, at some crop.

        Without `crops` only the whole images are compared.
        """
        whole = self._views(i, False)[0]
        best = float((self._views(j, False) @ whole).max())
        if not crops or best < _HOPELESS or best > _SURE:
            return best
        back = self._views(j, False)[0]
        return max(best, float((self._views(j, True) @ whole).max()), float((self._views(i, True) @ back).max()))

    def _views(self, i: int, cropped: bool) -> np.ndarray:
        """The image and its mirror image, or crops of both: standardised pixels, float32, `(views, 1728)`."""
        if (i, cropped) not in self._seen:
            if i not in self._small:
                self._small[i] = Image.fromarray(self._look(i)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
            image = self._small[i]
            boxes = _BOXES if cropped else [(0.0, 0.0, float(_SIDE), float(_SIDE))]
            views = [image.resize((_VIEW, _VIEW), Image.Resampling.BILINEAR, box=box) for box in boxes]
            pixels = np.stack([np.asarray(view, dtype="float32") for view in views])
            if len(self._seen) > _KEPT:
                self._seen.pop(next(iter(self._seen)))
            self._seen[i, cropped] = _standard(np.concatenate([pixels, pixels[:, :, ::-1]]))
        return self._seen[i, cropped]


_SIDE = 64  # pixels of the square that images are scaled to, and
_VIEW = 24  # of what is laid over each other
_BOXES = [
    (left, top, left + side, top + side)
    for side in (0.95 * _SIDE, 0.9 * _SIDE)
    for left in (0.0, (_SIDE - side) / 2, _SIDE - side)
    for top in (0.0, (_SIDE - side) / 2, _SIDE - side)
]
_HOPELESS, _SURE = 0.5, 0.985  # correlations of whole images at which crops need not be tried
_KEPT = 512  # images whose views are cached


def _standard(pixels: np.ndarray) -> np.ndarray:
    """`(views, height, width, 3)` as rows of mean 0 and length 1; an even image becomes zeros."""
    rows = pixels.reshape(len(pixels), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 1e-3, length, np.inf))
