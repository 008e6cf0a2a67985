"""Copies are alike however they were made, and other images are not."""

import numpy as np
import pytest
from PIL import Image

from core.data.images.near_duplicates import (
    Comparer,
    connected_components,
    embedding_pairs,
    hash_pairs,
    near_duplicate_groups,
    parse_hashes,
)
from core.data.images.quality import image_hashes


def picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (14, 14, 3), dtype="uint8"))
    return np.asarray(small.resize((96, 96), Image.Resampling.BICUBIC))


def test_hash_pairs_are_all_pairs_within_the_distance():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 2**8, 3000, dtype="uint64")
    other = rng.integers(0, 2**8, 3000, dtype="uint64")
    found = set(map(tuple, hash_pairs(few, other, 0).tolist()))
    equal = (few[:, None] == few) | (few[:, None] == other)
    assert found == {(int(i), int(j)) for i, j in np.argwhere(np.triu(equal, 1))}


@pytest.mark.parametrize("crop", [(0, 0, 91, 91), (5, 5, 91, 91), (2, 0, 94, 90)])
@pytest.mark.parametrize("mirror", [False, True])
def test_cropped_and_mirrored_copies_are_alike_and_others_are_not(crop, mirror):
    copy = np.asarray(Image.fromarray(picture(0)).crop(crop))
    images = [picture(0), copy[:, ::-1] if mirror else copy, picture(1), np.zeros_like(copy)]
    comparer = Comparer(lambda i: np.ascontiguousarray(images[i]))
    assert comparer.likeness(0, 1) == comparer.likeness(1, 0) > 0.97
    assert comparer.likeness(0, 2) < 0.8
    assert comparer.likeness(0, 3) == 0


def test_groups_hold_copies_and_nothing_else():
    images = [picture(seed) for seed in range(30)]
    images += [images[3], np.ascontiguousarray(images[4][:, ::-1]), images[3]]
    plain, mirrored = (parse_hashes([image_hashes(image)[k] for image in images]) for k in (0, 1))
    copies = np.array([*range(30), 3, 31, 3])
    found = near_duplicate_groups(copies, plain, mirrored, lambda i: images[i])
    assert len(set(found.tolist())) == 30
    assert found[3] == found[30] == found[32]
    assert found[4] == found[31]


def test_whoever_shares_a_partner_is_in_one_group():
    assert connected_components(6, [(0, 3), (5, 3), (1, 2)]).tolist() == [0, 1, 1, 0, 2, 0]


def test_embedding_pairs_are_neighbours_above_the_limit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 8)).astype("float32")
    x[49] = x[0] + 0.01
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert embedding_pairs(x, 0.999).tolist() == [[0, 49]]
    assert embedding_pairs(x[:1], 0.5).tolist() == []
