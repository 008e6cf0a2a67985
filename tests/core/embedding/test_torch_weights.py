import os
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.embedding.torch_weights import read_weights
from core.errors import WeightsError
from core.methods.backbone import weights_path
from core.methods.pretrained import BACKBONES


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Stand-ins that pickle under the names PyTorch uses."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2() -> None: ...

    class FloatStorage: ...

    for module, item in ((utils, _rebuild_tensor_v2), (torch, FloatStorage)):
        item.__module__, item.__qualname__ = module.__name__, item.__name__
        setattr(module, item.__name__, item)
    torch._utils = utils  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return types.SimpleNamespace(rebuild=_rebuild_tensor_v2, storage=FloatStorage)


def write_legacy(path: Path, state: object, keys: list[str], storages: list[np.ndarray]) -> None:
    class Pickler(pickle.Pickler):
        def persistent_id(self, item: object) -> object:
            return tuple(item.reference) if isinstance(item, types.SimpleNamespace) else None

    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {}, state, keys):
            Pickler(file, 2).dump(part)
        for storage in storages:
            file.write(struct.pack("<q", storage.size) + storage.tobytes())


def tensor(
    names: types.SimpleNamespace, size: int, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> Call:
    reference = types.SimpleNamespace(reference=("storage", names.storage, "7", "cpu", size, None))
    return Call(names.rebuild, reference, offset, shape, stride, False, OrderedDict())


def test_tensors_are_read_bit_for_bit_with_their_strides(tmp_path: Path, torch_names: types.SimpleNamespace) -> None:
    values = np.random.default_rng(0).normal(size=12).astype("<f4")
    path = tmp_path / "w.pth"
    turned = tensor(torch_names, 12, 0, (4, 3), (1, 4))
    tail = tensor(torch_names, 12, 10, (2,), (1,))
    write_legacy(path, OrderedDict(turned=turned, tail=tail), ["7"], [values])
    read = read_weights(path)
    np.testing.assert_array_equal(read["turned"], values.reshape(3, 4).T)
    np.testing.assert_array_equal(read["tail"], values[10:])


@pytest.mark.parametrize(("offset", "shape", "stride"), [(1, (12,), (1,)), (0, (4, 3), (1, 5)), (0, (2,), (-1,))])
def test_a_tensor_beyond_its_storage_is_refused(
    tmp_path: Path,
    torch_names: types.SimpleNamespace,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
) -> None:
    path = tmp_path / "w.pth"
    state = OrderedDict(a=tensor(torch_names, 12, offset, shape, stride))
    write_legacy(path, state, ["7"], [np.zeros(12, "<f4")])
    with pytest.raises(WeightsError, match=str(path)):
        read_weights(path)


@pytest.mark.parametrize("function", [os.system, eval, getattr])
def test_a_pickle_that_calls_anything_else_is_refused_and_nothing_runs(tmp_path: Path, function: Any) -> None:
    path, witness = tmp_path / "w.pth", tmp_path / "witness"
    arguments = {os.system: (f"touch {witness}",), eval: (f"open({str(witness)!r}, 'w')",), getattr: ("a", "upper")}
    write_legacy(path, OrderedDict(a=Call(function, *arguments[function])), [], [])
    with pytest.raises(WeightsError, match="asks for"):
        read_weights(path)
    assert not witness.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rest", b"not a pickle at all", pickle.dumps(1)])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=str(path)):
        read_weights(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(weights_path(BACKBONES["efficientnet_lite0"]).read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=str(path)):
        read_weights(path)
