"""Background work: the queue of runs, tasks, devices and the processes behind them; never imports a learning
library.
"""
