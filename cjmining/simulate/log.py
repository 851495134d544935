"""The simulated shop as a log in memory: canonical touchpoints, integer codes, no Python object an event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import schema
from cjmining.log import JourneyLog
from cjmining.simulate.behaviour import CAMPAIGN_S, DEVICES
from cjmining.simulate.people import REGIONS
from cjmining.simulate.settings import DATA_END, START, Settings
from cjmining.simulate.steps import CODE, SOURCES, STEPS, Step

if TYPE_CHECKING:
    from cjmining.simulate.journeys import Events, World
    from cjmining.simulate.known import Known

START_US = int(START.timestamp()) * 1_000_000
NEWSLETTERS = tuple(
    f"newsletter_{datetime.fromtimestamp(START.timestamp() + seconds, tz=START.tzinfo):%Y_%m_%d}"
    for seconds in CAMPAIGN_S.tolist()
)
AD_CAMPAIGNS = ("search_brand", "social_reach")
_PLAIN, _APP, _BY_PHONE = range(3)


class Kind(NamedTuple):
    """What the words of an event depend on."""

    step: Step
    variant: int
    failed: bool


_ABANDONED = {"VOICE answered": "VOICE abandoned", "CHAT answered": "CHAT abandoned"}


def build_log(world: World, seen: Known) -> JourneyLog:
    """Return the log of everything that happened, one journey a customer until it is split by a map."""
    return JourneyLog.from_events(
        _event_table(world),
        customers=customer_table(world, seen),
        sources=_source_table(world),
        data_end=DATA_END,
    )


def _event_table(world: World) -> pa.Table:
    events = world.events
    app = app_events(world)
    variant = np.where(events.by_phone, _BY_PHONE, np.where(app, _APP, _PLAIN)).astype(np.int16)
    kind = (events.step.astype(np.int16) * 3 + variant) * 2 + events.failed
    n = len(events)
    number = np.arange(n)
    columns = {
        "customer": pa.array(events.customer.astype(np.int64)),
        "timestamp": pa.array(START_US + events.time * 1_000_000).view(schema.TIMESTAMP),
        "sequence": pa.array(number),
        "touchpoint": _by_kind(kind, _touchpoint),
        "native": _by_kind(kind, _native),
        "channel": _by_kind(kind, _channel),
        "source": _by_kind(kind, _source),
        "actor": _by_kind(kind, _actor),
        "device": _dictionary(device_codes(world), DEVICES),
        "campaign": _campaigns(events),
        "failed": _failed(events),
        **{
            name: _nullable(events.measures[name])
            for name in ("value", "wait_s", "duration_s", "satisfaction")
        },
        "currency": _dictionary(np.where(np.isnan(events.measures["value"]), -1, 0), ("EUR",)),
        "precision": pa.array(np.nan_to_num(events.measures["precision"]).astype(np.float64)),
        "event_id": pa.array(number.astype(np.uint64)),
    }
    return pa.table(columns)


def app_events(world: World) -> npt.NDArray[np.bool_]:
    """Return which events happened in the app."""
    in_app = np.array([step.native_app != "" for step in STEPS])[world.events.step]
    app: npt.NDArray[np.bool_] = in_app & world.journeys.app[world.events.journey] & ~world.events.by_phone
    return app


def device_codes(world: World) -> npt.NDArray[np.int32]:
    """Return the device of each event of the web or app, -1 for others."""
    web = np.array([step.source == "web" for step in STEPS])[world.events.step] & ~world.events.by_phone
    return np.where(web, world.journeys.device[world.events.journey], -1).astype(np.int32)


def _by_kind(kind: npt.NDArray[np.int16], word: Callable[[Kind], str]) -> pa.Array:
    """Return a dictionary column whose word depends on step, variant and failure alone."""
    kinds = (
        Kind(step, variant, failed) for step in STEPS for variant in range(3) for failed in (False, True)
    )
    words = [word(each) for each in kinds]
    vocabulary = sorted(set(words))
    codes = np.array([vocabulary.index(each) for each in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes[kind]), pa.array(vocabulary))


def _touchpoint(kind: Kind) -> str:
    return kind.step.touchpoint


def _native(kind: Kind) -> str:
    step = kind.step
    if kind.variant == _BY_PHONE:
        return "VOICE answered"
    if kind.variant == _APP and step.native_app:
        return "payment_failed" if kind.failed and step.touchpoint == "payment_entered" else step.native_app
    return _ABANDONED.get(step.native, step.native) if kind.failed else step.native


def _channel(kind: Kind) -> str:
    if kind.variant == _BY_PHONE:
        return "phone"
    return "app" if kind.variant == _APP and kind.step.native_app else kind.step.channel


def _source(kind: Kind) -> str:
    return "calls" if kind.variant == _BY_PHONE else kind.step.source


def _actor(kind: Kind) -> str:
    return kind.step.actor


def _dictionary(codes: npt.NDArray[np.int32], words: tuple[str, ...]) -> pa.Array:
    codes = codes.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(words))


def campaign_codes(events: Events) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Return the mailing or advertisement of each event, -1 for none, and the names."""
    names = (*NEWSLETTERS, "basket_reminder", "parcel_sent", *AD_CAMPAIGNS)
    newsletter = np.array([step.touchpoint.startswith("newsletter") for step in STEPS])[events.step]
    bounced = (events.step == CODE["email_bounced"]) & (events.campaign >= 0) & (events.journey < 0)
    codes = np.where(newsletter | bounced, events.campaign, -1).astype(np.int32)
    mailed = {"basket_reminder_sent": 0, "basket_reminder_opened": 0, "parcel_sent": 1}
    for touchpoint, offset in mailed.items():
        codes[events.step == CODE[touchpoint]] = len(NEWSLETTERS) + offset
    after = np.flatnonzero((events.step == CODE["email_bounced"]) & (events.journey >= 0))
    for back in (3, 2, 1):  # a bounce follows its mailing within seconds; little can lie between
        mailed_at = after - back
        here = (mailed_at >= 0) & (events.time[mailed_at] == events.time[after] - 7) & (codes[mailed_at] >= 0)
        codes[after[here]] = codes[mailed_at[here]]
    ads = np.flatnonzero(events.step == CODE["ad_clicked"])
    codes[ads] = len(NEWSLETTERS) + 2 + events.customer[ads] % 2
    return codes, names


def _campaigns(events: Events) -> pa.Array:
    return _dictionary(*campaign_codes(events))


def _failed(events: Events) -> pa.Array:
    """Calls and chats are known to have worked or not; of others only a failure is known."""
    contact = np.array([step.source == "calls" for step in STEPS])[events.step] | events.by_phone
    return pa.array(events.failed, mask=~(contact | events.failed))


def _nullable(values: npt.NDArray[np.float32]) -> pa.Array:
    exact = np.round(values.astype(np.float64), 2)
    return pa.array(exact, mask=np.isnan(exact))


def customer_table(world: World, seen: Known) -> pa.Table:
    """Return the attributes of customers, null where the customer list does not have them."""
    folk = world.people
    return pa.table(
        {
            "customer": pa.array(np.arange(len(folk), dtype=np.int64)),
            "birth_year": pa.array(folk.birth_year.astype(np.int64), mask=~seen.birth_year),
            "region": _dictionary(np.where(seen.listed, folk.region, -1), REGIONS),
        }
    )


def _source_table(world: World) -> pa.Table:
    records = np.bincount(source_codes(world.events), minlength=len(SOURCES))
    return pa.table(
        {
            "source": pa.array(SOURCES),
            "kind": pa.array(["simulated"] * len(SOURCES)),
            "records": pa.array(records.astype(np.int64)),
            "first": pa.array([_begun(world.settings, name) for name in SOURCES], type=schema.TIMESTAMP),
            "last": pa.array([DATA_END] * len(SOURCES), type=schema.TIMESTAMP),
            "gaps": pa.array([[] for _ in SOURCES], type=schema.SOURCES.field("gaps").type),
            "timezone": pa.array(["UTC"] * len(SOURCES)),
            "timezone_given": pa.array([True] * len(SOURCES)),
            "note": pa.array([""] * len(SOURCES)),
        },
        schema=schema.SOURCES,
    )


def _begun(settings: Settings, source: str) -> datetime:
    return settings.survey_starts if source == "survey" else START


def source_codes(events: Events) -> npt.NDArray[np.int64]:
    """Return the source of each event, a code of `SOURCES`."""
    codes = np.array([SOURCES.index(step.source) for step in STEPS])[events.step]
    return np.where(events.by_phone, SOURCES.index("calls"), codes)
