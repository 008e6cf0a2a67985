"""The process that trains one run: `python -m core.training.worker RUN_ID`, or `--warm=PROCESS` to wait for one.

It owns its run from `starting` to the end, writes everything to the run's folder, and starts the next queued run
before it exits. Whatever happens, the run ends in a final state with a reason.
"""

import importlib.util
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from core.cancellation import Cancelled, cancel_on_terminate
from core.data.image_reading.reading import load_image_reading, load_rendering, save_image_reading
from core.jobs import cluster, devices, local, queue, warm, webhook
from core.jobs.failures import diagnose
from core.methods.strategies import trains_network
from core.schemas import ACTIVE, DataRef, Event, Failure, ResolvedSpec, RunRecord, RunState, now
from core.store import files, runs
from core.store.dataset_folder import DatasetFolder
from core.store.datasets import get_dataset, get_version
from core.training.recorder import Recorder
from core.training.worker.environment import environment

if TYPE_CHECKING:
    from core.training.result import Result

log = logging.getLogger("graft.worker")

RESERVE, RESERVED = "reserve", 2**20  # bytes: the record, some events and the database's journal


def execute_run(run_id: str) -> None:
    """Train the run and set its final state; does nothing if the run no longer waits for a worker."""
    cancel_on_terminate()
    pid = os.getpid()
    run = runs.update_run(
        run_id,
        expect=["starting"],
        state="running",
        pid=pid,
        pid_created=local.creation_time(pid),
        job=os.environ.get(cluster.JOB, ""),
        environment=environment(),
    )
    if run is None:
        return
    if not (run.job and devices.gpu_indices(run.device)):  # Ray itself assigns GPUs to its jobs
        devices.confine_to_device(run.device)
    reserve_disk(run_id)
    recorder = Recorder(run_id)
    recorder.seconds["start"] = round(max(0.0, (now() - (run.started or run.created)).total_seconds()), 3)
    try:
        metrics = _train(run, recorder)
    except Cancelled:
        _end(run_id, recorder, "cancelled")
    except Exception as error:  # the process ends here, so every error must be recorded
        log.exception("the run failed")
        _end(run_id, recorder, "failed", diagnose(error))
    else:
        _end(run_id, recorder, "succeeded", metrics=metrics)


def reserve_disk(run_id: str) -> None:
    """Reserve some disk space, so that a run that fills the disk can still record its failure."""
    with suppress(OSError), (runs.run_folder(run_id) / RESERVE).open("wb") as file:
        file.write(os.urandom(RESERVED))


def _train(run: RunRecord, recorder: Recorder) -> dict[str, float]:
    recorder.phase("loading libraries")
    with recorder.timed("import"):
        from core.embedding.embeddings import limit_threads

        limit_threads()
        from core.training.result import describe_result, headline_metrics
        from core.training.worker.accelerators import distribute_batches

        if trains_network(run.spec):
            make_deterministic(run.spec.seed)
        task = _task(run.spec)
    with distribute_batches(len(devices.gpu_indices(run.device))):
        result = task(run, recorder)
    folder = runs.run_folder(run.id)
    recorder.phase("evaluating")
    with recorder.timed("evaluate"):
        metrics = headline_metrics(result)
        warning = describe_result(result)
        if warning:
            recorder.note(warning)
        for name, table in (result.tables | {"predictions": result.predictions}).items():
            files.write_parquet(folder / f"{name}.parquet", table)
    recorder.phase("saving")
    with recorder.timed("save"):
        figures = {"classes": result.classes, "headline": metrics, "facts": result.facts}
        files.write_json(folder / "metrics.json", figures | {"decisions": recorder.decisions})
        if result.save is not None:
            result.save(folder)
        _keep_reading(run, folder)
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return metrics


def _keep_reading(run: RunRecord, folder: Path) -> None:
    """Copy how the data were read, so that the run predicts alike where its dataset is gone."""
    version = get_version(DataRef(dataset=run.dataset, version=run.version))
    dataset = DatasetFolder.of(version.dataset)
    reading = dataset.reading(version.imports[0])
    if get_dataset(version.dataset).kind == "image":
        rendering = load_rendering([dataset.imported(number) for number in version.imports])
        first = load_image_reading(reading.parent)
        save_image_reading(folder, first.model_copy(update={"rendering": rendering}))
    elif reading.exists():
        shutil.copyfile(reading, folder / reading.name)


def _task(spec: ResolvedSpec) -> Callable[[RunRecord, Recorder], "Result"]:
    """What trains the run; only what it needs is imported."""
    name = "ensembles.combining:combine_runs"
    if not spec.members:
        name = "images.task:train_images" if spec.backbone else "tables.task:train_table"
    task: Callable[[RunRecord, Recorder], Result] = resolve_name(f"core.training.{name}")
    return task


def make_deterministic(seed: int) -> None:
    """Seed Keras and enable deterministic operations in TensorFlow: equal seeds give equal runs, resumed or not."""
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _end(
    run_id: str,
    recorder: Recorder,
    state: RunState,
    failure: Failure | None = None,
    metrics: dict[str, float] | None = None,
) -> None:
    (runs.run_folder(run_id) / RESERVE).unlink(missing_ok=True)
    changed = runs.update_run(
        run_id,
        expect=ACTIVE,
        state=state,
        phase="",
        failure=failure,
        metrics=metrics or {},
        seconds=recorder.seconds,
        notes=tuple(recorder.notes),
        finished=now(),
    )
    if changed:
        runs.append_event(run_id, Event(phase=state))


def wait_for_work(wanted_by: str) -> str | None:
    """Import the libraries, fit a tiny network, and wait for a run; returns the run's id.

    With GPUs nothing is fitted: a process must know its GPUs before it uses any.
    """
    from core.embedding.embeddings import limit_threads

    limit_threads()
    import keras
    import numpy as np

    importlib.import_module("core.training.images.task")
    importlib.import_module("core.training.tables.task")
    if importlib.util.find_spec("openvino"):
        importlib.import_module("openvino")
    if not devices.gpus():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(loss="categorical_crossentropy", optimizer="adam")
        model.fit(np.zeros((4, 4), "float32"), np.eye(2, dtype="float32")[[0, 1, 0, 1]], verbose=0)
        keras.backend.clear_session()
    return warm.wait_for_run(wanted_by)


def _redirect_output(run_id: str) -> None:
    """Redirect a waiting worker's output to the run's log."""
    with (runs.run_folder(run_id) / "log.txt").open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def main(wanted: str) -> None:
    """Train the run `wanted`, or with `--warm=PROCESS` wait for a run and train it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    logging.Formatter.converter = time.gmtime
    if wanted.startswith("--warm="):
        handed = wait_for_work(wanted.removeprefix("--warm="))
        if handed is None:
            return
        _redirect_output(handed)
        wanted = handed
    execute_run(wanted)
    queue.dispatch()
    webhook.send_webhook(wanted)  # last, so that no other run waits for a slow receiver
