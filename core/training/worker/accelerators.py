"""Training on several GPUs at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def distribute_batches(n: int, devices: Sequence[str] | None = None) -> Iterator[None]:
    """Networks that are built and fitted within divide each batch among `n` GPUs; with one, nothing changes.

    Every device holds all weights, and gradients are averaged over them at each step: the result is that of one
    device with the same batch, to rounding. By TensorFlow's own strategy, because `keras.distribution` is a
    prototype on TensorFlow. `predict_on_batch` is the exception: there each device computes the whole batch.

    Args:
        devices: which to use, in TensorFlow's names; all GPUs that this process sees unless given.
    """
    if n < 2:
        yield
        return
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(devices).scope():
        yield
