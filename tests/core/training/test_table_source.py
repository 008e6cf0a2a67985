"""A table network that was trained on another table before: what carries over, and what is refused."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.importing import import_data
from core.data.versions import make_version
from core.errors import InputError
from core.methods.plan import resolve_request, run_title
from core.schemas import DataRef, RunRecord, Split, TrainingSpec
from core.store.datasets import get_version
from core.training.tables.task import train_table

pytestmark = pytest.mark.training


class Recorder:
    """One that keeps checkpoints, phases and notes."""

    prefix = ""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fits = folder, 0
        self.phases: list[str] = []
        self.notes: list[str] = []

    def timed(self, _: str) -> nullcontext[None]:
        return nullcontext()

    def next_checkpoint(self) -> Path:
        self.fits += 1
        return self.folder / f"{self.fits:03d}.npz"

    def finish_asked(self) -> bool:
        return False

    def phase(self, name: str, epochs: int = 0) -> None:
        self.phases.append(name)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def epoch(self, number: int, values: dict[str, float]) -> None: ...


def rows(n: int, seed: int, turned: bool = False) -> pd.DataFrame:
    """Six numbers and a word; the class is a product of signs, which takes many rows to learn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    word = rng.choice(["p", "q"], n)
    one = (x[:, 0] * x[:, 1] > 0) ^ (word == "q") ^ turned
    frame = pd.DataFrame(x, columns=[f"size {i}" for i in range(6)]).assign(word=word)
    return frame.assign(kind=np.where(one, "round", "flat"))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Target: 60 rows to learn from; source: 3,000 under slightly other column names, one of them its own."""
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(folder / "home"))
        target = rows(900, 0)
        target.to_csv(folder / "target.csv", index=False)
        source = rows(3000, 1).rename(columns=lambda c: c.replace("size ", "Size_")).assign(extra=1.0)
        source["kind"] = source["kind"].replace({"flat": "level"})  # one class is called otherwise
        source.to_csv(folder / "source.csv", index=False)
        stranger = pd.DataFrame({"weight": [i * i + 0.5 for i in range(30)], "kind": ["x", "y", "z"] * 10})
        stranger.to_csv(folder / "stranger.csv", index=False)
        found = {
            n: import_data(folder / f"{n}.csv", target="kind").dataset.id for n in ("target", "source", "stranger")
        }
        make_version(found["target"], split=Split(train=60 / 900, validation=140 / 900, test=700 / 900))
        yield found


@pytest.fixture(autouse=True)
def home(tables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(p for p in tmp_path_factory.getbasetemp().iterdir() if p.name.startswith("tables"))
    monkeypatch.setenv("GRAFT_HOME", str(folder / "home"))


def trained(spec: TrainingSpec, folder: Path) -> tuple[float, Recorder]:
    recorder = Recorder(folder)
    run = RunRecord(id="r", name="r", dataset="rows", version="v", spec=resolve_request(spec))
    result = train_table(run, recorder)  # type: ignore[arg-type]
    test = result.predictions[result.predictions["part"] == "test"]
    return float((test["predicted"] == test["label"]).mean()), recorder


def test_a_source_of_the_same_kind_helps_much_and_says_what_carried_over(tables, tmp_path):
    alone, _ = trained(TrainingSpec(data=tables["target"]), tmp_path / "a")
    helped, recorder = trained(TrainingSpec(data=tables["target"], source=tables["source"]), tmp_path / "b")
    assert helped > alone + 0.1
    assert recorder.phases[:2] == ["stage 1 of 2: source table", "stage 2 of 2: network"]
    assert "7 of 7 columns" in recorder.notes[0]


def test_no_row_of_the_sources_test_part_is_learnt_from(tables, tmp_path, monkeypatch):
    from core.training.tables import network as table_network

    seen = []
    real = table_network.fit_by_spec
    monkeypatch.setattr(
        table_network, "fit_by_spec", lambda m, x, p, *a: seen.append((p.train, p.validation)) or real(m, x, p, *a)
    )
    trained(TrainingSpec(data=tables["target"], source=tables["source"], epochs=1), tmp_path)
    counts = {k: sum(v.values()) for k, v in get_version(DataRef(dataset=tables["source"])).counts.items()}
    assert (len(seen[0][0]), len(seen[0][1])) == (counts["train"], counts["validation"])


def test_the_plan_names_the_sources_version_and_says_pretrained(tables):
    resolved = resolve_request(TrainingSpec(data=tables["target"], source=tables["source"]))
    assert resolved.source == (f"{tables['source']}@{get_version(DataRef(dataset=tables['source'])).id}",)
    assert "pretraining" in run_title(resolved)


@pytest.mark.parametrize(
    ("source", "says"), [("target", "same dataset"), ("stranger", "no column of the same name and type")]
)
def test_a_source_from_which_nothing_can_carry_over_is_refused(tables, source, says):
    with pytest.raises(InputError, match=says):
        resolve_request(TrainingSpec(data=tables["target"], source=tables[source]))


def test_a_strategy_refuses_a_learner_that_it_does_not_go_with(tables):
    with pytest.raises(InputError, match="does not go with"):
        resolve_request(
            TrainingSpec(data=tables["target"], source=tables["source"], learner="network", strategy="tradaboost")
        )


def test_learners_without_weights_to_carry_over_refuse_a_source(tables):
    with pytest.raises(InputError, match="“source” does not apply"):
        resolve_request(TrainingSpec(data=tables["target"], source=tables["source"], learner="random_forest"))
