"""What tests share besides their fixtures.

Whoever imports anything of this lets each process of the tests use one thread for numbers, and none that waits burn
the time of one that works: as many processes as there are cores run tests. The libraries read these variables when
they are imported, not later.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
