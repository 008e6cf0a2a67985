"""`python -m core.training.worker RUN_ID`: see `core.training.worker.process`."""

import sys

from core.training.worker.process import main

main(sys.argv[1])
