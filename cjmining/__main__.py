"""Lets `python -m cjmining` be the command line."""

from cjmining.cli import main

main()
