"""The map keeps who is next to whom, and equal embeddings give equal maps."""

import numpy as np
import pytest

from core.data.images.map import MOST_FOR_TSNE, load_map, map_coordinates, save_map
from core.data.importing import import_data
from core.data.versions import load_samples
from core.schemas import DataRef


def clusters(n: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return (rng.normal(size=(3, 40)) * 3)[labels] + rng.normal(size=(n, 40)), labels


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_images_of_one_kind_lie_together(method):
    x, labels = clusters()
    table = map_coordinates(x, [str(i) for i in range(len(x))])
    plane = table[[f"{method}_x", f"{method}_y"]].to_numpy()
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95


def test_equal_embeddings_give_equal_maps():
    x, _ = clusters()
    ids = [str(i) for i in range(len(x))]
    assert map_coordinates(x, ids).equals(map_coordinates(x.copy(), ids))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_handful_of_images_has_main_directions_alone(n):
    table = map_coordinates(clusters()[0][:n], [str(i) for i in range(n)])
    assert table[["pca_x", "pca_y"]].notna().all(axis=None)
    assert table[["tsne_x", "tsne_y"]].isna().all(axis=None)


def test_very_many_images_have_main_directions_alone():
    n = MOST_FOR_TSNE + 1
    table = map_coordinates(np.random.default_rng(0).normal(size=(n, 3)), [str(i) for i in range(n)])
    assert table["tsne_x"].isna().all()


def test_a_map_is_kept_with_its_version(workspace, make_zip, two_classes):
    version = import_data(make_zip(two_classes)).version
    assert load_map(version) is None
    ids = load_samples(DataRef(dataset=version.dataset))["id"].tolist()
    table = map_coordinates(np.random.default_rng(0).normal(size=(len(ids), 8)), ids)
    save_map(version, table)
    assert load_map(version).equals(table)
