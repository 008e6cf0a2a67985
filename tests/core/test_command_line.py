"""The command line: one JSON document or one sentence, and an exit code that says which."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.data.files.samples import SAMPLES
from core.jobs import local
from core.schemas import ACTIVE, DataRef, Failure, ResolvedSpec, RunState, now
from core.store import files, runs
from core.store.datasets import get_dataset, get_version
from tests.support import forking

ROOT = Path(__file__).parents[2]


class Answer:
    """What one command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> dict:
        return json.loads(self.out)


@pytest.fixture
def graft(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command with --json in an empty workspace."""

    def run(*argv: str, json: bool = True) -> Answer:
        capsys.readouterr()
        try:
            code = main([*argv, "--json"] if json else list(argv))
        except SystemExit as exit_:  # argparse ends by itself
            code = int(exit_.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Instead of a worker: a run that is at once in this state, or only starting."""

    def use(state: RunState = "starting", failure: Failure | None = None) -> None:
        def start(run_id: str, on_exit: object) -> tuple[int, float]:
            runs.update_run(run_id, expect=ACTIVE, state=state, failure=failure, finished=now())
            return os.getpid(), local.creation_time(os.getpid())

        monkeypatch.setattr(local, "start_worker", start)

    use()
    return use


def refused(answer: Answer) -> str:
    """The one sentence (and hint) of an error in what the user gave."""
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.count("\n") == 1 and "Traceback" not in answer.err
    return answer.err


def test_samples_are_those_that_ship(graft):
    listed = graft("samples").document["samples"]
    assert {s["name"] for s in listed} == set(SAMPLES)
    assert all(set(s) == {"name", "kind", "n", "licence"} for s in listed)


def test_import_tells_what_came_in(graft, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(20)))
    found = graft("import", str(path), "--target", "kind", "--name", "mine").document
    assert set(found) == {"dataset", "version", "kind", "n", "classes", "skipped", "findings", "reading"}
    assert (found["dataset"], found["kind"], found["n"], found["classes"]) == ("mine", "table", 20, ["a", "b"])


def test_reading_of_images_is_shown_changed_and_applied(graft, tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(("cats/in", "cats/out", "dogs/in", "dogs/out", "test")):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            pixels = np.random.default_rng(10 * number + i).integers(0, 255, (9, 9, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    shown = graft("import", str(folder), "--show-reading").document
    assert (shown["kind"], shown["classes"]) == ("image", {"cats": 8, "dogs": 8, "test": 4})
    assert not graft("import", str(folder), "--show-reading", json=False).out.startswith("kind:"), (
        "it is JSON at once"
    )
    shown["layout"]["class_level"] = 1
    path = tmp_path / "reading.json"
    path.write_text(json.dumps(shown))
    found = graft("import", str(folder), "--reading", str(path), "--rest").document
    assert (found["classes"], found["n"]) == (["in", "out"], 16)
    assert get_version(DataRef(dataset=found["rest"])).n == 4
    assert [one["path"] for one in found["skipped"] if one["unlabelled"]] == [f"test/{i}.png" for i in range(4)]


def test_without_json_the_same_facts_are_lines(graft):
    answer = graft("samples", json=False)
    assert answer.code == 0
    assert all(name in answer.out for name in SAMPLES)
    with pytest.raises(ValueError):  # noqa: PT011
        json.loads(answer.out)


def test_doctor_knows_the_machine(graft, workspace):
    found = graft("doctor").document
    assert found["home"] == str(workspace)
    assert found["libraries"]["keras"] and found["hardware"]["cores"] >= 1 and found["free_disk_gb"] > 0
    assert all({"what", "why", "remedy"} <= set(m) for m in found["missing"])


def test_doctor_says_whether_a_cluster_is_in_use_and_answers(graft, workspace, monkeypatch):
    assert graft("doctor").document["cluster"] == "none: runs train on this machine"
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RAY_ADDRESS", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        found = graft("doctor").document
    assert found["cluster"] == "Ray: out of reach"
    assert next(m["why"] for m in found["missing"] if m["what"] == "Ray cluster").endswith("does not answer.")


def test_doctor_lists_the_gpus_and_says_why_there_is_none(graft, workspace, machine):
    machine(2)
    assert graft("doctor").document["accelerators"] == ["GPU 0: NVIDIA Made-up", "GPU 1: NVIDIA Made-up"]
    machine(2, script="echo 'NVIDIA-SMI has failed'; exit 9")
    found = graft("doctor").document
    assert found["accelerators"] == ["none: Graft trains on the CPU"]
    assert [m["why"] for m in found["missing"] if m["what"] == "NVIDIA driver"] == ["NVIDIA-SMI has failed"]


@pytest.mark.parametrize(
    "argv",
    [
        ["import", "/nowhere/at/all.zip"],
        ["import", "sample:nothing"],
        ["train", "nothing"],
        ["train", "a:b:c"],
        ["train"],
        ["train", "x", "--folds", "two"],
        ["train", "x", "--preset", "heroic"],
        ["evaluate", "nobody"],
        ["compare", "nobody", "noone"],
        ["cancel", "nobody"],
        ["delete", "nobody"],
        ["runs", "--dataset", "nothing"],
        ["dance"],
        [],
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_one_sentence_and_code_two(graft, argv):
    refused(graft(*argv))


@pytest.fixture
def penguins(graft) -> str:
    return graft("import", "sample:penguins").document["dataset"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"epochs": 0}', "epochs"),
        ('{"epoch": 3}', "epoch"),
        ('{"preset": "heroic"}', "preset"),
        ('{"learner": "magic"}', "learner"),
        ('{"strategy": "linear_probe"}', "strategy"),
        (b"\xff\xfe{", "UTF-8"),
        (None, "There is no file"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused_by_name(graft, penguins, tmp_path, spec, said):
    path = tmp_path / "spec.json"
    if spec is not None:
        path.write_bytes(spec if isinstance(spec, bytes) else spec.encode())
    assert said in refused(graft("train", penguins, "--spec", str(path)))
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--folds", "1"], "folds"),
        (["--folds", "21"], "folds"),
        (["--test-size", "1"], "--test-size"),
        (["--test-size", "nan"], "--test-size"),
        (["--test-ids", "/nowhere"], "There is no file"),
        (["--by-time", "hour"], "no column “hour”"),
        (["--by-time", "island"], "neither numbers nor dates"),
        (["--backbone", "efficientnet_lite0"], "backbone"),
        (["--epochs", "0"], "epochs"),
    ],
)
def test_a_flag_that_cannot_be_used_is_refused_by_name(graft, penguins, flags, said):
    assert said in refused(graft("train", penguins, *flags))
    assert runs.list_runs() == []


def test_flags_override_the_spec_and_the_preset_fills_the_rest(graft, penguins, worker, tmp_path):
    path = tmp_path / "spec.json"
    path.write_text('{"data": "elsewhere", "learner": "network", "epochs": 7, "seed": 1}')
    flags = ["--seed", "2", "--batch-size", "5", "--name", "mine"]
    answer = graft("train", penguins, "--spec", str(path), *flags)
    run = runs.get_run(answer.document["run"])
    assert (run.spec.epochs, run.spec.seed, run.spec.batch_size, run.name) == (7, 2, 5, "mine")
    assert run.dataset == penguins
    assert run.spec.learning_rate
    assert answer.document["state"] == "starting"


def test_a_runs_own_spec_trains_it_again(graft, penguins, worker):
    first = runs.get_run(graft("train", penguins, "--seed", "4", "--epochs", "9").document["run"])
    path = runs.run_folder(first.id) / "spec.json"
    again = runs.get_run(graft("train", first.spec.data, "--spec", str(path)).document["run"])
    assert again.spec == first.spec


def test_epochs_are_those_of_the_last_stage(graft, worker):
    data = graft("import", "sample:clipart").document["dataset"]
    for flags, field in (
        ("--strategy from_scratch", "epochs"),
        ("--preset balanced", "fine_tune_epochs"),
        ("--preset balanced --strategy textbook", "epochs"),
        ("--strategy two_stage", "fine_tune_epochs"),
    ):
        run = runs.get_run(graft("train", data, "--epochs", "3", *flags.split()).document["run"])
        assert getattr(run.spec, field) == 3, flags
    assert "“epochs” does not apply" in refused(graft("train", data, "--epochs", "3"))


@pytest.mark.parametrize("preset", ["quick", "balanced", "thorough"])
def test_epochs_of_a_table_are_its_networks(graft, penguins, worker, preset):
    run = runs.get_run(graft("train", penguins, "--epochs", "3", "--preset", preset).document["run"])
    assert run.spec.epochs == 3


def test_a_test_size_makes_a_version_and_the_same_size_the_same_version(graft, penguins, worker):
    made = [
        runs.get_run(graft("train", penguins, "--test-size", size).document["run"]) for size in ("0.4", "0.4", "0.3")
    ]
    assert made[0].version == made[1].version != made[2].version
    version = get_version(DataRef(dataset=penguins, version=made[0].version))
    assert sum(version.counts["test"].values()) / version.n == pytest.approx(0.4, abs=0.02)


def test_a_list_of_test_samples_is_the_test_part(graft, penguins, worker, tmp_path):
    from core.data.versions import load_samples

    names = load_samples(DataRef(dataset=penguins))["path"].iloc[::5].tolist()
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(names) + "\n\n")
    run = runs.get_run(graft("train", penguins, "--test-ids", str(path)).document["run"])
    samples = load_samples(DataRef(dataset=penguins, version=run.version))
    # Duplicates of a listed sample go with it.
    assert set(names) <= set(samples.loc[samples["part"] == "test", "path"])
    path.write_text("nobody\n")
    assert "nobody" in refused(graft("train", penguins, "--test-ids", str(path)))


@pytest.mark.parametrize(("state", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_waiting_tells_by_its_exit_code_how_it_went(graft, penguins, worker, state, code):
    failure = Failure(kind="internal", message="It broke.", hint="Look.") if state == "failed" else None
    worker(state, failure)
    answer = graft("train", penguins, "--wait")
    assert answer.code == code
    assert answer.document["state"] == state
    assert ("failure" in answer.document) == (state == "failed")
    assert "exit_code" not in answer.document


def test_runs_are_listed_with_their_place_in_the_queue(graft, penguins, worker):
    ids = [graft("train", penguins, "--seed", str(seed)).document["run"] for seed in range(3)]
    listed = graft("runs", "--dataset", penguins).document["runs"]
    assert [r["run"] for r in listed] == ids[::-1]
    assert [r["place"] for r in listed] == [2, 1, None]
    wanted = {
        "run",
        "dataset",
        "state",
        "place",
        "epoch",
        "epochs",
        "strategy",
        "backbone",
        "pid",
        "failure",
        "metrics",
    }
    assert all(wanted <= set(r) for r in listed)


def test_cancel_takes_a_run_out_of_the_queue_once(graft, penguins, worker):
    for seed in range(2):
        last = graft("train", penguins, "--seed", str(seed)).document["run"]
    assert graft("cancel", last).document == {"run": last, "state": "cancelled"}
    assert "nothing to cancel" in refused(graft("cancel", last))


def test_delete_takes_a_run_or_a_dataset_and_never_guesses(graft, penguins, worker):
    worker("succeeded")
    run = graft("train", penguins, "--name", "Penguins").document["run"]
    graft("train", penguins, "--name", penguins)
    assert get_dataset(penguins).name == "Penguins" != penguins
    assert f"{run}, the dataset {penguins}" in refused(graft("delete", "Penguins"))
    assert graft("delete", run).document == {"deleted": run, "kind": "run", "restorable": True}
    assert [one["name"] for one in graft("runs").document["runs"]] == [penguins]
    assert graft("restore", run).document == {"run": run}
    assert refused(graft("restore", run))
    assert graft("delete", run, "--for-good").document["restorable"] is False
    assert refused(graft("restore", run))
    assert graft("delete", penguins).document == {"deleted": penguins, "kind": "dataset"}
    assert graft("delete", penguins, "--for-good").document["kind"] == "run"
    assert refused(graft("delete", penguins))


def test_a_run_at_work_is_not_deleted(graft, penguins, worker):
    run = graft("train", penguins).document["run"]
    assert "still at work" in refused(graft("delete", run))
    assert runs.get_run(run).active


def test_a_run_without_predictions_cannot_be_evaluated(graft, penguins, worker):
    run = graft("train", penguins).document["run"]
    assert "no predictions" in refused(graft("evaluate", run))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A workspace in which the shell itself has imported the penguins and trained on them twice."""
    home = tmp_path_factory.mktemp("home")
    said = [shell(home, "import", "sample:penguins").document]
    for learner in ("logistic_regression", "network"):
        flags = ["--learner", learner, "--wait", *(["--epochs", "5"] if learner == "network" else [])]
        said.append(shell(home, "train", said[0]["dataset"], *flags).document)
    return home, said


def shell(home: Path, *argv: str) -> Answer:
    done = forking.graft(*argv, "--json", GRAFT_HOME=str(home), GRAFT_THREADS="2")
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.training
def test_a_shell_trains_and_evaluates(real, monkeypatch):
    home, (_, run, _) = real
    assert run["state"] == "succeeded"
    assert {"start", "import", "embed", "fit", "evaluate", "save"} <= set(run["seconds"])
    scores = shell(home, "evaluate", run["run"]).document
    assert {"accuracy", "macro_f1", "per_class", "confusion", "ci", "ece", "n_test"} <= set(scores)
    assert scores["accuracy"] == pytest.approx(run["metrics"]["accuracy"])
    monkeypatch.setenv("GRAFT_HOME", str(home))
    rows = runs.read_predictions(run["run"]).query("part == 'test'")
    assert scores["n_test"] == len(rows) == sum(map(sum, scores["confusion"]))


@pytest.mark.training
def test_a_shell_compares_what_was_judged_on_the_same_samples(real):
    home, (_, a, b) = real
    answer = shell(home, "compare", a["run"], b["run"])
    assert answer.code == 0
    pairs = answer.document["pairs"]
    assert {p["metric"] for p in pairs} == {"accuracy", "macro_f1"}
    assert all((p["a"], p["b"]) == (a["run"], b["run"]) for p in pairs)
    assert "learner" in answer.document["settings"]


@pytest.mark.training
def test_runs_judged_on_other_samples_are_not_compared(real, monkeypatch, capsys):
    home, (data, a, _) = real
    monkeypatch.setenv("GRAFT_HOME", str(home))
    first = runs.get_run(a["run"])
    spec = ResolvedSpec(data=f"{data['dataset']}@{first.version}")
    other = runs.create_run(
        spec, name="other", dataset=first.dataset, version=first.version, test_hash="another", n=first.n
    )
    rows = runs.read_predictions(first.id).assign(id=lambda t: "9-" + t["id"])
    files.write_parquet(runs.run_folder(other.id) / "predictions.parquet", rows)
    runs.update_run(other.id, state="succeeded")
    assert main(["compare", first.id, other.id, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "share 0 test samples" in said.err
    assert main(["compare", first.id, "--json"]) == 2


@pytest.mark.parametrize("argv", [["samples"], ["samples", "--json"], ["doctor", "--json"]], ids=" ".join)
def test_a_reader_that_leaves_early_gets_no_traceback(workspace, argv):
    command = [sys.executable, "-m", "core", *argv]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(60)


CHATTER = """
import os, sys
from core import __main__ as command

def main():
    os.write(2, b"native greetings")
    print("a sentence", file=sys.stderr)
    {ending}

command.main = main
sys.exit(command._run())
"""


@pytest.mark.parametrize(
    ("ending", "shown", "code"),
    [("return 2", False, 2), ("return 0", False, 0), ("raise ValueError(4)", True, 1), ("sys.exit(2)", False, 2)],
)
def test_what_libraries_print_past_python_is_shown_only_where_a_command_breaks(ending, shown, code):
    script = CHATTER.format(ending=ending)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code and "a sentence" in done.stderr
    assert ("native greetings" in done.stderr) == shown == ("Traceback" in done.stderr)


@pytest.mark.skipif(os.name != "posix", reason="there the server is a child of this process")
@pytest.mark.parametrize("minutes", ["5", "0"])
def test_a_server_prepares_the_backbones_of_its_workspace_once(workspace, monkeypatch, minutes):
    started, became = [], []
    monkeypatch.setenv("GRAFT_WARM_MINUTES", minutes)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: started.append(command[-2:]))
    monkeypatch.setattr(os, "execv", lambda _, command: became.append(command))
    monkeypatch.setattr(subprocess, "call", lambda _: 0)
    monkeypatch.chdir(ROOT)
    main(["serve", "--port", "0"])
    assert started == ([["core", "prepare"]] if minutes == "5" else [])
    assert len(became) == 1 and "streamlit" in became[0]


def test_columns_of_a_table_can_be_chosen_in_a_file(graft: Callable[..., Answer], tmp_path: Path) -> None:
    table, choices = tmp_path / "t.csv", tmp_path / "columns.json"
    table.write_text("size,who,kind\n" + "".join(f"{i * i},p{i // 2},{'ab'[i % 2]}\n" for i in range(60)))
    choices.write_text(json.dumps({"kind": {"role": "target"}, "who": {"role": "group"}}))
    document = graft("import", str(table), "--columns", str(choices)).document
    assert document["classes"] == ["a", "b"]
    for content, said in (("{", "is not JSON"), ('{"sizes": {}}', "no column “sizes”"), ('{"size": 1}', "“size”")):
        choices.write_text(content)
        answer = graft("import", str(table), "--target", "kind", "--columns", str(choices))
        assert answer.code == 2
        assert said in answer.err
    assert graft("import", str(table), "--columns", str(tmp_path / "none.json")).code == 2
