"""`requirements.lock` holds an exact version of everything that is installed, and agrees with the requirements."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FILES = ("requirements.txt", "requirements-ray.txt", "requirements-dev.txt")
TOOLS = {"pip", "setuptools"}  # a virtual environment brings its own


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]


def required() -> list[Requirement]:
    return [Requirement(line) for name in FILES for line in lines(name)]


def locked() -> dict[str, str]:
    return {
        canonicalize_name(name): version
        for name, version in (line.split("==") for line in lines("requirements.lock"))
    }


def installed(wanted: list[Requirement]) -> Iterator[tuple[str, str]]:
    """Name and version of what these requirements have brought, and of all that it needs in turn."""
    seen: set[tuple[str, str]] = set()
    todo = [(requirement.name, extra) for requirement in wanted for extra in ("", *requirement.extras)]
    while todo:
        name, extra = todo.pop()
        if (canonicalize_name(name), extra) in seen:
            continue
        seen.add((canonicalize_name(name), extra))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # wanted on another system, or for the GPU
        yield canonicalize_name(name), found.version
        for text in found.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                todo += [(needed.name, e) for e in ("", *needed.extras)]


@pytest.mark.parametrize("requirement", required(), ids=lambda requirement: str(requirement))
def test_a_requirement_has_its_version_in_the_lock(requirement: Requirement) -> None:
    assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), "requirements name one version"
    assert requirement.specifier.contains(locked()[canonicalize_name(requirement.name)])


def test_all_that_is_installed_is_in_the_lock() -> None:
    versions = locked()
    other = {name: version for name, version in installed(required()) if versions.get(name) != version}
    assert {name: version for name, version in other.items() if name not in TOOLS} == {}
