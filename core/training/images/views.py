"""Augmented views of training images, drawn once and then used like further images.

While lower layers are frozen, an augmented copy needs to pass through them only once: the head, or the last blocks,
train on the cached output of K views per sample instead of on a new copy every epoch.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.methods.parts import Parts
from core.schemas import Augmentation, ResolvedSpec
from core.training.version_images import VersionImages

CHUNK = 32


class Views:
    """`k` views of each sample at `rows`; `positions`, `(k · len(rows),)`, is the sample of each view.

    Args:
        originals: returns the images at positions, at a size, uint8 `(len(positions), size, size, 3)`.

    Views are drawn in chunks of 32, each with its own seed, so that a view depends only on `seed`, `rows` and its
    position, not on the order of access. Each of the `k` rounds has its own order of rows, because images are mixed
    within their chunk.
    """

    def __init__(
        self,
        originals: Callable[[np.ndarray, int], np.ndarray],
        rows: np.ndarray,
        k: int,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        from core.models.augmenting import Augmenter  # imports Keras

        self._originals = originals
        rng = np.random.default_rng(seed)
        self.positions = np.concatenate([rng.permutation(rows) for _ in range(k)])
        self._augmenter = Augmenter(augmentation)
        self._seed = seed
        self._drawn: tuple[int, int] | None = None
        self._chunk = np.empty(0)

    def __len__(self) -> int:
        return len(self.positions)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        """Views at positions, uint8, `(len(rows), size, size, 3)`."""
        out = np.empty((len(rows), size, size, 3), dtype="uint8")
        for place, row in enumerate(rows):
            out[place] = self._of_chunk(int(row) // CHUNK, size)[int(row) % CHUNK]
        return out

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """Class probabilities of each view, `(len(self), classes)`, from those of each sample, `(n, classes)`."""
        if not self._augmenter.mixes:
            return np.asarray(targets[self.positions])
        return np.concatenate([shares @ targets[positions] for positions, shares in self._mixed()])

    def made_of(self, rows: np.ndarray) -> np.ndarray:
        """Which views are made only of samples at `rows`, boolean `(len(self),)`.

        A view that mixes a training image with a held-out one must not be used for training.
        """
        if not self._augmenter.mixes:
            return np.isin(self.positions, rows)
        outside = [((shares > 0) & ~np.isin(positions, rows)).any(axis=1) for positions, shares in self._mixed()]
        return ~np.concatenate(outside)

    def _mixed(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For every chunk its samples and the share of each in each view, `(m,)` and `(m, m)`."""
        for start in range(0, len(self), CHUNK):
            positions = self.positions[start : start + CHUNK]
            yield positions, self._augmenter.shares(len(positions), (self._seed, start // CHUNK))

    def _of_chunk(self, number: int, size: int) -> np.ndarray:
        if self._drawn != (number, size):
            positions = self.positions[number * CHUNK : (number + 1) * CHUNK]
            self._chunk = self._augmenter.images(self._originals(positions, size), (self._seed, number))
            self._drawn = (number, size)
        return self._chunk


def training_views(images: VersionImages, splits: Sequence[Parts], resolved: ResolvedSpec) -> Views | None:
    """The views that a run with this spec trains on; `None` without an augmentation."""
    if not (resolved.augmentation and resolved.views):
        return None
    rows = np.unique(np.concatenate([parts.train for parts in splits]))
    return Views(images.batch, rows, resolved.views, resolved.augmentation, resolved.seed)
