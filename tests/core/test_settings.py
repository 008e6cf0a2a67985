"""Settings come from the environment, and a bad value is told by its variable."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.settings import get_settings


def test_a_changed_environment_takes_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_SLOTS", "3")
    assert get_settings().slots == 3


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_HOME", "~/work")
    assert get_settings().home == Path.home() / "work"


@pytest.mark.parametrize(("name", "value"), [("GRAFT_SLOTS", "0"), ("GRAFT_THREADS", "many")])
def test_a_bad_value_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        get_settings()
    assert name in caught.value.message
    assert value in caught.value.message
