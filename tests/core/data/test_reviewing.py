"""Decisions become steps, and the test part stays what it was where it was not touched."""

import pytest

from core.data.findings.saved import Case, VersionCheck, all_findings, load_check, save_check
from core.data.importing import import_data
from core.data.reviewing import Decision, cases_of, count_touched_tests, extend_version, steps_of
from core.data.versions import load_samples
from core.schemas import DataRef, Finding, Step
from core.store import datasets


@pytest.fixture
def version(workspace, make_zip, make_picture):
    files = {
        f"{name}/{i}.png": make_picture(100 * c + i) for c, name in enumerate(("cats", "dogs")) for i in range(12)
    }
    files |= {"cats/copy.png": files["cats/3.png"], "dogs/torn.png": files["cats/5.png"]}
    return datasets.get_version(DataRef(dataset=import_data(make_zip(files)).dataset.id))


@pytest.fixture
def samples(version):
    return load_samples(DataRef(dataset=version.dataset, version=version.id))


def ids(samples, part):
    return samples.loc[samples["part"] == part, "id"].tolist()


def decided(action, sample, label=None, finding="label_error"):
    return Decision(finding=finding, sample=sample, action=action, label=label)


def test_the_last_decision_on_a_sample_counts():
    first = [decided("drop", "1-0"), decided("keep", "1-1"), decided("relabel", "1-2", "dogs")]
    assert [step.kind for step in steps_of(first)] == ["relabel", "drop_samples", "keep"]
    steps = steps_of([*first, decided("keep", "1-0")])
    assert steps == (
        Step(kind="relabel", params={"labels": {"1-2": "dogs"}}),
        Step(kind="keep", params={"finding": "label_error", "samples": ["1-0", "1-1"]}),
    )


def test_decisions_on_learning_samples_leave_the_test_set_as_it_is(version, samples):
    train = samples[samples["part"] == "train"]
    dropped, relabelled = train["id"].iloc[0], train["id"].iloc[-1]
    other = "dogs" if train["label"].iloc[-1] == "cats" else "cats"
    decisions = [decided("drop", dropped), decided("relabel", relabelled, other)]
    assert count_touched_tests(decisions, samples) == 0
    made = extend_version(version, steps_of(decisions))
    after = load_samples(DataRef(dataset=version.dataset, version=made.id)).set_index("id")
    assert made.test_hash == version.test_hash
    assert dropped not in after.index
    assert after.loc[relabelled, "label"] == other


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_decisions_on_a_test_sample_make_another_test_set(version, samples, action):
    names = ids(samples, "test")
    label = "dogs" if samples.set_index("id").loc[names[0], "label"] == "cats" else "cats"
    decisions = [decided(action, names[0], label)]
    assert count_touched_tests(decisions, samples) == 1
    made = extend_version(version, steps_of(decisions))
    assert made.test_hash != version.test_hash
    after = load_samples(DataRef(dataset=version.dataset, version=made.id))
    assert set(ids(after, "test")) == set(names) - ({names[0]} if action == "drop" else set())


def test_of_equal_copies_one_stays_and_torn_ones_are_all_asked_about(version, samples):
    path = samples.set_index("id")["path"]
    cases = {f.severity: cases_of(f, samples, None) for f in version.findings if f.kind == "exact_duplicate"}
    assert [path[case.sample] for case in cases["info"]] == ["cats/copy.png"]
    assert [path[name] for name in cases["info"][0].beside] == ["cats/3.png"]
    assert {path[case.sample] for case in cases["error"]} == {"cats/5.png", "dogs/torn.png"}


def test_a_check_replaces_what_it_looked_for_and_is_read_back(version):
    found = Finding(kind="label_error", severity="warning", message="m", samples=("cats/0.png",))
    check = VersionCheck(
        backbone="b", image_size=32, findings=(found,), cases=(Case(finding="label_error", sample="1-0", score=0.1),),
        looked_for=("label_error", "exact_duplicate"),
    )  # fmt: skip
    assert load_check(version) is None
    save_check(version, check)
    assert load_check(version) == check
    merged = {f.kind for f in all_findings(version, check)}
    assert "label_error" in merged
    assert "exact_duplicate" not in merged
    save_check(version, check.model_copy(update={"format": 0}))
    assert load_check(version) is None
