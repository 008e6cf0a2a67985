"""Transfer of instances: weighted source samples."""
