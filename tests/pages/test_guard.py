"""A page asked for directly is reached through the entry point, with its query."""

import ast
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.ui.shell import page

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))


@pytest.mark.parametrize("name", PAGES)
def test_a_direct_visit_goes_through_the_entry_point_and_keeps_its_query(workspace, monkeypatch, name):
    steps: list[str] = []
    guard, resume = page.guard, page.resume

    def note_guard(asked: str) -> None:
        steps.append(f"{asked} {'after' if st.session_state.get(page.ENTERED) else 'before'} the entry point")
        guard(asked)

    def note_resume() -> None:
        steps.append("entry point")
        resume()

    monkeypatch.setattr(page, "guard", note_guard)
    monkeypatch.setattr(page, "resume", note_resume)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["mark"] = "kept"
    app.switch_page(f"pages/{name}.py")
    app.run()
    assert not app.exception
    # The first step is what a fresh server does: it runs the page alone.
    assert steps[0] == f"{name} before the entry point"
    assert steps[1] == "entry point"
    assert steps[-1] == f"{name} after the entry point"
    assert app.query_params["mark"] in ("kept", ["kept"])
    assert app.title


@pytest.mark.parametrize("name", PAGES)
def test_the_guard_stands_before_everything_else(name):
    tree = ast.parse((ROOT / "pages" / f"{name}.py").read_text("utf-8"))
    first = next(node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == f"guard('{name}')"
