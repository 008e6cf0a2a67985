"""Commands on this installation: its backbones, its state, its server."""

import argparse
import os
import shutil
import socket
import subprocess
import sys

from core.commands.document import Document
from core.errors import GraftError, InputError


def backbones(args: argparse.Namespace) -> Document:
    """The backbones there are and whether their weights are here, runs that can be a source among them."""
    from core.methods import backbones as own
    from core.methods.backbone import weights_state
    from core.methods.backbones import get_backbone
    from core.methods.pretrained import BACKBONES
    from core.models import downloads

    if args.fetch:
        downloads.download_weights(get_backbone(args.fetch))
    facts = ("name", "title", "input_size", "parameters", "features", "top1", "licence", "chain")
    available = [*BACKBONES.values(), *own.own_backbones()]
    return {"backbones": [{f: getattr(b, f) for f in facts} | {"weights": weights_state(b)} for b in available]}


def prepare(_: argparse.Namespace) -> Document:
    """Convert the shipped backbones, so that probes and predictions run without Keras; done once."""
    from core.embedding.embeddings import limit_threads
    from core.embedding.engines import runs_in_openvino
    from core.embedding.prepared import prepare_shipped, shipped_networks

    limit_threads()
    if hasattr(os, "nice"):
        os.nice(10)  # whoever is at work meanwhile shall not notice
    if not runs_in_openvino():
        return {"prepared": []}
    prepare_shipped()
    return {"prepared": list(dict.fromkeys(backbone.name for backbone, _ in shipped_networks()))}


def doctor(_: argparse.Namespace) -> Document:
    """Versions, accelerators, free disk, and what is missing with how to get it."""
    from core.jobs import backends, devices
    from core.methods.backbone import weights_path
    from core.methods.pretrained import BACKBONES
    from core.settings import get_settings
    from core.training.worker.environment import environment

    home = get_settings().home
    home.mkdir(parents=True, exist_ok=True)
    missing = []
    for backbone in (b for b in BACKBONES.values() if b.package):
        try:
            weights_path(backbone)
        except GraftError as error:
            missing.append({"what": backbone.title, "why": error.message, "remedy": error.hint})
    trouble = devices.driver_report()[1]
    if trouble:
        remedy = "Reinstall the driver, or continue without: Graft trains on the CPU."
        missing.append({"what": "NVIDIA driver", "why": trouble, "remedy": remedy})
    cluster = "none: runs train on this machine"
    if get_settings().ray_address:
        try:
            room = backends.current_backend().capacity()
            cluster = f"Ray: {room.slots} places on CPUs, {len(room.gpus)} GPUs"
        except GraftError as error:
            cluster = "Ray: out of reach"
            missing.append({"what": "Ray cluster", "why": error.message, "remedy": error.hint})
    if shutil.which("chromium") is None:
        missing.append(
            {
                "what": "Chromium",
                "why": "Only the browser tests need it.",
                "remedy": "Run `apt-get install chromium`.",
            }
        )
    disk = shutil.disk_usage(home)
    versions = environment()
    accelerators = [f"GPU {gpu.index}: {gpu.name}" for gpu in devices.gpus()] or ["none: Graft trains on the CPU"]
    return {
        **versions,
        "home": str(home),
        "accelerators": accelerators,
        "cluster": cluster,
        "free_disk_gb": round(disk.free / 2**30, 1),
        "missing": missing,
    }


def serve(args: argparse.Namespace) -> Document:
    """Start the dashboard; the address is printed."""
    with socket.socket() as probe:
        if os.name == "posix":  # on Windows it would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((args.address, args.port))
        except OSError as error:
            raise InputError(
                f"Port {args.port} at {args.address} cannot be used: {error.strerror or error}.",
                f"Graft may be running there already; otherwise choose another port, with `--port {args.port + 1}` or"
                f" `make run PORT={args.port + 1}`.",
            ) from error
    from core.settings import ROOT, get_settings

    options = ["--server.port", str(args.port), "--server.address", args.address]
    os.chdir(ROOT)
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options]
    if get_settings().warm_minutes:
        _prepare_in_background()
    if os.name == "posix":
        os.execv(sys.executable, command)
    return {"exit_code": subprocess.call(command)}  # Windows has no exec: this process stays as the server's parent


def _prepare_in_background() -> None:
    """Start `prepare`, before the first page is asked for."""
    command = [sys.executable, "-m", "core", "prepare"]
    if os.name == "posix":  # by a shell that ends at once: the server, which this process becomes, waits for no child
        subprocess.run(["/bin/sh", "-c", '"$@" < /dev/null > /dev/null 2>&1 &', "sh", *command], check=False)
    else:
        quiet = subprocess.DEVNULL
        subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
