"""What a script takes along: the modules that it imports and the packages behind them, and nothing else."""

import pickle
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from core.data.cleaning.preparation import Preparation
from core.export.package.sources import collect_sources, pin_requirements
from core.export.package.writing import HERE, modules_of_pickle
from core.schemas import Recipe

HEAVY = {"streamlit", "tensorflow", "keras", "torch", "jax", "openvino", "plotly", "sqlalchemy"}


@pytest.mark.parametrize("script", ["predict_images.py", "predict_rows.py"])
def test_a_script_is_short_and_takes_nothing_heavy_along(script: str) -> None:
    sources = collect_sources(HERE / script)
    assert len((HERE / script).read_text("utf-8").splitlines()) <= 120
    assert not sources.packages & HEAVY
    assert Path("core/schemas.py") in sources.files


def test_pictures_need_numpy_pillow_and_pydantic_alone() -> None:
    assert collect_sources(HERE / "predict_images.py").packages == {"numpy", "PIL", "pydantic"}


def test_what_is_imported_late_is_followed_within_graft_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from typing import TYPE_CHECKING\nimport json\n"
        "if TYPE_CHECKING:\n    import keras\n    from core.store import runs\n"
        "def late():\n    import streamlit\n    from core.errors import InputError\n    return InputError\n"
    )
    sources = collect_sources(script)
    assert sources.packages == set()
    assert Path("core/errors.py") in sources.files
    assert Path("core/store/runs.py") not in sources.files


def test_a_pickle_names_the_modules_of_its_classes() -> None:
    assert "core.data.cleaning.preparation" in modules_of_pickle(Preparation(Recipe()))
    named = modules_of_pickle([LogisticRegression(), {"a": Path("x")}])
    assert any(name.startswith("sklearn.linear_model") for name in named)
    assert pickle.loads(pickle.dumps(Preparation(Recipe()))).recipe == Recipe()


def test_requirements_are_pinned_under_the_names_of_their_distributions() -> None:
    lines = pin_requirements(["PIL", "sklearn", "numpy"]).splitlines()
    assert [line.partition("==")[0].lower() for line in lines] == ["numpy", "pillow", "scikit-learn"]
    assert all(line.partition("==")[2] for line in lines)
