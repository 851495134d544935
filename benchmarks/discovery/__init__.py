"""Discovery beside its peers: the same operations on the same events (`python -m benchmarks.discovery`)."""
