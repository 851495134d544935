"""The figures of the gallery: for each function of `cj.plot` a title, what it is for, and code that runs."""

from __future__ import annotations

from typing import Final, NamedTuple


class Example(NamedTuple):
    """A figure of the gallery.

    Attributes
    ----------
    name : str
        Of the function in `cj.plot`.
    title : str
    shows : str
        What it is for, in a sentence.
    code : str
        Draws it as `ax`, after prepare.py.
    """

    name: str
    title: str
    shows: str
    code: str


FIGURES: Final = (
    Example(
        "journey_map",
        "Journey map",
        "The journey that customers really took, on the map of the intended one: who stays and who leaves, "
        "what they do and feel, what was promised, where it hurts and what to do.",
        'ax = cj.plot.journey_map(check, persona="Gen Z", found=with_channels, why=why, places=places)',
    ),
    Example(
        "journey_maps",
        "Journey maps side by side",
        "The same map for several personas, one below the other on one scale.",
        'ax = cj.plot.journey_maps(check, personas=["Gen Z", "Families", "Silver"])',
    ),
    Example(
        "difference",
        "Difference of two journey maps",
        "What two personas, or periods, do differently: what is clear is set off from what may be chance.",
        "ax = cj.plot.difference(diff)",
    ),
    Example(
        "flow",
        "Flow over the stages",
        "How many go on from stage to stage, how many leave at each, and how.",
        "ax = cj.plot.flow(check)",
    ),
    Example(
        "transitions",
        "Transitions",
        "Which touchpoint follows which, against what the map lets follow: planned and used, planned and "
        "unused, unplanned.",
        'ax = cj.plot.transitions(found, intended=intended, group="Families")',
    ),
    Example(
        "variants",
        "Variant explorer",
        "The ways that most journeys take, step by step, how they end and how long they last.",
        'ax = cj.plot.variants(ways, group="Families")',
    ),
    Example(
        "heat_map",
        "Heat map of drop-out",
        "Which persona drops out where, with limits and how many journeys tell so.",
        "ax = cj.plot.heat_map(check)",
    ),
    Example(
        "incidence",
        "Incidence over time",
        "How likely an end is by the time since entering a stage, while some journeys still run.",
        'ax = cj.plot.incidence(ends, stage="Checkout", group="Gen Z")',
    ),
    Example(
        "scan",
        "Drop-out scan",
        "In which weeks drop-out stands out at a stage, for whom, and what chance alone brings.",
        "ax = cj.plot.scan(places)",
    ),
    Example(
        "story",
        "Story of one journey",
        "One journey move by move: what was planned, what happened, and what became of it.",
        'ax = cj.plot.story(check.explain(left_at_checkout["journey"].iloc[0]))',
    ),
    Example(
        "model_beside_map",
        "Discovered model beside the map",
        "What a process model from another tool lets follow, over the layout of the map.",
        "ax = cj.plot.model_beside_map(beside)",
    ),
    Example(
        "slide",
        "A finding as a slide",
        "One finding as a picture of 16:9: its number large, with what it is a share of.",
        "ax = cj.plot.slide(finding, map_name=intended.map)",
    ),
)
