"""Pictures of results: they draw what a result holds and compute nothing.

Every function takes a result and returns matplotlib's axes, which show themselves in a notebook; with ``ax``
it draws on given ones. `cj.plot.data` has the numbers behind each picture as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.lazily import make_lazy

_HOMES = {
    "difference": "cjmining.plot.difference",
    "flow": "cjmining.plot.flow",
    "heat_map": "cjmining.plot.heat_map",
    "incidence": "cjmining.plot.incidence",
    "journey_map": "cjmining.plot.journey_map",
    "journey_maps": "cjmining.plot.journey_maps",
    "model_beside_map": "cjmining.plot.model_beside_map",
    "scan": "cjmining.plot.scan",
    "slide": "cjmining.plot.slide",
    "story": "cjmining.plot.story",
    "to_svg": "cjmining.plot.svg",
    "transitions": "cjmining.plot.transitions",
    "variants": "cjmining.plot.variants",
}
"""Each name with the module that has it; loaded when first used, since matplotlib is heavy."""
_MODULES = {"data": "cjmining.plot.data"}

if TYPE_CHECKING:
    from cjmining.plot import data as data
    from cjmining.plot.difference import difference as difference
    from cjmining.plot.flow import flow as flow
    from cjmining.plot.heat_map import heat_map as heat_map
    from cjmining.plot.incidence import incidence as incidence
    from cjmining.plot.journey_map import journey_map as journey_map
    from cjmining.plot.journey_maps import journey_maps as journey_maps
    from cjmining.plot.model_beside_map import model_beside_map as model_beside_map
    from cjmining.plot.scan import scan as scan
    from cjmining.plot.slide import slide as slide
    from cjmining.plot.story import story as story
    from cjmining.plot.svg import to_svg as to_svg
    from cjmining.plot.transitions import transitions as transitions
    from cjmining.plot.variants import variants as variants

__all__ = sorted([*_HOMES, *_MODULES])  # noqa: PLE0605 -- the names are the keys above

make_lazy(__name__)
