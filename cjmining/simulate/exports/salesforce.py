"""Salesforce's objects as CSV: contacts, catalogue requests (leads), orders (opportunities), cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining.simulate import dirt
from cjmining.simulate.exports.writing import berlin_day, csv_lines, dates, utc, write_lines
from cjmining.simulate.identifiers import salesforce_id
from cjmining.simulate.settings import PERIOD_S
from cjmining.simulate.steps import CODE

if TYPE_CHECKING:
    from cjmining.simulate.exports.scene import Scene

Ints = npt.NDArray[np.int64]
Columns = dict[str, list[str]]

NO_PHONE = "+490000000"
STORES_PHONE = "+4930231250"
_MS = ".000Z"
_AMOUNT_CHANGES = 0.1


def write_salesforce(scene: Scene) -> None:
    """Write Contact, Lead, Opportunity, OpportunityHistory and Case."""
    _write(scene, "Contact.csv", _contacts(scene))
    _write(scene, "Lead.csv", _leads(scene))
    orders = _orders(scene)
    _write(scene, "Opportunity.csv", _opportunities(scene, orders))
    _write(scene, "OpportunityHistory.csv", _history(scene, orders))
    _write(scene, "Case.csv", _cases(scene))


def _write(scene: Scene, file: str, columns: Columns) -> None:
    head, *lines = csv_lines(columns, quote='"')
    at = list(columns).index("CreatedDate")
    newer = {"Case.csv": 6, "Lead.csv": 4}.get(file, 0)
    older = [lines[i] for i in scene.dirt.some(f"crm older {file}", len(lines), newer)]
    scene.dirt.note("crm", file, dirt.NEWER, len(older))
    deleted = [lines[i] for i in scene.dirt.some(f"crm deleted {file}", len(lines), newer)]
    scene.dirt.note("crm", file, dirt.DELETED, len(deleted))
    lines += [_deleted(line) for line in deleted]
    lines = [_first_version(line, at) for line in older] + lines
    broken = 3 if file in {"Case.csv", "Lead.csv", "OpportunityHistory.csv"} else 0
    spoils = {
        dirt.BAD_DATE: (broken, lambda line: _with_cell(_with_new_id(line), at, "2026-02-30T25:00:00.000Z")),
        dirt.NO_KEY: (broken, lambda line: _with_cell(line, 0, "")),
        dirt.COLUMNS: (1 if broken else 0, lambda line: line.rsplit(",", 2)[0]),
    }
    lines = scene.dirt.spoil(lines, "crm", file, spoils)
    scene.dirt.written("crm", file, len(lines))
    write_lines(scene.folder / "crm" / file, [head, *lines])


def _with_cell(line: str, at: int, value: str) -> str:
    cells = line.split(",")
    cells[at] = f'"{value}"'
    return ",".join(cells)


def _with_new_id(line: str) -> str:
    """Return the line with the id of no other record."""
    return f'{line[:4]}9Z{line[6:16]}AAA"{line[20:]}'


def _deleted(line: str) -> str:
    return _with_cell(_with_new_id(line), 1, "true")


def _first_version(line: str, created: int) -> str:
    """Return the record as it was exported first: stamped when it was created."""
    cells = line.split(",")
    cells[-1] = cells[created]
    return ",".join(cells)


def _contacts(scene: Scene) -> Columns:
    names = scene.identifiers
    who = np.flatnonzero(scene.contacts)
    made = utc(scene.first_seen[who], _MS)
    typed = typed_contacts(scene, who)
    phone = np.where(scene.phone_in_crm[who] & ~typed, names.phone[who], "")
    email = np.where(typed, "", names.email[who])
    scene.sightings.add("crm_id", who, names.contact[who].tolist())
    scene.sightings.add("crm_account", who, names.account[who].tolist())
    scene.sightings.add("email", who, email.tolist())
    scene.sightings.add("phone", who, phone.tolist())
    scene.sightings.add("user_id", who, names.user_id[who].tolist())
    nobodys = np.flatnonzero(phone == "")[scene.dirt.some("crm placeholder", int((phone == "").sum()), 40)]
    written = _national(phone)
    written[nobodys] = NO_PHONE
    written[typed], email[typed] = STORES_PHONE, scene.world.settings.typed_email
    scene.dirt.note("crm", "Contact.csv", dirt.PLACEHOLDER, len(nobodys))
    return {
        "Id": names.contact[who].tolist(),
        "IsDeleted": ["false"] * len(who),
        "AccountId": names.account[who].tolist(),
        "FirstName": names.first_name[who].tolist(),
        "LastName": names.last_name[who].tolist(),
        "Email": email.tolist(),
        "Phone": written.tolist(),
        "Customer_Number__c": names.user_id[who].tolist(),
        "CreatedDate": made,
        "LastModifiedDate": made,
        "SystemModstamp": made,
    }


def typed_contacts(scene: Scene, who: Ints) -> npt.NDArray[np.bool_]:
    """Say for which contacts somebody typed in an address and a number that are nobody's."""
    typed = np.zeros(len(who), dtype=np.bool_)
    asked = min(scene.world.settings.typed_contacts, len(who))
    if asked:
        generator = np.random.default_rng([scene.world.settings.seed, *b"typed contacts"])
        typed[generator.choice(len(who), size=asked, replace=False)] = True
    return typed


def _national(phones: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Write every other number the way people in Germany do."""
    texts = [
        f"030 {phone[5:10]} {phone[10:]}" if phone and row % 2 else phone
        for row, phone in enumerate(phones.tolist())
    ]
    return np.array(texts, dtype=object)


def _leads(scene: Scene) -> Columns:
    events, names = scene.events, scene.identifiers
    rows = np.flatnonzero(events.step == CODE["catalogue_requested"])
    who = events.customer[rows]
    ids = [salesforce_id("00Q", row) for row in rows.tolist()]
    ordered = _first_order(scene)[who]
    converted = (ordered < PERIOD_S) & (ordered > events.time[rows])
    contact = np.where(converted, names.contact[who], "")
    scene.sightings.add("crm_id", who, ids)
    scene.sightings.add("email", who, names.email[who].tolist())
    changed = np.where(converted, ordered, events.time[rows] + 60)
    return {
        "Id": ids,
        "IsDeleted": ["false"] * len(rows),
        "FirstName": names.first_name[who].tolist(),
        "LastName": names.last_name[who].tolist(),
        "Company": ["private"] * len(rows),
        "Email": names.email[who].tolist(),
        "LeadSource": ["Catalogue"] * len(rows),
        "Status": np.where(converted, "Converted", "Open").tolist(),
        "IsConverted": np.where(converted, "true", "false").tolist(),
        "ConvertedDate": np.where(
            converted, dates(berlin_day(np.minimum(ordered, PERIOD_S - 1))), ""
        ).tolist(),
        "ConvertedContactId": contact.tolist(),
        "CreatedDate": utc(events.time[rows], _MS),
        "LastModifiedDate": utc(np.minimum(changed, PERIOD_S - 1), _MS),
        "SystemModstamp": utc(np.minimum(changed, PERIOD_S - 1), _MS),
    }


def _first_order(scene: Scene) -> Ints:
    events = scene.events
    first = np.full(scene.world.settings.customers, PERIOD_S, dtype=np.int64)
    placed = events.step == CODE["order_placed"]
    np.minimum.at(first, events.customer[placed], events.time[placed])
    return first


class _Orders:
    """One entry an order: its journey, customer, value, and when each of its stages came (-1: never)."""

    def __init__(self, scene: Scene) -> None:
        events = scene.events
        n = len(scene.world.journeys)
        times = {
            name: np.full(n, -1, dtype=np.int64)
            for name in ("order_placed", "order_rejected", "order_delivered")
        }
        value = np.zeros(n)
        for name, time in times.items():
            rows = np.flatnonzero(events.step == CODE[name])[::-1]  # backwards, so that the first one stays
            time[events.journey[rows]] = events.time[rows]
            if name == "order_placed":
                value[events.journey[rows]] = events.measures["value"][rows]
        self.journey = np.flatnonzero(times["order_placed"] >= 0)
        self.customer = scene.world.journeys.customer[self.journey]
        self.value = value[self.journey]
        self.placed, self.rejected, self.delivered = (times[name][self.journey] for name in times)
        self.ids = np.array(
            [salesforce_id("006", journey) for journey in self.journey.tolist()], dtype=object
        )


def _orders(scene: Scene) -> _Orders:
    return _Orders(scene)


def _money(values: npt.NDArray[np.float64]) -> list[str]:
    return [f"{value:.2f}" for value in values.tolist()]


def _opportunities(scene: Scene, orders: _Orders) -> Columns:
    names = scene.identifiers
    stage = np.select([orders.delivered >= 0, orders.rejected >= 0], ["Delivered", "Rejected"], "Received")
    last = np.maximum(orders.placed + 30, np.maximum(orders.delivered, orders.rejected))
    last = np.minimum(last, PERIOD_S - 1)
    short = orders.journey % 3 == 0
    account = [
        a[:15] if s else a
        for a, s in zip(names.account[orders.customer].tolist(), short.tolist(), strict=True)
    ]
    scene.sightings.add("crm_opportunity", orders.customer, orders.ids.tolist())
    n = len(orders.ids)
    return {
        "Id": orders.ids.tolist(),
        "IsDeleted": ["false"] * n,
        "AccountId": account,
        "ContactId": names.contact[orders.customer].tolist(),
        "Name": [f"Order O{number}" for number in scene.order_numbers[orders.journey].tolist()],
        "StageName": stage.tolist(),
        "Amount": _money(orders.value),
        "CloseDate": dates(berlin_day(last)),
        "IsClosed": np.where(stage == "Received", "false", "true").tolist(),
        "IsWon": np.where(stage == "Delivered", "true", "false").tolist(),
        "CreatedDate": utc(np.minimum(orders.placed + 30, PERIOD_S - 1), _MS),
        "LastModifiedDate": utc(last, _MS),
        "SystemModstamp": utc(last, _MS),
    }


def _history(scene: Scene, orders: _Orders) -> Columns:
    """Return a row for each change: the stages of an order, and some changes of its amount alone."""
    changes = scene.holds("amount changes", _AMOUNT_CHANGES)[orders.customer]
    moments = (
        ("Received", orders.placed + 30, np.ones(len(orders.ids), dtype=np.bool_)),
        ("Received", orders.placed + 3600, changes),
        ("Rejected", orders.rejected, orders.rejected >= 0),
        ("Delivered", orders.delivered, orders.delivered >= 0),
    )
    order, stages, times = [], [], []
    for stage, time, there in moments:
        rows = np.flatnonzero(there & (time < PERIOD_S))
        order.append(rows)
        stages += [stage] * len(rows)
        times.append(time[rows])
    row, time = np.concatenate(order), np.concatenate(times)
    made = utc(time, _MS)
    return {
        "Id": [salesforce_id("008", number) for number in range(len(row))],
        "IsDeleted": ["false"] * len(row),
        "OpportunityId": orders.ids[row].tolist(),
        "StageName": stages,
        "Amount": _money(orders.value[row]),
        "Probability": [
            "100" if stage == "Delivered" else "0" if stage == "Rejected" else "80" for stage in stages
        ],
        "CloseDate": dates(berlin_day(time)),
        "CreatedDate": made,
        "SystemModstamp": made,
    }


def _cases(scene: Scene) -> Columns:
    events, names = scene.events, scene.identifiers
    rows = np.flatnonzero(events.step == CODE["case_opened"])
    closings = np.flatnonzero(events.step == CODE["case_closed"])
    closed = np.full(len(scene.world.journeys), -1, dtype=np.int64)
    closed[events.journey[closings]] = events.time[closings]
    closed = closed[events.journey[rows]]
    who = events.customer[rows]
    last = utc(np.maximum(closed, events.time[rows]), _MS)
    n = len(rows)
    return {
        "Id": [salesforce_id("500", row) for row in rows.tolist()],
        "IsDeleted": ["false"] * n,
        "CaseNumber": [f"{number:08d}" for number in range(n)],
        "ContactId": [contact[:15] for contact in names.contact[who].tolist()],
        "Type": ["Question"] * n,
        "Status": np.where(closed >= 0, "Closed", "New").tolist(),
        "Reason": ["Delivery"] * n,
        "Origin": ["Phone"] * n,
        "Subject": ["Question about a delivery"] * n,
        "Priority": ["Medium"] * n,
        "ClosedDate": [text if done else "" for text, done in zip(last, (closed >= 0).tolist(), strict=True)],
        "CreatedDate": utc(events.time[rows], _MS),
        "LastModifiedDate": last,
        "SystemModstamp": last,
    }
