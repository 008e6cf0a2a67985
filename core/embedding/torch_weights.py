"""Reads PyTorch weight files without PyTorch and without executing code from the file.

The files are in PyTorch's legacy format: five pickles one after the other (magic number, protocol, system facts,
the state dict with its tensors as references, the storage keys), then every storage as a 64-bit element count and
raw little-endian values.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
# A broken pickle can raise any of these.
_BROKEN = (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError)


@dataclass(frozen=True)
class _Storage:
    """A block of numbers stored later in the file."""

    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class _Tensor:
    """A strided view on a storage, in elements; checked to stay within it."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.stride) or any(n < 0 for n in (self.offset, *self.shape, *self.stride)):
            raise pickle.UnpicklingError("a tensor has an impossible shape")
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if 0 not in self.shape and last >= self.storage.size:
            raise pickle.UnpicklingError("a tensor reaches beyond its storage")

    def view(self, values: np.ndarray) -> np.ndarray:
        step = values.itemsize
        return np.lib.stride_tricks.as_strided(
            values[self.offset :], self.shape, [step * n for n in self.stride], writeable=False
        )


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    """Resolves only the names in `_ALLOWED`, so that a pickle can build the state dict and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}") from None

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _device, size, view = reference
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise pickle.UnpicklingError("it holds an unknown reference")
        return _Storage(str(key), dtype, int(size))


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read a legacy `.pth` state dict: tensor name → array, in PyTorch's own layout, bit for bit.

    Raises `WeightsError` for any other format, for a truncated file, and for a pickle that names anything but
    tensors.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise _unreadable(path, "it is in PyTorch's zip format, the legacy format is expected")
        file.seek(0)
        try:
            return _read(file)
        except _BROKEN as error:
            raise _unreadable(path, str(error) or type(error).__name__) from error


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    magic, protocol, _system, state, keys = (_Unpickler(file).load() for _ in range(5))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise pickle.UnpicklingError("it is not a PyTorch file")
    tensors = {name: value for name, value in state.items() if isinstance(value, _Tensor)}
    if len(tensors) != len(state):
        raise pickle.UnpicklingError("the state dict holds more than tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    values: dict[str, np.ndarray] = {}
    for key in keys:
        storage = storages[key]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise pickle.UnpicklingError("a storage has another size than its tensors say")
        values[key] = np.frombuffer(file.read(storage.size * storage.dtype.itemsize), storage.dtype, storage.size)
    return {name: tensor.view(values[tensor.storage.key]) for name, tensor in tensors.items()}


def _unreadable(path: Path, why: str) -> WeightsError:
    return WeightsError(f"The weights file {path} cannot be read: {why}.", "Reinstall the package that it came with.")
