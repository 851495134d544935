"""Where blocks are worked on: threads of this machine, or the executors of a Spark session."""

from cjmining.engine.local import Engine, map_blocks
from cjmining.engine.spark import Spark

__all__ = ["Engine", "Spark", "map_blocks"]
