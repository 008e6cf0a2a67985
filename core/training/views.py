"""Augmented views of training images, drawn once and then used like further images.

While lower layers are frozen, an augmented copy needs to go through them only once: the head, or the last blocks,
train on the cached output of K views a sample instead of on a new copy every epoch.
"""

from collections.abc import Callable, Sequence

import numpy as np

from core.models.augmenting import augment, augmenting_layers
from core.schemas import Augmentation

CHUNK = 32


class Views:
    """`k` views of each of the samples at `rows`; the view `v` of `rows[i]` stands at `v * len(rows) + i`.

    Args:
        originals: gives the images at positions, at a size, uint8 `(len(positions), size, size, 3)`.

    Views are drawn in chunks of 32 with a seed each, so that what a view looks like depends on `seed`, `rows` and
    its place alone, however they are asked for.
    """

    def __init__(
        self,
        originals: Callable[[np.ndarray, int], np.ndarray],
        rows: np.ndarray,
        k: int,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self._originals = originals
        self.positions = np.tile(rows, k)
        self._layers = augmenting_layers(augmentation)
        self._seed = seed
        self._drawn: tuple[int, int] | None = None
        self._chunk = np.empty(0)

    def __len__(self) -> int:
        return len(self.positions)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        """Views as a network wants them, uint8, `(len(rows), size, size, 3)`."""
        out = np.empty((len(rows), size, size, 3), dtype="uint8")
        for place, row in enumerate(rows):
            out[place] = self._of_chunk(int(row) // CHUNK, size)[int(row) % CHUNK]
        return out

    def _of_chunk(self, number: int, size: int) -> np.ndarray:
        if self._drawn != (number, size):
            positions = self.positions[number * CHUNK : (number + 1) * CHUNK]
            images = self._originals(positions, size)
            self._chunk = augment(images, self._layers, seed=self._seed * 100_003 + number)
            self._drawn = (number, size)
        return self._chunk
