"""Marketing Cloud's tracking extract: five files, times in UTC-6 all year, no event id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate import dirt
from cjmining.simulate.draws import Draws
from cjmining.simulate.exports.writing import csv_lines, instants, write_lines
from cjmining.simulate.log import campaign_codes
from cjmining.simulate.settings import PERIOD_S
from cjmining.simulate.steps import CODE

if TYPE_CHECKING:
    from cjmining.simulate.exports.scene import Scene

Ints = npt.NDArray[np.int64]

UTC_MINUS_6_S = -6 * 3600
MACHINE = "Apple Mail Privacy Protection"
_SECOND_ADDRESS_FROM_S = 90 * 86_400


def write_marketing_cloud(scene: Scene) -> None:
    """Write sends, opens, clicks, bounces and unsubscriptions."""
    for file, event_type, touchpoints in (
        ("Sent.csv", "Sent", ("newsletter_sent", "basket_reminder_sent", "parcel_sent")),
        ("Opens.csv", "Open", ("newsletter_opened", "basket_reminder_opened", "newsletter_prefetched")),
        ("Bounces.csv", "HardBounce", ("email_bounced",)),
        ("Unsubs.csv", "Unsubscribe", ("unsubscribed",)),
    ):
        rows = np.flatnonzero(np.isin(scene.events.step, [CODE[name] for name in touchpoints]))
        _write(
            scene, file, _columns(scene, rows, scene.events.time[rows], event_type) | _more(scene, file, rows)
        )
    rows, time = _clicks(scene)
    more = {
        "SendURLID": _numbered(rows % 9 + 1),
        "URL": ["https://shop.example/news"] * len(rows),
        "Alias": ["shop"] * len(rows),
    }
    _write(scene, "Clicks.csv", _columns(scene, rows, time, "Click") | more)


def _clicks(scene: Scene) -> tuple[Ints, Ints]:
    """Return who clicks, seconds after opening: all who come back by a reminder, most readers of news."""
    step = scene.events.step
    chance = Draws(scene.world.settings.seed, len(step)).uniform("clicks")
    clicks = (step == CODE["basket_reminder_opened"]) | ((step == CODE["newsletter_opened"]) & (chance < 0.6))
    rows = np.flatnonzero(clicks & (scene.events.time + 5 < PERIOD_S))
    return rows, scene.events.time[rows] + 5


def _write(scene: Scene, file: str, columns: dict[str, list[str]]) -> None:
    head, *lines = csv_lines(columns)
    lines = scene.dirt.repeat(lines, "email", file, 30 if file == "Sent.csv" else 5)
    lines = scene.dirt.spoil(
        lines,
        "email",
        file,
        {
            dirt.COLUMNS: (2, lambda line: line.rsplit(",", 3)[0]),
            dirt.BAD_DATE: (2, _with_bad_date),
        },
    )
    scene.dirt.written("email", file, len(lines))
    write_lines(scene.folder / "email" / file, [head, *lines])


def _with_bad_date(line: str) -> str:
    cells = line.split(",")
    cells[6] = "13/45/2026 9:00:00 AM"
    return ",".join(cells)


def _columns(scene: Scene, rows: Ints, time: Ints, event_type: str) -> dict[str, list[str]]:
    """Return the columns that all files share."""
    names, who = scene.identifiers, scene.events.customer[rows]
    campaigns, campaign_names = campaign_codes(scene.events)
    campaign = campaigns[rows]
    second = (names.second_email[who] != "") & (scene.events.time[rows] > _SECOND_ADDRESS_FROM_S)
    email = np.where(second, names.second_email[who], names.email[who]).tolist()
    by_email = scene.holds("subscriber by email", 0.2)[who] & (names.second_email[who] == "")
    key = np.where(by_email, names.email[who], names.contact[who]).tolist()
    scene.sightings.add("email", who, email)
    scene.sightings.add("crm_id", who, [k if "@" not in k else "" for k in key])
    n = len(rows)
    return {
        "ClientID": ["7200111"] * n,
        "SendID": _numbered(np.where(campaign >= 0, 500 + campaign, 499)),
        "SubscriberKey": key,
        "EmailAddress": email,
        "SubscriberID": _numbered(9_000_000 + who),
        "ListID": ["77"] * n,
        "EventDate": system_time(time),
        "EventType": [event_type] * n,
        "BatchID": _numbered(np.where(campaign >= 10, scene.events.journey[rows] + 2, 1)),
        "TriggeredSendExternalKey": np.array([*campaign_names, ""], dtype=object)[campaign].tolist(),
    }


def _numbered(numbers: Ints) -> list[str]:
    return [str(number) for number in np.asarray(numbers).tolist()]


def _more(scene: Scene, file: str, rows: Ints) -> dict[str, list[str]]:
    """Return the columns that one file has beside the shared ones."""
    n = len(rows)
    if file == "Sent.csv":
        return {"CampaignID": [""] * n}
    if file == "Bounces.csv":
        return {
            "BounceCategory": ["Hard bounce"] * n,
            "BounceReason": ["mailbox unavailable"] * n,
            "SMTPCode": ["550"] * n,
        }
    if file == "Opens.csv":
        machine = scene.events.step[rows] == CODE["newsletter_prefetched"]
        return {"IsUnique": ["True"] * n, "EmailClient": np.where(machine, MACHINE, "Gmail").tolist()}
    return {"UnsubReason": ["List-Unsubscribe header"] * n}


def system_time(seconds: Ints) -> list[str]:
    """Write moments as Marketing Cloud does: 3/29/2026 1:05:00 AM, six hours behind UTC all year.

    Examples
    --------
    >>> import numpy as np
    >>> system_time(np.array([0, 3600 * 20]))
    ['1/31/2026 5:00:00 PM', '2/1/2026 1:00:00 PM']
    """
    moments = instants(np.asarray(seconds) + UTC_MINUS_6_S)
    return [
        f"{moment.month}/{moment.day}/{moment.year} {(moment.hour - 1) % 12 + 1}:{moment:%M:%S} "
        f"{'PM' if moment.hour >= 12 else 'AM'}"
        for moment in moments.tolist()
    ]
