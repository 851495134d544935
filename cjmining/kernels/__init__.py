"""Loops over arrays, compiled when first called: no tables, no files, no names of this domain's objects."""
