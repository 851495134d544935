"""Where blocks are worked on: threads of this machine, or the executors of a Spark session."""

from cjmining.engine.spark import Spark

__all__ = ["Spark"]
