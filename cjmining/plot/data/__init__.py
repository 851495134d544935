"""What the pictures show, as tables: for each function of `cj.plot` one of the same name and keywords.

Nothing here draws or loads matplotlib. A picture and its table are made from the same rows, so that they
can't tell different numbers.
"""

from __future__ import annotations

from cjmining.lazily import make_lazy

_HOMES = {
    "difference": "cjmining.plot.data.difference",
    "flow": "cjmining.plot.data.flow",
    "heat_map": "cjmining.plot.data.heat_map",
    "incidence": "cjmining.plot.data.incidence",
    "journey_map": "cjmining.plot.data.journey_map",
    "journey_maps": "cjmining.plot.data.journey_maps",
    "model_beside_map": "cjmining.plot.data.model_beside_map",
    "scan": "cjmining.plot.data.scan",
    "slide": "cjmining.plot.data.slide",
    "story": "cjmining.plot.data.story",
    "transitions": "cjmining.plot.data.transitions",
    "variants": "cjmining.plot.data.variants",
}
"""Each name with the module that has it."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 -- the names are the keys above

make_lazy(__name__)
