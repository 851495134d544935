"""Whether the cause of drop-out comes before its harmless companions, in shops whose causes are known.

In the simulated shop a call that waits a quarter of an hour drives 45 % of the callers away, a chat that
takes more than ten minutes 25 %, and a reminder that bounces everybody who needed it. Abandoned calls and
chats, low ratings, channels, pages of the blog and the rest are harmless: they go along, or with nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import cjmining as cj
from cjmining.intended import parse_map

SEEDS = range(1, 21)
NULL_SEEDS = range(1, 61)
STAGES = ("Awareness", "Research", "Basket", "Checkout")
CLEAR = 0.05
CONTACTS = ("call_answered", "chat_answered")


def run(*, quick: bool = False) -> dict:
    """Ask for drivers in shops with causes, and in null shops."""
    customers, seeds = (4_000, SEEDS[:2]) if quick else (20_000, SEEDS)
    of_null, null_seeds = (2_000, NULL_SEEDS[:2]) if quick else (8_000, NULL_SEEDS)
    return {
        "customers": customers,
        "shops": {seed: _shop(customers, seed) for seed in seeds},
        "null customers": of_null,
        "null shops": {seed: _null(of_null, seed) for seed in null_seeds},
    }


def _check(shop: cj.simulate.Shop) -> cj.Conformance:
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended)


def _shop(customers: int, seed: int) -> dict:
    shop = cj.simulate.shop(customers, seed=seed)
    check = _check(shop)
    research, basket = (cj.drivers(check, stage).drivers for stage in ("Research", "Basket"))
    fault = shop.settings.fault
    window = {"since": fault.start, "until": fault.end, "where": {"persona": fault.persona}}
    checkout = cj.drivers(check, "Checkout", **window).drivers
    waited = research["kind"].eq("long wait") & research["candidate"].eq("call_answered")
    lengths = [research[waited & research["detail"].eq(f"longer than {n} min")] for n in (15, 10)]
    ten = next((found for found in lengths if len(found)), lengths[0])
    return {
        "call": _rank(research, waited),
        "chat": _rank(research, research["kind"].eq("long wait") & research["candidate"].eq("chat_answered")),
        "companion at Research": _companion(research, _is_cause_at_research(research)),
        "companions that go along": int((research["goes_along_with"] != "").sum()),
        "bounce": _rank(basket, basket["candidate"].eq("email_bounced")),
        "companion at Basket": _companion(basket, basket["candidate"].eq("email_bounced")),
        "difference": [float(x) for x in ten.iloc[0][["difference", "lower", "upper"]]] if len(ten) else None,
        "truth": true_difference(shop.settings),
        "fault's device": _rank(
            checkout, checkout["candidate"].eq("device") & checkout["detail"].eq("mobile")
        ),
        "failed payment": _rank(checkout, checkout["candidate"].eq("payment_entered")),
        "fault's device is clear": bool(
            (
                checkout.loc[checkout["detail"].eq("mobile") & checkout["candidate"].eq("device"), "q"]
                <= CLEAR
            ).any()
        ),
    }


def _is_cause_at_research(table: pd.DataFrame) -> pd.Series:
    """The waits themselves, however long, and the promises about them."""
    of_wait = table["kind"].eq("long wait") | table["detail"].str.startswith("wait ")
    return of_wait & table["candidate"].isin(CONTACTS) & table["when"].eq("during the stage")


def _rank(table: pd.DataFrame, chosen: pd.Series) -> int | None:
    return int(table.loc[chosen, "rank"].min()) if chosen.any() else None


def _companion(table: pd.DataFrame, is_cause: pd.Series) -> dict:
    """Return the first of the candidates that drive nobody away."""
    first = table[~is_cause].iloc[0]
    return {
        "rank": int(first["rank"]),
        "what": f"{first['kind']}: {first['candidate']} {first['detail']}",
        "said to drive away": bool(first["verdict"] == "of its own"),
    }


def true_difference(settings: object) -> float:
    """Return by how much a long wait raises the risk of leaving at Research, over those who call there.

    Who gives up Research does so before calling with a chance of 0.7. Who comes back within patience has not
    left as the map sees it.
    """
    calls, later = [], []
    for each in settings.personas:
        reach = 1 - 0.7 * each.leave_research
        calls.append(each.share * each.calls * reach)
        later.append(0.3 * each.leave_research / reach)
    seen = 1 - settings.returns * settings.quick_returns
    return float(settings.long_wait_leaves * (1 - np.average(later, weights=calls)) * seen)


def _null(customers: int, seed: int) -> dict:
    check = _check(cj.simulate.null_shop(customers, seed=seed))
    found = {}
    for stage in STAGES:
        table = cj.drivers(check, stage).drivers
        clear = table[table["q"] <= CLEAR]
        found[stage] = {
            "candidates": len(table),
            "below 0.05": int((table["p"] <= CLEAR).sum()),
            "clear": [f"{row.kind}: {row.candidate} {row.detail}" for row in clear.itertuples()],
        }
    return found


# telling --------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Return the tables as Markdown."""
    shops, nulls = list(result["shops"].values()), list(result["null shops"].values())
    n = len(shops)
    first = {name: sum(each[name] == 1 for each in shops) for name in ("call", "bounce")}
    above = {
        stage: sum(each[f"companion at {stage}"]["rank"] < each[cause] for each in shops)
        for stage, cause in (("Research", "call"), ("Basket", "bounce"))
    }
    driving = {
        stage: sum(each[f"companion at {stage}"]["said to drive away"] for each in shops)
        for stage in ("Research", "Basket")
    }
    differences = np.array([each["difference"] for each in shops if each["difference"]])
    truth = shops[0]["truth"]
    covered = int(((differences[:, 1] <= truth) & (truth <= differences[:, 2])).sum())
    calls = [of for each in nulls for of in each.values()]
    alarms = sum(bool(of["clear"]) for of in calls)
    candidates, small = (sum(of[name] for of in calls) for name in ("candidates", "below 0.05"))
    device = sum(each["fault's device"] is not None and each["fault's device is clear"] for each in shops)
    payment = sum(
        each["failed payment"] is not None and each["failed payment"] < (each["fault's device"] or 999)
        for each in shops
    )
    along = np.mean([each["companions that go along"] for each in shops])
    points = 100 * differences[:, 0]
    return TEXT.format(
        n=n,
        customers=result["customers"],
        seeds=f"{min(result['shops'])} to {max(result['shops'])}",
        first=first,
        above=above,
        driving=driving,
        chat=_ranks(each["chat"] for each in shops),
        along=along,
        truth=100 * truth,
        mean=points.mean(),
        least=points.min(),
        most=points.max(),
        covered=covered,
        of=len(points),
        device=device,
        payment=payment,
        rare=sum(each["failed payment"] is None for each in shops),
        nulls=len(nulls),
        null_customers=result["null customers"],
        calls=len(calls),
        alarms=alarms,
        share=100 * alarms / len(calls),
        candidates=candidates,
        small=small,
        small_share=100 * small / candidates,
    )


TEXT = """### {n} shops of {customers:,} customers, seeds {seeds}

| stage | cause | first of all | a harmless candidate ranks above it | a harmless candidate is told as a driver of its own |
|---|---|---:|---:|---:|
| Research | long wait of a call | {first[call]} of {n} | {above[Research]} of {n} | {driving[Research]} of {n} |
| Basket | a reminder that bounced | {first[bounce]} of {n} | {above[Basket]} of {n} | {driving[Basket]} of {n} |

The slow chat, the second cause at Research, has rank {chat}. On average {along:.1f} candidates of Research are told as
going along with another.

A long wait raises the risk of leaving by {truth:.1f} points in truth; estimated were {mean:.1f} on average ({least:.1f} to
{most:.1f}), and {covered} of {of} intervals hold the truth.

In the three weeks of the checkout's fault, among its persona alone, the device is clear in {device} of {n} shops; a failed
payment, planted on those who leave anyway, ranks above it in {payment}, and is too rare to be judged in {rare}. Over the whole time and
all personas the fault is too small to be seen (some 26 of 25,000 journeys), and the failed payment is what comes first at Checkout:
nothing that is recorded tells it from a cause.

### {nulls} null shops of {null_customers:,} customers

Of {calls} calls of `drivers` {alarms} ({share:.1f} %) name any candidate with q of at most 0.05. Of {candidates:,} candidates
{small:,} ({small_share:.1f} %) have p of at most 0.05."""  # noqa: E501 -- a table


def _ranks(ranks: object) -> str:
    found = pd.Series([rank for rank in ranks if rank is not None]).value_counts().sort_index()
    return ", ".join(f"{rank} in {count}" for rank, count in found.items()) + " shops"
