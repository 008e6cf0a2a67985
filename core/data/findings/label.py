"""Likely label errors as a finding with its remedy, and a case for each to decide on."""

from collections.abc import Callable

import numpy as np

from core.data.cleaning.steps.review import RELABEL
from core.data.findings.evidence import Evidence, count
from core.data.findings.label_errors import LabelErrors
from core.data.findings.saved import Case
from core.schemas import Finding, Step

BESIDE = 3


def label_error_findings(
    evidence: Evidence, classes: np.ndarray, errors: LabelErrors, near: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[Finding], list[Case]]:
    """The finding and its cases; both empty without label errors that are still unreviewed.

    Args:
        evidence: of the version.
        classes: names of the classes, in the order of the errors' indices.
        errors: positions in the evidence's samples.
        near: gives, for positions `(m,)`, those of the samples most like each, `(m, k)`, the nearest first.
    """
    kept = evidence.unconfirmed("label_error").to_numpy()[errors.rows]
    if not kept.any():
        return [], []
    rows, suggested = errors.rows[kept], classes[errors.suggested[kept]]
    doubted = evidence.samples.iloc[rows]
    noun = "image" if evidence.dataset.kind == "image" else "row"
    finding = Finding(
        kind="label_error",
        severity="warning",
        message=f"{count(len(rows), 'label')} may be wrong: a classifier that has not seen the"
        f" {noun}{'s' if len(rows) > 1 else ''} is sure of another class.",
        samples=tuple(doubted["path"]),
        scores=tuple(errors.confidence[kept].round(4).tolist()),
        remedy=Step(kind=RELABEL, params={"labels": dict(zip(doubted["id"], suggested, strict=True))}),
    )
    ids = evidence.samples["id"].to_numpy()
    cases = [
        Case(
            finding="label_error",
            sample=str(ids[row]),
            score=float(confidence),
            beside=tuple(ids[beside[:BESIDE]]),
            suggested=str(better),
            probability=float(probability),
        )
        for row, beside, better, confidence, probability in zip(
            rows, near(rows), suggested, errors.confidence[kept], errors.probability[kept], strict=True
        )
    ]
    return [finding], cases
