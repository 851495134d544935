"""Exports of two systems to a sorted log on disk, against the same work written by hand for other engines."""
