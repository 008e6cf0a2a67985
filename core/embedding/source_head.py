"""Probabilities of a backbone's pretraining classes, by the head in its weights file."""

import numpy as np

from core.embedding.torch_weights import read_weights
from core.methods.backbone import Backbone, weights_path


def source_probabilities(backbone: Backbone, embeddings: np.ndarray) -> np.ndarray | None:
    """Probabilities of the pretraining classes, `(n, z)`, from embeddings `(n, d)`; None if the file has no head.

    Only EfficientNet-Lite's files have one, for ImageNet's 1,000 classes. `WeightsError` if they are missing.
    """
    if backbone.family != "efficientnet_lite":
        return None
    from scipy.special import softmax

    tensors = read_weights(weights_path(backbone))
    return np.asarray(softmax(embeddings @ tensors["_fc.weight"].T + tensors["_fc.bias"], axis=1))
