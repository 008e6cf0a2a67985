"""A training step through Lite0's last five blocks, with batch normalisation as it is and folded, in turns.

    python -m benchmarks.folding [--rounds 4]

224 px, batches of 32, ten classes, Adam; then what predicting takes an image in batches of several sizes.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import Benchmark, Rounds, in_turns
from core.embedding.embeddings import limit_threads

if TYPE_CHECKING:
    import keras

BENCHMARK = Benchmark(
    name="folding",
    what=(
        "a training step through the last five blocks of Lite0 (batch 32, 224 px), batch normalisation "
        "folded into the convolutions"
    ),
    opponent="the same step with batch normalisation as it is",
    unit="ms",
    minutes=3,
)

UNFREEZE, BATCH, CLASSES, STEPS = 5, 32, 10, 8


def main() -> Rounds:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    rounds = parser.parse_args().rounds
    limit_threads()
    from core.models.folding import fold_batch_norm

    models = {"plain": tail(lambda part: part), "folded": tail(fold_batch_norm)}
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, *models["plain"].input_shape[1:])).astype("float32")
    y = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, BATCH)]

    def milliseconds(name: str) -> float:
        return 1e3 * fastest(lambda: models[name].train_on_batch(x[:BATCH], y))

    found = in_turns(BENCHMARK, lambda: milliseconds("folded"), lambda: milliseconds("plain"), rounds)
    for size in (8, 32, 128):
        seconds = fastest(partial(models["folded"].predict, x, batch_size=size, verbose=0), times=3)
        print(f"predicting in batches of {size}: {1e3 * seconds / len(x):.1f} ms an image", flush=True)
    return found


def tail(change: Callable[[Any], Any]) -> "keras.Model":
    """The last blocks under a head, compiled for training, as `change` leaves them."""
    import keras

    from core.methods.backbones import get_backbone
    from core.models.heads import linear_head
    from core.models.networks import build_backbone, freeze_batch_norm, network_blocks, split_network

    backbone = get_backbone("efficientnet_lite0")
    network = build_backbone(backbone)
    parts = network_blocks(network)
    _, part = split_network(network, parts[len(parts) - 1 - UNFREEZE].name)
    freeze_batch_norm(network)
    head = linear_head(backbone.features, CLASSES)
    model = keras.Sequential([keras.Input(part.input_shape[1:]), change(part), head])
    model.compile(keras.optimizers.Adam(1e-5), "categorical_crossentropy")
    return model


def fastest(step: Callable[[], Any], times: int = STEPS) -> float:
    """Seconds of the fastest of some steps; the first one, which builds the graph, is not counted."""
    step()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begun)
    return min(taken)


if __name__ == "__main__":
    main()
