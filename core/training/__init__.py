"""What a worker process runs: training on images and tables, and the small tasks that need a network."""
