"""Pictures of results: they draw what a result holds and compute nothing."""

from __future__ import annotations

from cjmining.plot.funnel import funnel
from cjmining.plot.incidence import incidence
from cjmining.plot.journey_map import journey_map
from cjmining.plot.model_beside_map import model_beside_map
from cjmining.plot.story import story
from cjmining.plot.svg import to_svg
from cjmining.plot.transitions import transitions

__all__ = ["funnel", "incidence", "journey_map", "model_beside_map", "story", "to_svg", "transitions"]
