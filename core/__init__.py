"""Graft's engine: everything that is not a page.

Pages import from here and never the other way round. Only `core.ui` knows Streamlit; only what runs inside a
worker process imports TensorFlow, Keras or OpenVINO.
"""

import os

from core.store import pickles

# POT, which skada imports as well, would import TensorFlow for tables too.
os.environ.setdefault("POT_BACKEND_DISABLE_TENSORFLOW", "1")

pickles.install_moved_modules()

__version__ = "0.2.0"
