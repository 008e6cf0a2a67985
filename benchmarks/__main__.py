"""`python -m benchmarks [NAME …]`: see `benchmarks.harness`."""

from benchmarks.harness import main

main()
