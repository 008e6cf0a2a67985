"""Transfer of instances: source samples, weighted."""
