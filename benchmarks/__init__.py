"""How fast cjmining is beside pm4py, r4pm, DuckDB and polars: run `python -m benchmarks`."""
