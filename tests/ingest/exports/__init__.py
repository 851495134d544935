"""Writers of valid exports, one module a source: `write(folder, rng, records)` and `read(folder)`."""
