"""The result of a version's check, kept in its folder as `checks.json`."""

from datetime import datetime

from pydantic import Field, ValidationError

from core.schemas import DatasetRecord, Finding, Frozen, VersionRecord, now
from core.store.datasets import version_folder
from core.store.files import write_text

FORMAT = 1  # raise it when a threshold or what is looked for changes: earlier checks then no longer count


class Case(Frozen):
    """One sample to decide on: the finding's kind, the sample's id, how bad it is, ids of samples to show beside it.

    `suggested` is the class that fits better, with its `probability`.
    """

    finding: str
    sample: str
    score: float
    beside: tuple[str, ...] = ()
    suggested: str | None = None
    probability: float | None = None


class VersionCheck(Frozen):
    """The check of a version, of images with one backbone; `accuracy` is that of out-of-fold predictions."""

    format: int = FORMAT
    backbone: str = ""
    image_size: int = 0
    findings: tuple[Finding, ...]
    cases: tuple[Case, ...]
    accuracy: float | None = None
    looked_for: tuple[str, ...]
    created: datetime = Field(default_factory=now)


def save_check(version: VersionRecord, check: VersionCheck) -> None:
    path = version_folder(version.dataset, version.id) / "checks.json"
    write_text(path, check.model_dump_json(indent=1))


def load_check(version: VersionRecord) -> VersionCheck | None:
    """The version's check; `None` when there is none, or one that an earlier release made."""
    path = version_folder(version.dataset, version.id) / "checks.json"
    try:
        check = VersionCheck.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError:
        return None
    return check if check.format == FORMAT else None


def all_findings(version: VersionRecord, check: VersionCheck | None) -> tuple[Finding, ...]:
    """The version's findings and the check's, which replace the version's of the kinds checked; worst first."""
    deeper = check.looked_for if check else ()
    findings = [finding for finding in version.findings if finding.kind not in deeper]
    findings += check.findings if check else ()
    return tuple(sorted(findings, key=lambda finding: ("error", "warning", "info").index(finding.severity)))


def can_check(dataset: DatasetRecord) -> bool:
    """Whether a dataset can be checked: images always, tables only with labels."""
    return dataset.kind == "image" or dataset.labelled
