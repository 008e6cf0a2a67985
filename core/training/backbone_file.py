"""Task `backbone`: imports a network from a file, checks it, adds its scaling and stores it as a backbone."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError, WeightsError
from core.methods import backbones as own
from core.methods.backbone import Backbone
from core.methods.pretrained import BACKBONES

Progress = Callable[[int, int, str], None]


def import_backbone_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, str]:
    """`params`: `path` of the file, what it is `called`, `scaling` of pixels, `architecture` of weights alone."""
    made = import_backbone(
        Path(params["path"]),
        params["called"],
        scaling=params.get("scaling", "inside"),
        architecture=params.get("architecture"),
        work=folder,
        progress=progress,
    )
    return {"backbone": made.name}


def import_backbone(
    path: Path,
    title: str,
    *,
    work: Path,
    scaling: Any = "inside",
    architecture: str | None = None,
    progress: Progress = lambda *_: None,
) -> Backbone:
    """Import the network in `path`, a `.keras` file, or weights (`.weights.h5`) of a known architecture.

    Args:
        path: the file; it is read without executing code from it.
        title: the backbone's title.
        work: a folder for temporary files.
        scaling: how the network expects pixels, as in `Backbone.scaling`; weights use the architecture's.
        architecture: name of the backbone that weights belong to.

    Raises:
        WeightsError: the file is no such network or contains code. InputError: it cannot serve as a backbone.
    """
    from core.models import own_networks

    progress(0, 3, "reading the network")
    base: Backbone | None = None
    if path.name.endswith(".h5"):
        base = BACKBONES.get(architecture or "")
        if base is None:
            raise InputError(f"“{path.name}” holds weights alone.", "Choose the architecture that they belong to.")
        model = _with_weights(base, path)
    else:
        model = own_networks.as_backbone(own_networks.read_network(path), scaling)
    progress(1, 3, "trying it")
    size = model.input_shape[1]
    seen = model.predict_on_batch(np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype("float32"))
    if not np.isfinite(seen).all():
        raise WeightsError(
            f"“{path.name}” outputs values that are no numbers.", "Check its weights and its scaling of pixels."
        )
    progress(2, 3, "keeping it")
    network = work / own.NETWORK
    model.save(network)
    with network.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    backbone = Backbone(
        name=own.free_backbone_name(title),
        title=title.strip(),
        family="own",
        input_size=size,
        only_size=not own_networks.accepts_size(model, size + 32),
        parameters=model.count_params(),
        multiply_adds=own_networks.multiply_adds(model),
        features=int(seen.shape[1]),
        licence="your own",
        weights_file=own.NETWORK,
        digest=digest,
        source=path.name,
        chain=((base.title,) if base else ()) + (title.strip(),),
    )
    own.save_backbone(backbone, network)
    progress(3, 3, "kept")
    return backbone


def _with_weights(base: Backbone, path: Path) -> Any:
    """The architecture of `base` with the weights of a `.weights.h5` file made by `model.save_weights`."""
    from core.models import networks

    model = networks.build_backbone(base, weights=False)
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise WeightsError(
            f"“{path.name}” does not fit {base.title}.", "Choose the architecture that the weights were saved from."
        ) from error
    return model
