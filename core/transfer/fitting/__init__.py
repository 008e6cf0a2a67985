"""How a network is fitted: epochs, checkpoints, optimizers and precision, and the problems that strategies are
given.
"""
