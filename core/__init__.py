"""Graft's engine: everything that is not a page.

Pages import from here and never the other way round. Only `core.ui` knows Streamlit; only what runs inside a
worker process imports TensorFlow, Keras or OpenVINO.
"""

__version__ = "0.1.0"
