"""The web process stays light: nothing that pages import brings a deep-learning library with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Imports what every page imports, then does what a visitor does before a worker is started.
VISIT = """
import ast, importlib, json, sys
from pathlib import Path

for script in [Path("streamlit_app.py"), *Path("pages").glob("*.py")]:
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):
                    importlib.import_module(f"{node.module}.{name.name}")
        elif isinstance(node, ast.Import):
            for name in node.names:
                importlib.import_module(name.name)
imported = sorted(sys.modules)

from core.data.importing import import_data
from core.schemas import TrainingSpec
from core.training.worker.environment import environment
from core.methods.estimate import estimated_seconds
from core.methods.plan import available_models, resolve_request

dataset = import_data(sys.argv[1]).dataset
estimated_seconds(resolve_request(TrainingSpec(data=dataset.id)), dataset.n), available_models("image"), environment()
print(json.dumps([imported, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """Top-level modules after the imports, and after an import of a sample and the plan of a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(tmp_path_factory.mktemp("home")))
        command = [sys.executable, "-c", VISIT, "sample:penguins"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = ({m.split(".")[0] for m in names} for names in json.loads(done.stdout.splitlines()[-1]))
    return first, second


@pytest.mark.parametrize("heavy", ["tensorflow", "keras", "torch", "jax", "openvino"])
def test_the_web_process_never_imports(modules, heavy):
    assert heavy not in modules[0]
    assert heavy not in modules[1]


@pytest.mark.parametrize("slow", ["sklearn", "scipy"])
def test_the_first_page_does_not_wait_for(modules, slow):
    assert "streamlit" in modules[0]
    assert slow not in modules[0]
