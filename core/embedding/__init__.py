"""Embeddings of frozen backbones and the engines that compute them; never imports Keras or TensorFlow itself."""
