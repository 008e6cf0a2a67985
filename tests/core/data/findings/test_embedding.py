"""What is planted in made-up embeddings is found, and sound data give nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.findings import embedding
from core.data.findings.embedding import Embedded, check_embeddings, near_groups
from core.data.findings.evidence import Evidence
from core.data.findings.label_errors import confident_learning, normalize_embeddings, predict_out_of_fold
from core.data.images.near_duplicates import parse_hashes
from core.data.images.quality import image_hashes
from core.schemas import DatasetRecord

CLASSES = ("ant", "bee", "cow")


def made(n: int = 40, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """Three well separated clouds of `n` embeddings, 64 numbers each, and their samples."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), n)
    x = normalize_embeddings(rng.normal(size=(3, 64))[labels] + 0.8 * rng.normal(size=(3 * n, 64))).astype("float32")
    samples = pd.DataFrame(
        {
            "id": [f"1-{i}" for i in range(3 * n)],
            "path": [f"{i}.png" for i in range(3 * n)],
            "label": np.array(CLASSES)[labels],
            "part": np.resize(["train", "train", "train", "validation", "test"], 3 * n),
            "content_hash": [str(i) for i in range(3 * n)],
            "group": range(3 * n),
        }
    )
    return x, samples


def look(x, samples, groups=None, labelled=True, **kept):
    dataset = DatasetRecord(id="d", name="d", kind="image", labelled=labelled)
    evidence = Evidence(dataset, samples, Path(), kept={kind: frozenset(ids) for kind, ids in kept.items()})
    groups = samples["group"].to_numpy() if groups is None else groups
    (findings, cases), accuracy = check_embeddings(Embedded(evidence, x, groups))
    return {finding.kind: finding for finding in findings}, cases, accuracy


def test_sound_data_give_no_findings():
    findings, cases, accuracy = look(*made())
    assert (findings, cases) == ({}, [])
    assert accuracy == 1


def test_planted_wrong_labels_are_ranked_first_with_the_right_class():
    x, samples = made()
    wrong = {3: "bee", 50: "cow", 100: "ant"}
    truth = samples["label"].copy()
    for row, label in wrong.items():
        samples.loc[row, "label"] = label
    findings, cases, _ = look(x, samples)
    assert set(findings["label_error"].samples) == {f"{row}.png" for row in wrong}
    assert findings["label_error"].remedy.params["labels"] == {f"1-{row}": truth[row] for row in wrong}
    assert list(findings["label_error"].scores) == sorted(findings["label_error"].scores)
    assert {case.sample: case.suggested for case in cases} == {f"1-{row}": truth[row] for row in wrong}
    assert all(case.beside and case.sample not in case.beside for case in cases)
    assert "label_error" not in look(x, samples, label_error={f"1-{row}" for row in wrong})[0]


def test_planted_outliers_are_found_and_only_they():
    x, samples = made()
    x[[7, 77]] = normalize_embeddings(np.random.default_rng(1).normal(size=(2, 64)) * 3)
    findings, cases, _ = look(x, samples, labelled=False)
    assert set(findings) == {"outlier"}
    assert set(findings["outlier"].samples) == {"7.png", "77.png"}
    assert {case.sample for case in cases} == {"1-7", "1-77"}


def test_copies_across_the_split_are_a_leak_whose_remedy_spares_the_test_part():
    x, samples = made()
    groups = samples["group"].to_numpy().copy()
    groups[[1, 4]] = 1  # train and test
    groups[[5, 6]] = 5  # both train
    findings, cases, _ = look(x, samples, groups)
    assert findings["leak"].samples == ("4.png",)
    assert "%" in findings["leak"].message
    assert findings["leak"].remedy.params == {"samples": ["1-1"]}
    assert [(c.sample, c.beside) for c in cases if c.finding == "leak"] == [("1-4", ("1-1",))]
    assert set(findings["near_duplicate"].samples) == {"1.png", "4.png", "5.png", "6.png"}
    assert findings["near_duplicate"].remedy.params == {"samples": ["1-4", "1-6"]}


def test_out_of_fold_probabilities_never_come_from_a_copy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 200))
    x = np.concatenate([x, x])
    labels = np.concatenate([rng.integers(0, 2, 60)] * 2)
    apart = predict_out_of_fold(x, labels, np.arange(120)).argmax(1)
    together = predict_out_of_fold(x, labels, np.tile(np.arange(60), 2)).argmax(1)
    assert (apart == labels).mean() > 0.85
    assert (together == labels).mean() < 0.7


def test_confident_learning_names_only_what_passes_another_class_threshold():
    sure, unsure = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25]
    probabilities = np.array([sure] * 9 + [unsure] + [sure] + [[0.01, 0.98, 0.01]] * 9 + [[0.01, 0.01, 0.98]] * 9)
    labels = np.array([0] * 10 + [1] + [1] * 9 + [2] * 9)
    errors = confident_learning(probabilities, labels)
    assert errors.rows.tolist() == [10]
    assert errors.suggested.tolist() == [0]


@pytest.mark.parametrize("side", [96, 12])
def test_cropped_copies_are_joined_unless_images_are_tiny(side):
    rng = np.random.default_rng(0)

    def picture() -> Image.Image:
        return Image.fromarray(rng.integers(0, 255, (14, 14, 3), dtype="uint8")).resize((side, side), 3)

    pictures = [picture() for _ in range(8)]
    cut = round(0.05 * side)
    pictures.append(pictures[2].crop((cut, cut, side - cut, side - cut)))
    images = [np.asarray(p) for p in pictures]
    x = np.eye(9, 16, dtype="float32")
    x[8] = x[2]
    plain, mirrored = (parse_hashes([image_hashes(image)[k] for image in images]) for k in (0, 1))
    found = near_groups(x, plain, mirrored, np.arange(9), lambda i: images[i])
    assert (found[2] == found[8]) == (side > 24)
    assert len(set(found.tolist())) == (8 if side > 24 else 9)


@pytest.mark.parametrize(("shared", "told"), [(1.0, "points too high"), (0.0, "may be chance")])
def test_what_a_score_gains_by_dividing_what_belongs_together_is_told(monkeypatch, shared, told):
    """Pictures of one plant look alike; which class a plant has is drawn, so only a known plant gives it away."""
    rng = np.random.default_rng(0)
    _, samples = made()
    plants = np.arange(len(samples)) // 5
    samples["label"] = rng.permutation(np.resize(CLASSES, plants.max() + 1))[plants]
    own = rng.normal(size=(len(samples), 64))
    x = normalize_embeddings(shared * 3 * rng.normal(size=(plants.max() + 1, 64))[plants] + own).astype("float32")
    named = dict(zip(samples["id"], [f"plant {p}" for p in plants], strict=True))
    monkeypatch.setattr(embedding, "manifest_column", lambda *_: named)
    findings, _, accuracy = look(x, samples, groups=plants)
    assert told in findings["belong_together"].message
    assert f"{accuracy:.0%}" in findings["belong_together"].message and accuracy < 0.5
