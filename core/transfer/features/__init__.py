"""Transfer of features: heads on frozen embeddings, and features aligned between domains."""
