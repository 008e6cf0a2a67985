"""The registries of training methods, and all that follows from them without training. Never imports a deep-learning
library, so that the web process may import it.
"""
