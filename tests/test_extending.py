"""`docs/extending.md` says how to add each kind of thing, and its code is Python."""

import re
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
KINDS = (
    "A cleaning step",
    "A finding",
    "A strategy",
    "A table learner",
    "A backbone",
    "An export format",
    "An augmentation layer",
    "A page tab",
    "A chart",
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_guide_has_a_section_for(kind: str) -> None:
    assert f"\n## {kind}\n" in GUIDE


def test_the_code_of_the_guide_is_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", GUIDE, flags=re.S):
        compile(block, "docs/extending.md", "exec")
