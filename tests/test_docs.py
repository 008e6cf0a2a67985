"""The documentation is true: its reference is that of the code, its links lead somewhere, its commands parse."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.__main__ import _parser
from docs.generate import FOLDER, pages

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
OUTSIDE = ("http://", "https://", "mailto:")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(path: Path) -> Iterator[str]:
    """Targets of links and images, without those inside code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(path: Path) -> set[str]:
    """What headings can be linked by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(path: Path) -> list[str]:
    """Lines of code blocks, and code inside of sentences."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return [line.strip() for block in blocks for line in block.splitlines()] + inline


def commands(path: Path) -> list[str]:
    return [line.split("python -m core ", 1)[1] for line in code(path) if "python -m core " in line]


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_that_of_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "stale: run `make docs`"


def test_the_reference_holds_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith(OUTSIDE):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_make_has_the_targets_that_are_named(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    for line in code(path):
        for words in re.findall(r"(?:^|\s)make ([a-z][\w-]*)", line):
            assert words in targets, line


def given() -> list[str]:
    return [command for path in GUIDES for command in commands(path)]


@pytest.mark.parametrize("command", given())
def test_commands_of_the_guides_can_be_given(command: str) -> None:
    words = shlex.split(command.split("#")[0])
    if words[0] in ("COMMAND", "--help"):
        return
    _parser().parse_args(words)


def test_the_readme_shows_commands() -> None:
    assert len(commands(ROOT / "README.md")) > 15


def test_every_command_says_what_it_prints() -> None:
    described = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", pages()["commands.md"], flags=re.M)
    assert headings
    for command in headings:
        assert re.search(rf"^{command}\b", described, flags=re.M), command


def test_the_architecture_is_told_on_one_page() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split()) <= 1_200


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_holds_both_sides_of_a_conflict(page: Path) -> None:
    assert not re.findall(r"^(?:<{7}|={7}|>{7})(?: .*)?$", page.read_text(encoding="utf-8"), flags=re.M)
