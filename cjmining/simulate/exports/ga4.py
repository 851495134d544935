"""GA4's export to BigQuery as JSON lines: nested, integers as text, mostly page views, no event id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.simulate import dirt
from cjmining.simulate.behaviour import DEVICES
from cjmining.simulate.draws import Bools, Draws
from cjmining.simulate.exports.writing import START_S, berlin_day, dates, months, write_lines
from cjmining.simulate.log import AD_CAMPAIGNS, app_events
from cjmining.simulate.settings import PERIOD_S
from cjmining.simulate.steps import CODE

if TYPE_CHECKING:
    from cjmining.simulate.exports.scene import Scene

Ints = npt.NDArray[np.int64]

SITE = "https://shop.example"
SESSION_GAP_S = 1800
DOWN_DAYS = (100, 101)
"""On 12 and 13 May the tag of the site and the app was down: nothing was recorded."""
PAGES = (
    "/", "/category/lamps", "/category/chairs", "/search", "/basket", "/checkout", "/checkout/payment",
    "/checkout/payment-failed", "/thank-you",
)  # fmt: skip
_TO_PAGE = {
    "basket_filled": "/basket",
    "checkout_opened": "/checkout",
    "payment_entered": "/checkout/payment",
}
_TO_PREFIX = {"product_viewed": "/product/p-", "reviews_read": "/reviews/p-", "blog_read": "/blog/topic-"}
_APP_NAMES = {
    "product_viewed": "view_item",
    "reviews_read": "view_reviews",
    "basket_filled": "add_to_cart",
    "checkout_opened": "begin_checkout",
    "payment_entered": "add_payment_info",
    "order_placed": "purchase",
}
NAMES = (
    "page_view", "purchase", "session_start", "first_visit", "user_engagement", "scroll", "payment_failed",
    "screen_view", *_APP_NAMES.values(),
)  # fmt: skip


class Hits(NamedTuple):
    """Rows of the export: the event each belongs to, when, what it is called, and its page."""

    event: Ints
    time: Ints
    name: Ints
    page: npt.NDArray[np.object_]
    rank: Ints


def write_ga4(scene: Scene) -> None:
    """Write one file a month, and account for what the tag lost and what was delivered twice."""
    hits = _hits(scene)
    hits = _without_what_was_lost(scene, hits)
    lines = _lines(scene, hits)
    month = months(berlin_day(hits.time))
    carried: list[str] = []
    for each in np.unique(month).tolist():
        rows = np.flatnonzero(month == each)
        own = [lines[row] for row in rows.tolist()]
        file = f"events_{each.replace('-', '')}.jsonl.gz"
        _write_month(scene, file, own, carried)
        last = own[-400:]
        carried = [last[i] for i in scene.dirt.some(f"ga4 carried {each}", len(last), 40)]


def _write_month(scene: Scene, file: str, own: list[str], carried: list[str]) -> None:
    """Write a month, with the last rows of the month before delivered once more in front."""
    told = scene.dirt.repeat(own, "web", file, 25)
    told = scene.dirt.spoil(
        told,
        "web",
        file,
        {
            dirt.NOT_JSON: (2, lambda line: line[: len(line) // 2]),
            dirt.NO_DATE: (1, lambda line: line.replace('"event_timestamp"', '"event_timestamp_lost"')),
        },
    )
    scene.dirt.note("web", file, dirt.DUPLICATE, len(carried))
    scene.dirt.written("web", file, len(carried) + len(told))
    write_lines(scene.folder / "web" / file, [*carried, *told])


def _hits(scene: Scene) -> Hits:
    """Return what the tag sent: the events of the log, and what browsers send besides."""
    rows = scene.of_source("web")
    app = app_events(scene.world)[rows]
    time = scene.events.time[rows]
    own = Hits(rows, time, _names(scene, rows, app), _pages(scene, rows, app), np.full(len(rows), 3))
    first, first_ever = _sessions(scene, own, app)
    besides = _besides(scene, own, app, first, first_ever)
    hits = _together([own, *besides])
    seen = (hits.time >= 0) & (hits.time < PERIOD_S)
    order = np.lexsort((hits.rank, scene.events.customer[hits.event], hits.time))
    order = order[seen[order]]
    return _rows(hits, order)


def _together(parts: list[Hits]) -> Hits:
    return Hits(
        event=np.concatenate([part.event for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        name=np.concatenate([part.name for part in parts]),
        page=np.concatenate([part.page for part in parts]),
        rank=np.concatenate([part.rank for part in parts]),
    )


def _rows(hits: Hits, rows: Ints) -> Hits:
    return Hits(hits.event[rows], hits.time[rows], hits.name[rows], hits.page[rows], hits.rank[rows])


def _names(scene: Scene, rows: Ints, app: Bools) -> Ints:
    step, failed = scene.events.step[rows], scene.events.failed[rows]
    in_app = np.zeros(len(CODE), dtype=np.int64)
    for touchpoint, name in _APP_NAMES.items():
        in_app[CODE[touchpoint]] = NAMES.index(name)
    on_site = np.where(step == CODE["order_placed"], NAMES.index("purchase"), NAMES.index("page_view"))
    names = np.where(app, in_app[step], on_site)
    return np.where(app & failed, NAMES.index("payment_failed"), names)


def _pages(scene: Scene, rows: Ints, app: Bools) -> npt.NDArray[np.object_]:
    """Return the path of the page of each hit; empty in the app."""
    events = scene.events
    step, journey = events.step[rows], events.journey[rows]
    pages = np.full(len(rows), "", dtype=object)
    for touchpoint, page in _TO_PAGE.items():
        pages[step == CODE[touchpoint]] = page
    pages[(step == CODE["payment_entered"]) & events.failed[rows]] = "/checkout/payment-failed"
    pages[step == CODE["order_placed"]] = "/thank-you"
    number = (journey * 37 + rows % 3) % 240
    for touchpoint, prefix in _TO_PREFIX.items():
        here = np.flatnonzero(step == CODE[touchpoint])
        texts = np.array([f"{prefix}{k}" for k in range(240)], dtype=object)
        pages[here] = texts[number[here]]
    ads = step == CODE["ad_clicked"]
    landing = np.array([f"/landing/{campaign.replace('_', '-')}" for campaign in AD_CAMPAIGNS], dtype=object)
    pages[ads] = landing[events.customer[rows[ads]] % 2]
    pages[app] = ""
    return pages


def _sessions(scene: Scene, hits: Hits, app: Bools) -> tuple[Bools, Bools]:
    """Return which hits begin a session of their cookie, and which are its first ever."""
    cookie = _cookie(scene, hits.event, app)
    order = np.lexsort((hits.time, cookie))
    new_cookie = np.ones(len(order), dtype=np.bool_)
    new_cookie[1:] = cookie[order][1:] != cookie[order][:-1]
    new = new_cookie.copy()
    new[1:] |= np.diff(hits.time[order]) > SESSION_GAP_S
    first, first_ever = np.zeros_like(new), np.zeros_like(new)
    first[order], first_ever[order] = new, new_cookie
    return first, first_ever


def _cookie(scene: Scene, event: Ints, app: Bools) -> Ints:
    """Return the number of the cookie of each hit: one for each customer and kind of device."""
    device = scene.world.journeys.device[scene.events.journey[event]].astype(np.int64)
    return scene.events.customer[event] * 4 + np.where(app, 3, device)


def _besides(scene: Scene, own: Hits, app: Bools, first: Bools, first_ever: Bools) -> list[Hits]:
    """Return what a tag sends beside: sessions, engagement, scrolling, pages looked at on the way."""
    generator = Draws(scene.world.settings.seed, 1).generator("ga4")
    chance = generator.random((4, len(own.event)))
    browses = first & ~app & ~np.char.startswith(own.page.astype(str), "/landing") & (chance[0] < 0.5)
    before = 20 + (70 * chance[1]).astype(np.int64)
    landing = np.array(PAGES[:4], dtype=object)[(chance[1] * 97 % 4).astype(np.int64)]
    begun = own.time - np.where(browses, before, 0)
    purchase = (own.name == NAMES.index("purchase")) & ~app
    page_view = own.name == NAMES.index("page_view")
    return [
        _extra(own, first_ever, begun, "first_visit", np.where(browses, landing, own.page), 0),
        _extra(own, first, begun, "session_start", np.where(browses, landing, own.page), 1),
        _extra(own, browses, begun, "page_view", landing, 2),
        _extra(own, purchase, own.time + 1, "page_view", own.page, 4),
        _extra(own, page_view & (chance[2] < 0.12), own.time + 8, "scroll", own.page, 5),
        _extra(own, chance[3] < 0.20, own.time + 15, "user_engagement", own.page, 6),
    ]


def _extra(own: Hits, which: Bools, time: Ints, name: str, page: npt.NDArray[np.object_], rank: int) -> Hits:
    rows = np.flatnonzero(which)
    n = len(rows)
    return Hits(own.event[rows], time[rows], np.full(n, NAMES.index(name)), page[rows], np.full(n, rank))


def _without_what_was_lost(scene: Scene, hits: Hits) -> Hits:
    if scene.world.settings.clean or not scene.world.settings.tag_down:
        return hits
    day = berlin_day(hits.time)
    lost = (day >= DOWN_DAYS[0]) & (day <= DOWN_DAYS[1])
    scene.dirt.note("web", "", dirt.LOST, int(lost.sum()))
    return _rows(hits, np.flatnonzero(~lost))


# text -----------------------------------------------------------------------------------------------------


def _lines(scene: Scene, hits: Hits) -> list[str]:
    """Return the rows as JSON."""
    app = app_events(scene.world)[hits.event]
    cookie = _cookie(scene, hits.event, app)
    cookies = scene.identifiers.cookies.reshape(-1)[cookie]
    users = _users(scene, hits, cookie)
    scene.sightings.add("cookie", scene.events.customer[hits.event], cookies.tolist())
    scene.sightings.add("user_id", scene.events.customer[hits.event], users.tolist())
    number, session = _session_numbers(hits, cookie)
    parts: list[Any] = [
        '{"event_date":"', pa.array(_days(hits.time)), '","event_timestamp":"', _text(START_S + hits.time),
        '000000","event_name":"', pa.array(NAMES).take(pa.array(hits.name)), '","event_params":[',
        _params(hits, app), '{"key":"ga_session_id","value":{"int_value":"', _text(START_S + session),
        '"}},{"key":"ga_session_number","value":{"int_value":"', _text(number), '"}}],',
        '"event_bundle_sequence_id":"', _text(hits.event % 997 + 1), '",',
        _joined('"user_id":"', users, '",'), '"user_pseudo_id":"', pa.array(cookies.tolist()),
        '","device":{"category":"', _devices(scene, hits), '"},', _campaign(scene, hits),
        _ecommerce(scene, hits), '"platform":"', _where(app, "ANDROID", "WEB"),
        '","batch_event_index":"', _text(hits.rank + 1), '"}',
    ]  # fmt: skip
    lines: list[str] = pc.binary_join_element_wise(*parts, "").to_pylist()
    return lines


def _text(numbers: Ints) -> pa.Array:
    return pa.array(np.asarray(numbers, dtype=np.int64)).cast(pa.string())


def _where(condition: Bools, yes: str, no: str) -> pa.Array:
    return pc.if_else(pa.array(condition), yes, no)


def _joined(before: str, values: npt.NDArray[np.object_], after: str) -> pa.Array:
    """Return the values between two texts, and nothing for empty ones."""
    return pa.array([f"{before}{value}{after}" if value else "" for value in values.tolist()])


def _days(time: Ints) -> list[str]:
    return [day.replace("-", "") for day in dates(berlin_day(time))]


def _users(scene: Scene, hits: Hits, cookie: Ints) -> npt.NDArray[np.object_]:
    """Return the customer's number from the hit on with which they log in on that device; guests never do."""
    customer = scene.events.customer[hits.event]
    order = np.argsort(cookie, kind="stable")
    begins = np.flatnonzero(np.append(True, cookie[order][1:] != cookie[order][:-1]))
    counts = np.diff(np.append(begins, len(order)))
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order)) - np.repeat(begins, counts)
    count = np.empty(len(order), dtype=np.int64)
    count[order] = np.repeat(counts, counts)
    login = Draws(scene.world.settings.seed, scene.world.settings.customers * 4).uniform("login")[cookie]
    known = position >= np.minimum((login * 4).astype(np.int64), count - 1)
    never = (login > (2.0 if scene.world.settings.clean else 0.995)) & (count < 6)
    known &= ~scene.known.guest[customer] & ~never
    return np.where(known, scene.identifiers.user_id[customer], "")


def _session_numbers(hits: Hits, cookie: Ints) -> tuple[Ints, Ints]:
    """Return the number and the first second of the session of each hit."""
    order = np.lexsort((hits.rank, hits.time, cookie))
    new_cookie = np.append(True, cookie[order][1:] != cookie[order][:-1])
    new = new_cookie | np.append(True, np.diff(hits.time[order]) > SESSION_GAP_S)
    running = np.cumsum(new)
    base = np.maximum.accumulate(np.where(new_cookie, running - 1, 0))
    number, begun = np.empty(len(order), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    number[order] = running - base
    begun[order] = hits.time[order][np.flatnonzero(new)[running - 1]]
    return number, begun


def _params(hits: Hits, app: Bools) -> pa.Array:
    """Return the page, or in the app the product, and the currency of a purchase."""
    site = f'{{"key":"page_location","value":{{"string_value":"{SITE}'
    page = np.where(hits.page == "", "", hits.page)
    located = _joined(site, page, '"}},')
    bought = hits.name == NAMES.index("purchase")
    currency = _where(bought, '{"key":"currency","value":{"string_value":"EUR"}},', "")
    screen = _where(app, '{"key":"firebase_screen","value":{"string_value":"shop"}},', "")
    return pc.binary_join_element_wise(located, currency, screen, "")


def _devices(scene: Scene, hits: Hits) -> pa.Array:
    device = scene.world.journeys.device[scene.events.journey[hits.event]]
    return pa.array(DEVICES).take(pa.array(device))


def _campaign(scene: Scene, hits: Hits) -> pa.Array:
    clicked = (scene.events.step[hits.event] == CODE["ad_clicked"]) & (hits.rank == 3)
    names = np.where(clicked, np.array(AD_CAMPAIGNS, dtype=object)[scene.events.customer[hits.event] % 2], "")
    return _joined('"collected_traffic_source":{"manual_campaign_name":"', names, '"},')


def _ecommerce(scene: Scene, hits: Hits) -> pa.Array:
    bought = np.flatnonzero(hits.name == NAMES.index("purchase"))
    texts = np.full(len(hits.event), "", dtype=object)
    values = scene.events.measures["value"][hits.event[bought]].astype(np.float64)
    orders = scene.order_numbers[scene.events.journey[hits.event[bought]]]
    texts[bought] = [
        f'"ecommerce":{{"purchase_revenue":{value:.2f},"transaction_id":"O{order}"}},'
        for value, order in zip(values.tolist(), orders.tolist(), strict=True)
    ]
    return pa.array(texts.tolist())
