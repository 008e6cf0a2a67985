"""Weights are downloaded once, checked, and never half there."""

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.__main__ import main
from core.errors import InputError, WeightsError
from core.methods.backbone import Backbone, find_weights
from core.methods.pretrained import BACKBONES
from core.models.downloads import download_weights

CONTENT = bytes(range(256)) * 12_000  # 3 MB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "net.h5").write_bytes(CONTENT)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def backbone(url: str, digest: str = "") -> Backbone:
    changes = {"url": url, "weights_file": "net.h5", "digest": digest or hashlib.md5(CONTENT).hexdigest()}
    return BACKBONES["vgg16"].model_copy(update=changes)


def test_a_file_comes_with_progress_and_only_once(workspace: Path, server: str) -> None:
    steps: list[tuple[int, int, str]] = []
    wanted = backbone(f"{server}/net.h5")
    path = download_weights(wanted, lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert find_weights(wanted) == path
    assert [done for done, *_ in steps] == sorted(done for done, *_ in steps) and len(steps) > 1
    (path.parent / "again").write_bytes(b"")
    assert download_weights(backbone("http://127.0.0.1:9/none"), lambda *_: pytest.fail("asked again")) == path


def test_what_is_not_what_was_published_is_not_kept(workspace: Path, server: str) -> None:
    wanted = backbone(f"{server}/net.h5", digest="0" * 32)
    with pytest.raises(WeightsError, match="not what was published"):
        download_weights(wanted)
    assert find_weights(wanted) is None
    assert not list((workspace / "weights").glob("*"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/net.h5", "http://no-such-host.invalid/net.h5"])
def test_without_a_network_the_way_by_hand_is_told(workspace: Path, url: str) -> None:
    with pytest.raises(WeightsError, match="could not be downloaded") as error:
        download_weights(backbone(url))
    assert url in error.value.hint and str(workspace / "weights") in error.value.hint


def test_what_comes_as_a_package_is_not_downloaded(workspace: Path) -> None:
    absent = BACKBONES["efficientnet_lite0"].model_copy(update={"package": "no_such_package"})
    with pytest.raises(InputError, match="cannot be downloaded"):
        download_weights(absent)


def test_the_command_lists_backbones_and_says_whose_weights_are_here(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(workspace / "none"))
    assert main(["backbones", "--json"]) == 0
    found = {b["name"]: b["weights"] for b in json.loads(capsys.readouterr().out)["backbones"]}
    assert found["efficientnet_lite0"] == "present" and found["vgg16"] == "missing"
    assert main(["backbones", "--fetch", "no-such-net"]) == 2
