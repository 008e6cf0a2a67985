"""What the tests of the pages share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def light_collections() -> Iterator[None]:
    """Streamlit collects garbage after every run of a page, which is slow where earlier tests have loaded Keras."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
