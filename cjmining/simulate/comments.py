"""What customers write beside their answers: by what they rate and how content they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining.simulate.draws import Draws
from cjmining.simulate.steps import STEPS

if TYPE_CHECKING:
    from cjmining.simulate.identifiers import Identifiers
    from cjmining.simulate.journeys import World

WRITES: Final = 0.45
"""Share of the answers that come with a comment."""
LEAVES_EMAIL, LEAVES_PHONE, SIGNS = 0.05, 0.05, 0.06
"""Shares of the comments with an e-mail address, with a phone number, and signed with a name."""

_SAID: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "chat_rated": {
        "low": (
            "Waited ages for an answer and then it was not about my question",
            "The chat kept asking for my order number although I have none yet",
            "Gave up after ten minutes",
            "I had to explain everything twice",
            "Too slow",
            "By the time somebody answered I had closed the page",
        ),
        "middle": (
            "It took a while but the answer was right",
            "Friendly yet slow",
            "Half of my question was answered",
            "I would rather have called",
        ),
        "high": (
            "Quick and to the point",
            "The tip about the size was just what I needed",
            "Good that I could stay on the page while chatting",
        ),
    },
    "call_rated": {
        "low": (
            "Far too long on hold",
            "Fifteen minutes of music on a Monday morning",
            "I was put through three times",
            "Nobody could tell me when it will be back in stock",
            "The line broke and nobody called back",
        ),
        "middle": (
            "Nice person but the wait was long",
            "Got an answer in the end",
            "Fine once somebody picked up",
        ),
        "high": (
            "Very helpful and patient",
            "She knew the product and found the right one for me",
            "Answered at once",
            "The best advice I had in a long time",
            "Friendly and quick",
        ),
    },
    "checkout_rated": {
        "low": (
            "The payment failed twice before it worked",
            "On my phone the form jumps back to the top",
            "Why do I have to type in my address again",
            "Card refused without a reason",
            "Almost gave up at the payment page",
        ),
        "middle": (
            "The form is long but it works",
            "It would be easier with the address filled in",
            "Shipping costs are shown too late",
            "Okay",
        ),
        "high": (
            "Done in two minutes",
            "Smooth",
            "Paying was easy",
            "I like that I did not need an account",
            "Clear and fast",
        ),
    },
    "delivery_rated": {
        "low": (
            "The parcel came a week late",
            "It was left in the rain",
            "I stayed at home all day for nothing",
            "Nobody told me that it was delayed",
        ),
        "middle": (
            "It came but later than promised",
            "The box was far too big",
            "A day late",
            "Fine although I had to fetch it from the neighbours",
        ),
        "high": (
            "Came a day early",
            "Well packed and on time",
            "The driver was friendly",
            "I could follow it all the way",
            "All good",
        ),
    },
}


class Comments(NamedTuple):
    """What was written at some events, as it was written and as it may be kept; "" for nothing.

    `email`, `phone` and `signed` say which name their writer in that way.
    """

    text: list[str]
    kept: list[str]
    email: npt.NDArray[np.bool_]
    phone: npt.NDArray[np.bool_]
    signed: npt.NDArray[np.bool_]


def comments(world: World, rows: npt.NDArray[np.intp], names: Identifiers) -> Comments:
    """Return the comments of events that are answers; without commas and quotes.

    Parameters
    ----------
    world : World
    rows : intp array
        Rows of the events.
    names : Identifiers
        What the customers are called.
    """
    events = world.events
    draws = Draws(world.settings.seed, len(rows))
    score = np.rint(1 + 4 * events.measures["satisfaction"][rows]).astype(int)
    words = draws.uniform("comment words")
    writes = draws.happens("comment written", WRITES)
    slips = draws.uniform("comment names its writer")
    email = writes & (slips < LEAVES_EMAIL)
    phone = writes & (slips >= LEAVES_EMAIL) & (slips < LEAVES_EMAIL + LEAVES_PHONE)
    signed = writes & (slips >= 1 - SIGNS)
    text, kept = [], []
    for i, (row, who) in enumerate(zip(rows.tolist(), events.customer[rows].tolist(), strict=True)):
        said = _said(STEPS[int(events.step[row])].touchpoint, int(score[i]), float(words[i]))
        ends = {
            email[i]: (f". Write to {names.email[who]}", ". Write to [..]"),
            phone[i]: (f". Call me on {_spoken(names.phone[who])}", ". Call me on [..]"),
            signed[i]: (f". {names.first_name[who]}", ". [..]"),
        }
        written, shown = ends.get(np.True_, ("", ""))
        text.append(said + written if writes[i] else "")
        kept.append(said + shown if writes[i] else "")
    return Comments(text, kept, email, phone, signed)


def _said(touchpoint: str, score: int, chance: float) -> str:
    mood = "low" if score <= 2 else "middle" if score == 3 else "high"
    choice = _SAID[touchpoint][mood]
    return choice[int(chance * len(choice))]


def _spoken(phone: str) -> str:
    """Write +493023125000000 as people do: 030 23125 000000."""
    return f"0{phone[3:5]} {phone[5:10]} {phone[10:]}"
