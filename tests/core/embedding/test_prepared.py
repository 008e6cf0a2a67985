"""Networks are prepared once, for every size that they take, and again where their files are damaged."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.embedding import prepared
from core.embedding.engines import OpenVINOEngine
from core.methods.pretrained import BACKBONES
from tests.core.embedding.test_embeddings import Pictures

LITE0 = BACKBONES["efficientnet_lite0"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str | None]]:
    """What was prepared, by a stand-in that writes files of a few bytes."""
    calls = []

    def prepare(backbone, size, cut, folder):
        calls.append((size, cut))
        for name in ("model.xml", "model.bin", prepared.CLASSIFIER):
            (folder / name).write_text(f"{name} {size} {cut}")

    monkeypatch.setattr(prepared, "resolve_name", lambda _: prepare)
    return calls


def test_a_network_is_prepared_once_for_all_sizes(workspace, made):
    folders = {prepared.prepared_network(LITE0, size) for size in (96, 224, 128)}
    assert len(folders) == 1 and made == [(LITE0.input_size, None)]
    assert prepared.prepared_network(LITE0, 96, "block_3") not in folders


def test_whoever_asks_while_it_is_being_prepared_waits_and_gets_it(workspace, made, monkeypatch):
    def slow(*given):
        time.sleep(0.2)
        prepare(*given)

    prepare = prepared.resolve_name("")
    monkeypatch.setattr(prepared, "resolve_name", lambda _: slow)
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: prepared.prepared_network(LITE0, 224), range(4)))
    assert len(folders) == 1 and len(made) == 1


def test_the_shipped_backbones_are_prepared_for_heads_the_smallest_first(workspace, made):
    prepared.prepare_shipped()
    prepared.prepare_shipped()
    assert [cut for _, cut in made] == [None] * 3 + [prepared.LAYERS] * 3
    assert all(prepared.is_prepared(LITE0, 96, cut) for cut in (None, prepared.LAYERS))


def test_a_network_whose_padding_depends_on_the_size_is_prepared_for_each(workspace, made):
    other = LITE0.model_copy(update={"family": "other"})
    assert len({prepared.prepared_network(other, size) for size in (96, 224)}) == 2


@pytest.mark.parametrize("name", ["model.xml", "model.bin", prepared.CLASSIFIER, "sha256.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "changed"])
def test_a_damaged_file_is_made_again(workspace, made, name, damage):
    folder = prepared.prepared_network(LITE0, 224)
    path = folder / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:-3] + b"xyz")
    assert not prepared.is_prepared(LITE0, 224)
    prepared.prepared_network(LITE0, 224)
    assert prepared.is_prepared(LITE0, 224) and len(made) == 2


@pytest.mark.training
def test_the_averages_of_all_layers_end_with_the_embedding(workspace):
    from core.models.keras_engine import frozen_model
    from core.models.networks import AVERAGES

    images = Pictures(2)
    engine, whole = OpenVINOEngine(LITE0, 96, prepared.LAYERS), OpenVINOEngine(LITE0, 96)
    averages, embedding = np.empty((2, *engine.shape), "float32"), np.empty((2, *whole.shape), "float32")
    engine.embed_into(images, 96, averages)
    whole.embed_into(images, 96, embedding)
    np.testing.assert_allclose(averages[:, -LITE0.features :], embedding, atol=1e-5)
    taken = frozen_model(LITE0, 96, prepared.LAYERS).get_layer(AVERAGES).input
    counts = {mean._keras_history.operation.input._keras_history.operation.name: mean.shape[-1] for mean in taken}
    assert sum(counts.values()) == averages.shape[1] > 10 * LITE0.features / 2
    assert {"block_0", "block_15", "block_15_depthwise_relu"} <= set(counts)


@pytest.mark.training
@pytest.mark.parametrize(("size", "cut"), [(96, None), (160, "block_9"), (33, None)])
def test_a_network_prepared_at_its_own_size_computes_what_keras_does_at_another(workspace, size, cut):
    from core.models.keras_engine import frozen_model

    images = Pictures(3)
    engine = OpenVINOEngine(LITE0, size, cut)
    found = np.empty((3, *engine.shape), "float32")
    engine.embed_into(images, size, found)
    wanted = frozen_model(LITE0, size, cut).predict_on_batch(images.batch(range(3), size).astype("float32"))
    np.testing.assert_allclose(found, wanted, atol=2e-4 * np.abs(wanted).max())
