"""A training step through Lite0's last five blocks, with batch normalisation as it is and folded, in turns.

    python -m benchmarks.folding [--rounds 4]

224 px, batches of 32, ten classes, Adam; then what predicting takes an image in batches of several sizes.
"""

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.embedding.embeddings import limit_threads

if TYPE_CHECKING:
    import keras

UNFREEZE, BATCH, CLASSES, STEPS = 5, 32, 10, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    rounds = parser.parse_args().rounds
    limit_threads()
    from core.models.folding import fold_batch_norm

    models = {name: tail(change) for name, change in (("plain", lambda part: part), ("folded", fold_batch_norm))}
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, *models["plain"].input_shape[1:])).astype("float32")
    y = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, BATCH)]
    for _ in range(rounds):
        took = {name: fastest(lambda m=model: m.train_on_batch(x[:BATCH], y)) for name, model in models.items()}
        print(
            f"plain {1e3 * took['plain']:.0f} ms, folded {1e3 * took['folded']:.0f} ms,"
            f" {took['folded'] / took['plain']:.2f} of the time",
            flush=True,
        )
    for size in (8, 32, 128):
        seconds = fastest(lambda n=size: models["folded"].predict(x, batch_size=n, verbose=0), times=3)
        print(f"predicting in batches of {size}: {1e3 * seconds / len(x):.1f} ms an image", flush=True)


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
