"""Damaged exports: ingestion accounts for every record of a file, or says which file it can't read."""
