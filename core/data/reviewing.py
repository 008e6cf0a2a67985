"""Reviewing findings: the cases to decide on one by one, and the version made from the decisions."""

from collections.abc import Iterable, Sequence
from typing import Literal

import pandas as pd

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.steps.review import KEEP, RELABEL
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.findings.saved import Case, VersionCheck
from core.data.versions import next_version
from core.schemas import Finding, Frozen, Recipe, Step, VersionRecord

COPIES = ("exact_duplicate", "near_duplicate")


class Decision(Frozen):
    """The decision on one sample that a finding of the kind `finding` names; `label` for relabelling."""

    finding: str
    sample: str
    action: Literal["keep", "relabel", "drop"]
    label: str | None = None


def cases_of(finding: Finding, samples: pd.DataFrame, check: VersionCheck | None) -> list[Case]:
    """The cases of a finding, the worst first.

    Args:
        finding: of the version or its check.
        samples: the version's, as `load_samples` gives them.
        check: the version's check, which knows similar samples to show and the suggested class.
    """
    named = set(finding.samples)
    ids = set(samples.loc[samples["path"].isin(named), "id"])
    if check and finding.kind in check.looked_for:
        torn = finding.kind == "near_duplicate"  # the only kind of which there can be two
        return [case for case in check.cases if case.finding == finding.kind and (case.sample in ids or not torn)]
    found = samples[samples["id"].isin(ids)]
    order = {path: place for place, path in enumerate(finding.samples)}
    found = found.iloc[found["path"].map(order).argsort(kind="stable")]
    if finding.kind not in COPIES:
        scores = dict(zip(finding.samples, finding.scores, strict=False))
        return [
            Case(finding=finding.kind, sample=name, score=scores.get(path, 0.0))
            for name, path in zip(found["id"], found["path"], strict=True)
        ]
    cases = []
    for _, group in found.groupby("content_hash" if finding.kind == "exact_duplicate" else "group", sort=False):
        members = group["id"].tolist()
        first = 1 if group["label"].nunique() == 1 else 0  # one of equal copies stays
        for name in members[first:]:
            others = tuple(other for other in members if other != name)
            cases.append(Case(finding=finding.kind, sample=name, score=1.0, beside=others))
    return cases


def steps_of(decisions: Iterable[Decision]) -> tuple[Step, ...]:
    """The recipe steps for decisions; of several on one sample the last one counts."""
    last = {decision.sample: decision for decision in decisions}
    steps = []
    labels = {d.sample: d.label for d in last.values() if d.action == "relabel"}
    if labels:
        steps.append(Step(kind=RELABEL, params={"labels": labels}))
    dropped = sorted(d.sample for d in last.values() if d.action == "drop")
    if dropped:
        steps.append(Step(kind=DROP_SAMPLES, params={"samples": dropped}))
    for kind in dict.fromkeys(d.finding for d in last.values() if d.action == "keep"):
        kept = sorted(d.sample for d in last.values() if d.action == "keep" and d.finding == kind)
        steps.append(Step(kind=KEEP, params={"finding": kind, "samples": kept}))
    return tuple(steps)


def count_touched_tests(decisions: Iterable[Decision], samples: pd.DataFrame) -> int:
    """How many test samples the decisions relabel or drop: any makes it another test set."""
    changed = {d.sample for d in {d.sample: d for d in decisions}.values() if d.action != "keep"}
    return int((samples["id"].isin(changed) & (samples["part"] == "test")).sum())


def extend_version(version: VersionRecord, steps: Sequence[Step]) -> VersionRecord:
    """A version with further steps; see `core.data.versions.next_version`."""
    return next_version(version, extend_recipe(version.recipe, steps))


def extend_recipe(recipe: Recipe, steps: Sequence[Step]) -> Recipe:
    """The recipe with further steps, each in its place."""
    return Recipe(steps=cleaning.order_steps((*recipe.steps, *steps)))
