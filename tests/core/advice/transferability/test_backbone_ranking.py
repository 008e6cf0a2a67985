"""Which backbone comes first, which one is recommended, and what a ranking refuses."""

import json

import pandas as pd
import pytest

from core.__main__ import main
from core.advice.transferability.backbone_ranking import (
    has_seen,
    rank_agreement,
    rank_backbones,
    recommended_backbone,
)
from core.advice.transferability.record import RankedBackbone
from core.data.importing import import_data
from core.errors import InputError
from core.methods.backbones import RUN
from core.methods.pretrained import BACKBONES
from core.schemas import DataRef, ResolvedSpec, RunRecord
from core.store import runs

LITE = [name for name in BACKBONES if name.startswith("efficientnet_lite")]


def ranked(name="efficientnet_lite0", probe=0.8, cost=1.0, score=0.0):
    return RankedBackbone(
        name=name,
        title=name,
        image_size=128,
        cost=cost,
        logme=score,
        hscore=-score,
        probe=probe,
        probe_ci=(0.7, 0.9),
        seconds=1.0,
    )


def finished(number, backbone, accuracy, strategy="two_stage", version="v1", **spec):
    return RunRecord(
        id=f"r{number}",
        name=f"r{number}",
        dataset="here",
        version=version,
        spec=ResolvedSpec(data="here", strategy=strategy, backbone=backbone, **spec),
        state="succeeded",
        metrics={"validation_accuracy": accuracy},
    )


def test_backbones_that_see_more_come_first(make_images, capsys):
    make_images("here", dark=30, light=30)
    assert main(["rank", "here", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    order = [b["name"] for b in found["backbones"] if b["name"] in LITE]
    assert order == LITE[::-1]
    assert found["recommended"] == "efficientnet_lite2"
    first = found["backbones"][0]
    assert first["probe_ci"][0] < first["probe"] <= first["probe_ci"][1]
    assert first["leep"] < 0
    assert found["tau"] is None
    for score in ("logme", "hscore"):
        values = [b[score] for b in found["backbones"] if b["name"] in LITE]
        assert values[0] == max(values)


def test_test_images_are_not_looked_at(make_images):
    dataset = make_images("here", dark=30, light=30)
    found = rank_backbones(DataRef(dataset="here"))
    assert found.n == found.of < dataset.n


def test_of_equally_good_ones_the_cheapest_is_recommended():
    cheap, dear = ranked("cheap", 0.800, cost=1.0), ranked("dear", 0.804, cost=2.0)
    assert recommended_backbone([dear, cheap]) == "cheap"
    assert recommended_backbone([dear, cheap.model_copy(update={"probe": 0.79})]) == "dear"


def test_scores_are_held_against_finished_runs_of_one_strategy():
    scored = [ranked(name, probe, score=-probe) for name, probe in zip(LITE, (0.7, 0.8, 0.9), strict=True)]
    done = [finished(i, name, 0.6 + i / 10) for i, name in enumerate(LITE)]
    done += [finished(9, LITE[0], 0.99, strategy="linear_probe"), finished(8, LITE[0], 0.99, version="other")]
    tau, told = rank_agreement(scored, done, "v1")
    assert tau == {"probe": 1.0, "logme": -1.0, "hscore": 1.0, "leep": None, "imagenet": 1.0}
    assert told == "two_stage, 3 runs on 3 backbones"
    assert rank_agreement(scored, done[:2], "v1") == (None, "")


def test_a_network_that_has_seen_the_labels_does_not_compete(workspace):
    def add(dataset, **spec):
        wanted = ResolvedSpec(data=dataset, **spec)
        run = runs.create_run(wanted, dataset=dataset, version="v", name="run", test_hash="", n=1)
        return f"{RUN}{run.id}"

    elsewhere = add("elsewhere", backbone=LITE[0])
    here = add("here", backbone=LITE[0])
    assert not has_seen(LITE[0], "here")
    assert not has_seen(elsewhere, "here")
    assert has_seen(here, "here")
    assert has_seen(add("elsewhere", backbone=here), "here")
    assert has_seen(add("elsewhere", backbone=LITE[0], source=("here@v",)), "here")
    assert has_seen(add("elsewhere", backbone=LITE[0], teacher=here.removeprefix(RUN)), "here")


def test_a_class_that_cannot_be_judged_is_named(make_images):
    make_images("here", dark=30, light=3)
    with pytest.raises(InputError, match="Class “light” has too few distinct images"):
        rank_backbones(DataRef(dataset="here", version=few_to_learn_from("here")))


def few_to_learn_from(dataset):
    """A version whose test part holds two of the three light images."""
    from core.data.versions import load_samples, make_version
    from core.schemas import Split

    light = load_samples(DataRef(dataset=dataset)).query("label == 'light'")["id"].tolist()
    dark = load_samples(DataRef(dataset=dataset)).query("label == 'dark'")["id"].tolist()
    return make_version(dataset, split=Split(test_ids=(*light[:2], *dark[:2]))).id


def test_tables_have_no_backbone(workspace, tmp_path):
    pd.DataFrame({"a": [i * i / 7 for i in range(40)], "kind": ["yes", "no"] * 20}).to_csv(
        tmp_path / "t.csv", index=False
    )
    import_data(tmp_path / "t.csv", name="rows", target="kind")
    with pytest.raises(InputError, match="is a table"):
        rank_backbones(DataRef(dataset="rows"))
