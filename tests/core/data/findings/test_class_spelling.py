"""Classes that are one word in several spellings are found, with a remedy that merges them."""

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning.recipe import step_kind
from core.data.cleaning.steps.step import Rows
from core.data.findings.class_spelling import class_spelling
from core.data.findings.evidence import Evidence
from core.schemas import DatasetRecord


def found(labels, tmp_path):
    samples = pd.DataFrame({"id": [f"{i}" for i in range(len(labels))], "label": labels})
    samples["path"] = "row " + samples["id"]
    return list(class_spelling(Evidence(DatasetRecord(id="d", name="d", kind="table"), samples, tmp_path))), samples


@pytest.mark.parametrize(
    "other", ["cat", "CAT", " Cat", "Cat ", "Cat\u200b", "\uff23\uff41\uff54", "C at", "Cat\u00a0", "\ufeffCat"]
)
def test_spellings_of_one_class_are_found_and_merged_into_the_most_frequent(tmp_path, other):
    (finding,), samples = found(["Cat"] * 5 + [other] * 2 + ["dog"] * 4, tmp_path)
    assert finding.remedy is not None and finding.remedy.params == {"names": {other: "Cat"}}
    assert finding.samples == ("row 5", "row 6")
    kind = step_kind(finding.remedy)
    rows = kind.run(Rows(samples, None), kind.settings.model_validate(finding.remedy.params))
    assert dict(rows.samples["label"].value_counts()) == {"Cat": 7, "dog": 4}


def test_composed_and_decomposed_letters_are_one_class(tmp_path):
    (finding,), _ = found(["B\u00e4r"] * 3 + ["Ba\u0308r"] * 2, tmp_path)
    assert finding.remedy is not None and finding.remedy.params["names"] == {"Ba\u0308r": "B\u00e4r"}


@pytest.mark.parametrize("labels", [["cat", "cut"], ["1", "01"], ["a-b", "ab"], ["Bär", "Bar"], ["猫", "犬"], ["x"]])
def test_words_that_differ_are_left_alone(tmp_path, labels):
    assert found(labels * 3, tmp_path)[0] == []


def test_missing_labels_are_no_class(tmp_path):
    assert found(["a", None, np.nan, "b"], tmp_path)[0] == []
