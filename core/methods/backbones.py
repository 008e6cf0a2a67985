"""All backbones by name: published ones, networks of finished runs, and imported networks."""

import re
import shutil
from itertools import islice
from pathlib import Path

from core.errors import InputError, NotFoundError, did_you_mean
from core.methods.backbone import Backbone, find_weights
from core.methods.pretrained import BACKBONES
from core.methods.strategies import STRATEGIES
from core.schemas import RunRecord
from core.settings import get_settings
from core.store import files, runs

RUN, IMPORTED = "run:", "own:"
RECORD, NETWORK = "backbone.json", "model.keras"


def get_backbone(name: str) -> Backbone:
    """The backbone with this name, where `run:RUN` is a run's network. `InputError` if there is none."""
    if name in BACKBONES:
        return BACKBONES[name]
    if is_own(name):
        return get_own(name)
    here = [b for b, backbone in BACKBONES.items() if find_weights(backbone)]
    raise InputError(
        f"There is no backbone “{name}”.",
        did_you_mean(name, BACKBONES, f"Those with installed weights: {', '.join(here)}."),
    )


def is_own(name: str) -> bool:
    return name.startswith((RUN, IMPORTED))


def get_own(name: str) -> Backbone:
    """The backbone `run:RUN` or `own:NAME`. `InputError` if it does not exist or has no network."""
    if name.startswith(RUN):
        return backbone_of_run(runs.get_run(name.removeprefix(RUN)))
    path = backbone_folder(name) / RECORD
    if not path.exists():
        raise NotFoundError(f"There is no backbone “{name}”.", "It may have been deleted; import its file again.")
    found = Backbone.model_validate_json(path.read_text("utf-8"))
    return found.model_copy(update={"weights_file": str(network_path(name))})


def backbone_of_run(run: RunRecord) -> Backbone:
    """A finished run's network as a backbone; its weights stay in the run's folder."""
    path = network_path(f"{RUN}{run.id}")
    if run.state != "succeeded" or not run.spec.backbone or run.spec.members or not path.exists():
        raise InputError(
            f"Run “{run.name}” has no network to start from.",
            "Choose a run on images that succeeded, without folds, that is not an ensemble.",
        )
    base = base_backbone(run)
    if not _embeds(run):
        raise InputError(
            f"“{run.name}” changed nothing in {base.title}, and its head looks into all layers.",
            f"Start from {base.title} itself.",
        )
    return base.model_copy(
        update={
            "name": f"{RUN}{run.id}",
            "title": run.name,
            "family": "own",
            "input_size": run.spec.image_size,
            "multiply_adds": base.multiply_adds * (run.spec.image_size / base.input_size) ** 2,
            "top1": None,
            "weights_file": str(path),
            "digest": "",
            "package": "",
            "url": "",
            "chain": (*(base.chain or (base.title,)), run.name),
        }
    )


def base_backbone(run: RunRecord) -> Backbone:
    """The backbone that a run on images was trained from, as recorded then: it may have been deleted since."""
    path = runs.run_folder(run.id) / RECORD
    if path.exists():
        return Backbone.model_validate_json(path.read_text("utf-8"))
    return get_backbone(run.spec.backbone)


def backbone_title(name: str) -> str:
    """A backbone's name on screen, even if it has been deleted since."""
    if name in BACKBONES:
        return BACKBONES[name].title
    try:
        return get_backbone(name).title
    except InputError:
        return "a run that was deleted" if name.startswith(RUN) else name.removeprefix(IMPORTED)


def imported_backbones() -> list[Backbone]:
    """Networks that were imported from files."""
    return [get_own(f"{IMPORTED}{path.parent.name}") for path in sorted(_imported_folder().glob(f"*/{RECORD}"))]


def own_backbones(limit: int = 50) -> list[Backbone]:
    """Your own backbones: imported networks, then those of the newest runs on images."""
    brought = imported_backbones()
    return brought + [backbone_of_run(run) for run in trained_runs(max(1, limit - len(brought)))]


def trained_runs(limit: int = 50) -> list[RunRecord]:
    """The newest runs on images with a network to start from or to distil."""
    found = (
        run
        for run in runs.list_runs(states=["succeeded"])
        if run.spec.backbone and not run.spec.members and _embeds(run) and network_path(f"{RUN}{run.id}").exists()
    )
    return list(islice(found, limit))


def _embeds(run: RunRecord) -> bool:
    strategy = STRATEGIES.get(run.spec.strategy)  # an ensemble of finished runs has none
    return strategy is None or strategy.embeds


def network_path(name: str) -> Path:
    """Path of the Keras file of `run:RUN` or `own:NAME`."""
    if name.startswith(RUN):
        return runs.run_folder(name.removeprefix(RUN)) / NETWORK
    return backbone_folder(name) / NETWORK


def backbone_folder(name: str) -> Path:
    return _imported_folder() / name.removeprefix(IMPORTED)


def _imported_folder() -> Path:
    return get_settings().home / "backbones"


def free_backbone_name(title: str) -> str:
    """An unused `own:NAME` made from a title. `InputError` if it has no character that a file name can have."""
    stem = re.sub(r"[^\w-]+", "-", title.casefold()).strip("-")[:40]
    if not stem:
        raise InputError(f"“{title}” has no letter or digit in it.", "Give the backbone a name.")
    taken = {f"{IMPORTED}{path.name}" for path in _imported_folder().glob("*")} | set(BACKBONES)
    names = [f"{IMPORTED}{stem}", *(f"{IMPORTED}{stem}-{i}" for i in range(2, 1000))]
    return next(name for name in names if name not in taken)


def save_backbone(backbone: Backbone, network: Path) -> None:
    """Store an imported network with its record."""
    with files.atomic_folder(backbone_folder(backbone.name)) as staged:
        shutil.move(network, staged / NETWORK)
        files.write_text(staged / RECORD, backbone.model_dump_json(indent=1))


def delete_backbone(name: str) -> None:
    """Delete an imported network; runs trained from it keep theirs."""
    if not name.startswith(IMPORTED) or not backbone_folder(name).is_dir():
        raise NotFoundError(f"There is no imported backbone “{name}”.")
    shutil.rmtree(backbone_folder(name))
