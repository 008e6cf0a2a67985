"""What is wrong with a dataset, each finding with its evidence and remedy; `registry` lists the finders."""
