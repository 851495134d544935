"""How right our numbers are, held against customers whose truth is known: `python -m benchmarks.accuracy`."""
