"""What the web process may know of training methods: the registries, and what follows from them without training;
never imports a learning library.
"""
