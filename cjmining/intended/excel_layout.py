"""The workbook that a map is drawn in: its sheets and columns, with what people may call them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from cjmining.intended.model import Actor, Ending, Measure, Order

Kind = Literal["text", "names", "texts", "yes_no", "number", "share", "duration", "word", "conditions"]
"""What stands in a cell: one text, a list of names or of texts, yes or no, a number, a share, a duration, a
word of a few, or conditions."""

NOTHING: Final = "(none)"
"""What a cell says where an empty one would mean something else: no stage, no promise."""


@dataclass(frozen=True)
class Column:
    """A column, or on the sheet Map a line: its name, its key in a map file, and what may stand there."""

    header: str
    key: str
    kind: Kind
    help: str
    aliases: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    width: int = 14
    is_needed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which the column is found, as `normal` writes it."""
        return tuple(normal(name) for name in (self.header, self.key, *self.aliases))


def normal(name: object) -> str:
    """Return a header as it is compared: lower case, single spaces, without what stands in brackets.

    Examples
    --------
    >>> normal(" Key_Event (moment of truth) ")
    'key event'
    """
    return " ".join(re.sub(r"\([^)]*\)|[_\-*:]", " ", str(name)).lower().split())


YES_NO: Final = ("yes", "no")
EMOTIONS: Final = ("-2", "-1", "0", "1", "2")

PERSONA_ROW: Final = Column(
    "Persona",
    "persona",
    "text",
    "Only where a persona's touchpoints of this stage differ: its name. Then list all of the stage's for it.",
    width=16,
)

MAP: Final = (
    Column("Name", "map", "text", "The name of the map.", ("map name", "title", "journey"), is_needed=True),
    Column(
        "Goal",
        "goal",
        "names",
        "The touchpoints that complete the journey; any of them.",
        ("goals",),
        is_needed=True,
    ),
    Column(
        "Patience",
        "patience",
        "duration",
        "The customer's silence that counts as having left, such as 14d; or never; or auto (estimated).",
        is_needed=True,
    ),
    Column("Horizon", "horizon", "duration", "Within which drop-out and conversion are stated. Empty: 30d."),
    Column("Ignore", "ignore", "names", "Touchpoints that are as if they had not happened.", ("ignored",)),
    Column(
        "New journey after",
        "new_journey_after",
        "names",
        f"After which end another journey may begin: goal, exit, silence. Empty: all three. {NOTHING}: none.",
        options=get_args(Ending),
    ),
)
_STAGE_RULES = (
    Column("Owner", "owner", "text", "Who answers for the stage in the company."),
    Column("Motivation", "motivation", "text", "What the customer wants there.", width=34),
    Column(
        "Order",
        "order",
        "word",
        "sequence: all touchpoints, in order. choice: one of them. any: all, in any order (at most 5). "
        "Empty: sequence.",
        options=get_args(Order),
    ),
    Column(
        "Optional",
        "optional",
        "yes_no",
        "Whether the whole stage may be skipped.",
        ("may be skipped",),
        YES_NO,
    ),
    Column(
        "Patience",
        "patience",
        "duration",
        "The silence that counts as having left, where it differs; or never; or auto (estimated).",
    ),
    Column(
        "Within", "within", "duration", "The promised time from entering this stage to entering the next."
    ),
    Column(
        "Within share",
        "within_share",
        "share",
        "For which share of journeys that time is promised, such as 90 %. Empty: all.",
    ),
    Column(
        "Next",
        "next",
        "names",
        f"The stages that may follow. Empty: the one below. {NOTHING}: the journey may end here.",
        ("next stages", "then"),
        width=18,
    ),
    Column(
        "Returns to", "returns_to", "names", "Intended ways back to other stages, or to itself.", width=18
    ),
)
STAGES: Final = (
    Column("Stage", "stage", "text", "Its name, unique.", ("phase", "step"), width=18, is_needed=True),
    *_STAGE_RULES,
)
TOUCHPOINTS: Final = (
    Column(
        "Stage",
        "stage",
        "text",
        "A stage of the sheet Stages. Empty: that of the row above.",
        ("phase",),
        width=18,
        is_needed=True,
    ),
    Column("Touchpoint", "touchpoint", "text", "Its name, as the labels give it.", width=24, is_needed=True),
    Column(
        "Channels",
        "channels",
        "names",
        "Where it is meant to happen. Empty: anywhere.",
        ("channel",),
        width=18,
    ),
    Column(
        "Actor",
        "actor",
        "word",
        "Who does it: customer or company. Empty: as the systems say, and planned for the customer.",
        ("done by", "who"),
        get_args(Actor),
    ),
    Column(
        "Optional", "optional", "yes_no", "Whether it may be skipped. Empty: no.", ("may be skipped",), YES_NO
    ),
    Column(
        "Repeat",
        "repeat",
        "yes_no",
        "Whether it may occur again. Empty: no.",
        ("may repeat", "repeats"),
        YES_NO,
    ),
    Column("Recorded", "recorded", "yes_no", "no: no system sees it. Empty: yes.", (), YES_NO),
    Column("Emotion", "emotion", "number", "The intended emotion, from -2 to 2.", options=EMOTIONS),
    Column(
        "Key event",
        "moment_of_truth",
        "yes_no",
        "Whether much depends on it: a moment of truth.",
        ("moment of truth", "moments of truth", "key events"),
        YES_NO,
    ),
    Column(
        "Areas of tension",
        "pain_points",
        "texts",
        "What hurts there; a line each.",
        ("pain points", "pain point", "area of tension"),
        width=34,
    ),
    Column(
        "Opportunities",
        "opportunities",
        "texts",
        "What could be better; a line each.",
        ("opportunity",),
        width=34,
    ),
    Column("Rates", "rates", "names", "For a survey's answer: the touchpoints it judges.", width=18),
    PERSONA_ROW,
)
PROMISES: Final = (
    Column(
        "Stage",
        "stage",
        "text",
        "The stage of the touchpoint; may be empty where only one stage has it.",
        ("phase",),
        width=18,
    ),
    Column("Touchpoint", "touchpoint", "text", "Where the promise is made.", width=24, is_needed=True),
    Column(
        "Measure",
        "measure",
        "word",
        "wait_s, duration_s and response_s are in seconds; satisfaction runs from 0 to 1; contacts counts "
        "how often the touchpoint occurs in one journey.",
        options=get_args(Measure),
        is_needed=True,
    ),
    Column("After", "after", "text", "For response_s: the touchpoint from which the time runs.", width=24),
    Column("At least", "at_least", "number", "The promise is kept from this number on.", ("minimum", "min")),
    Column("At most", "at_most", "number", "The promise is kept up to this number.", ("maximum", "max")),
    Column("Share", "share", "share", "For which share it is promised, such as 90 %. Empty: everyone."),
    PERSONA_ROW,
)
EXITS: Final = (
    Column(
        "Touchpoint",
        "touchpoint",
        "text",
        "What ends the journey without the goal.",
        ("exit",),
        width=24,
        is_needed=True,
    ),
    Column(
        "By",
        "by",
        "word",
        "Who ends it: customer (dropped) or company (turned away).",
        ("actor",),
        get_args(Actor),
    ),
)
PERSONAS: Final = (
    Column(
        "Persona",
        "persona",
        "text",
        "Its name. The first persona that fits is a customer's.",
        width=18,
        is_needed=True,
    ),
    Column(
        "Conditions",
        "where",
        "conditions",
        "On attributes of the customers, a line each: birth_year at least 1997. Also: at most, above, below, "
        "is, one of (North, South), is missing, is known.",
        ("condition", "where", "rules"),
        width=40,
        is_needed=True,
    ),
    Column("Needs", "needs", "texts", "What they need; a line each.", ("need",), width=34),
    Column("Value", "value", "number", "The net value of one conversion."),
)
PERSONA_STAGES: Final = (
    Column("Persona", "persona", "text", "A persona of the sheet Personas.", width=18, is_needed=True),
    Column(
        "Stage",
        "stage",
        "text",
        "A stage that differs for it. Empty cells are as in the map.",
        ("phase",),
        width=18,
        is_needed=True,
    ),
    *_STAGE_RULES,
)

SHEETS: Final[dict[str, tuple[Column, ...]]] = {
    "Map": MAP,
    "Stages": STAGES,
    "Touchpoints": TOUCHPOINTS,
    "Promises": PROMISES,
    "Exits": EXITS,
    "Personas": PERSONAS,
    "Persona stages": PERSONA_STAGES,
}
NEEDED_SHEETS: Final = ("Map", "Stages", "Touchpoints")
READ_ME: Final = "Read me"
SETTING: Final = "Setting"
VALUE: Final = "Value"
"""The headers of the sheet Map, which has a line a setting."""
