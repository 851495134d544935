"""The readings of two published logs say what the code in them gives, to the last figure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.report.words import percent
from tests.published.pages import Page, prose, run

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
DAY_S = 86_400


@pytest.fixture(scope="module")
def desk(shared_data: Path) -> Page:
    file = shared_data / "crm" / "helpdesk_tickets.xes.gz"
    return run(READINGS / "helpdesk.md", {"helpdesk.xes.gz": file})


@pytest.fixture(scope="module")
def shop(shared_data: Path) -> Page:
    file = shared_data / "web" / "shop_clickstream.csv.gz"
    return run(READINGS / "clickstream.md", {"ecom.csv.gz": file})


def test_the_help_desk_page_shows_what_its_code_gives(desk: Page):
    assert desk.text == (READINGS / "helpdesk.md").read_text(encoding="utf-8"), "see tests/published/pages.py"


def test_the_shop_page_shows_what_its_code_gives(shop: Page):
    assert shop.text == (READINGS / "clickstream.md").read_text(encoding="utf-8"), (
        "see tests/published/pages.py"
    )


@pytest.mark.parametrize("name", ["helpdesk.yaml", "clickstream.yaml"])
def test_their_maps_look_like_no_mistake(name: str):
    known = ("patience never", "touchpoint of two stages")
    remarks = cj.read_map(READINGS / name).remarks
    assert not [remark for remark in remarks if not any(words in remark for words in known)]


def assert_says(text: str, said: list[str], beside: str) -> None:
    """Assert that a page says each of these, and no other figure but in what stands beside the findings."""
    left = prose(text)
    for phrase in said:
        assert phrase in prose(text), phrase
        left = left.replace(phrase, "")
    left = re.sub(beside, "", left)
    assert not re.findall(r".{0,30}\d.{0,20}", left)


def of(row: pd.Series) -> str:
    """Write the share of promises kept with its limits."""
    return percent(row["share_kept"], row["lower"], row["upper"])


def kept(promises: pd.DataFrame) -> tuple[int, int, str]:
    """How often something was kept, of how often, and as a percentage."""
    times, all_ = int(promises["kept"].sum()), int(promises["measured"].sum())
    return times, all_, percent(times / all_)


def the(table: pd.DataFrame, **where: str) -> pd.Series:
    """Return the one row of a table that is so."""
    for column, value in where.items():
        table = table[table[column] == value]
    (number,) = table.index
    return table.loc[number]


def test_every_figure_about_the_help_desk_comes_from_the_log(desk: Page):
    check, log, weeks = desk.names["check"], desk.names["log"], desk.names["weeks"]
    events, twice, at_once = (desk.names[name] for name in ("events", "twice", "at_once"))
    ends, promises, odd = check.outcomes.iloc[0], check.expectations, check.deviations
    taken = the(promises, after="Assign seriousness")
    resolved = the(promises, after="Take in charge ticket")
    once = the(promises, touchpoint="Resolve ticket", measure="contacts")
    passed = the(desk.names["hands"], **{"from": "Dispatch", "stage": "In charge"})
    urgent = the(desk.names["by_class"], seriousness="Value 4")
    rated = the(odd, type="repeated", touchpoint="Assign seriousness")
    unseen = the(odd, type="missing", stage="In charge")
    unrated = the(odd, type="missing", stage="Opened")
    closing = weeks[weeks["touchpoint"] == "Closed"]
    slow, quick = kept(closing.query("week < '2012-08-20'")), kept(closing.query("week >= '2012-08-20'"))
    lasted = events.groupby("journey")["timestamp"].agg(lambda times: times.max() - times.min())
    days = lasted.dt.total_seconds() / DAY_S

    def in_year(year: int, touchpoint: str, measure: str) -> str:
        return kept(weeks.query("year == @year and touchpoint == @touchpoint and measure == @measure"))[2]

    rating = {year: in_year(year, "Assign seriousness", "contacts") for year in (2010, 2011, 2012, 2013)}
    taking = [in_year(year, "Take in charge ticket", "response_s") for year in (2012, 2013)]
    resolving = [in_year(year, "Resolve ticket", "response_s") for year in (2012, 2013)]
    said = [
        f"{log.n_journeys:,} tickets of {log.n_customers} clients in {log.n_events:,} events",
        f"{percent((check.journeys['cost'] == 0).mean())} of the tickets went exactly as drawn",
        (
            f"of {taken['measured']:,} assignments, {of(taken)} were "
            f"taken in charge within a day, not {percent(taken['target'])}"
        ),
        (
            f"of {resolved['measured']:,} times that somebody took a ticket in charge, "
            f"{of(resolved)} saw it resolved"
        ),
        (
            f"of {passed['handoffs']:,} tickets that went from dispatch to support, half took longer than "
            f"{passed['median_s'] / 3600:.0f} hours to get there, and one in ten longer than "
            f"{passed['p90_s'] / DAY_S:.0f} days"
        ),
        "*Value 4*",
        f"{of(urgent)} of its {urgent['measured']} assignments",
        (
            f"{rated['journeys']} tickets ({percent(rated['share_of_journeys_there'])} of "
            f"{rated['journeys_there']:,}) were given a seriousness more than once"
        ),
        (
            f"In 2010 a single rating sufficed for {rating[2010]} of the tickets, in 2011 for "
            f"{rating[2011]}, in 2012 "
            f"for {rating[2012]}"
        ),
        f"to {rating[2013]} in 2013",
        (
            f"**{unseen['journeys']} tickets ({percent(unseen['share_of_journeys_there'])}) were never "
            f"seen to be taken"
        ),
        (
            f"{once['measured'] - once['kept']} of {once['measured']:,} tickets were resolved more "
            f"than once, which "
            f"breaks the promise of {percent(once['target'])}"
        ),
        f"{at_once.sum()} of the {twice.sum()} resolutions that directly follow another",
        (
            f"after they had been resolved are {desk.names['came_back']} "
            f"({percent(desk.names['came_back'] / log.n_journeys)})"
        ),
        f"week of 13 August, {slow[2]} of {slow[1]:,} resolutions",
        f"From 20 August on it is {quick[2]} of {quick[1]:,}",
        f"{ends['converted']:,} of {ends['journeys']:,}, so how a ticket ended",
        (
            f"of {unrated['mature_with']} tickets that were never given a seriousness, "
            f"{unrated['converted_with']} were "
            f"closed, and of the others {unrated['converted_without']:,} of {unrated['mature_without']:,}"
        ),
        f"The {ends['open']} that stay open",
        (
            f"The shortest of them lasted {days.min():.1f} days from its first event to its last, the "
            f"longest "
            f"{days.max():.1f}"
        ),
        (
            f"In 2013 only {taking[1]} of the assignments were taken in charge within a day and "
            f"{resolving[1]} resolved "
            f"within ten, against {taking[0]} and {resolving[0]} the year before"
        ),
    ]
    beside = r"2010 to 2013|\[doi\S+|4TU|August 2012|fall of 2013|Fitness is 100 %|p90_h|Number 1190"
    assert_says(desk.text, said, beside)


def test_what_the_help_desk_page_says_without_figures_is_so(desk: Page):
    check, events = desk.names["check"], desk.names["events"]
    unrated = the(check.deviations, type="missing", stage="Opened")
    assert unrated["mature_with"] - unrated["converted_with"] == 4
    still = check.journeys.query("outcome == 'open'")["last_touchpoint"].value_counts()
    assert set(still.index[:2]) == {"Resolve ticket", "Wait"}
    after = events.assign(
        next=events.groupby("journey")["touchpoint"].shift(-1).astype(str),
        took_s=-events.groupby("journey")["timestamp"].diff(-1).dt.total_seconds(),
    ).query("touchpoint == 'Resolve ticket' and next == 'Closed' and timestamp >= '2012-08-20T00:00Z'")
    assert (after["took_s"] / DAY_S).quantile([0.05, 0.95]).round(2).tolist() == pytest.approx(
        [15, 15], abs=0.05
    )
    clients = pd.Series(desk.names["tickets"]["customer"]).groupby(
        pd.Series(desk.names["tickets"]["case:concept:name"])
    )
    assert clients.nunique().gt(1).sum() == 7
    ticket = check.moves().query("journey == 1190")
    assert (ticket["touchpoint"].eq("Resolve ticket") & ticket["move"].eq("synchronous")).sum() == 5


def test_every_figure_about_the_shop_comes_from_the_log(shop: Page):
    check, log, platforms = (shop.names[name] for name in ("check", "log", "by_platform"))
    events, refused, their = (shop.names[name] for name in ("events", "refused", "their"))
    early, asked = shop.names["early"], shop.names["asked"]
    odd, weeks = check.deviations, check.expectations_by_week
    during = weeks["week"].between("2024-05-20", "2024-06-03")
    broken_form = platforms["week"].between("2024-04-15", "2024-05-06")
    orders, visits = weeks["touchpoint"] == "purchase", weeks["measure"] == "contacts"
    form = {
        name: (platforms["after"] == "shipping_details") & (platforms["by"] == name)
        for name in ("mobile", "desktop")
    }
    refusals = events[events["native"] == "payment_error"]
    bugs = events[events["native"] == "checkout_bug"]
    lost = the(odd, type="failed", stage="Payment")
    stuck = the(odd, type="failed", stage="Address")
    chat = the(odd, type="ad hoc", stage="Look around", touchpoint="support_chat")
    no_address, no_payment = (
        the(odd, type="missing", touchpoint=name) for name in ("shipping_details", "payment_details")
    )
    around = check.sensitivity[check.sensitivity["stage"] == "Look around"].set_index("patience")
    around = around["drop_out_share"].map(percent)
    ended = their["outcome"].value_counts()
    without_order = their[their["outcome"] != "converted"]["last_stage"].value_counts()
    moves = check.moves()
    elsewhere = moves[moves["event"].isin(refusals.index) & (moves["move"] == "log only")]
    payment = the(check.stages, stage="Payment")
    bought = early["outcome"] == "converted"

    def points(row: pd.Series) -> str:
        low, high = sorted((-100 * row["lower"], -100 * row["upper"]))
        return f"{-100 * row['difference']:.0f} points fewer ({low:.0f} to {high:.0f}), q {row['q']:.2g}"

    def on(moment: pd.Timestamp) -> str:
        return f"{moment.day} {moment:%B}"

    said = [
        f"Its {log.n_customers} customers and {log.n_events:,} clicks",
        "From 19 May to 8 June payments failed",
        f"the first on {on(refusals['timestamp'].min())}, the last on {on(refusals['timestamp'].max())}",
        "{} of {} visits to the payment page ({}) led".format(
            *kept(weeks[orders & during])[:2], kept(weeks[orders & during])[2]
        ),
        "it was {} of {} ({}). One".format(*kept(weeks[orders & ~during])),
        "enough for {} of {} journeys ({})".format(*kept(weeks[visits & during])),
        "otherwise for {} of {} ({})".format(*kept(weeks[visits & ~during])),
        f"There were {len(refusals)} refusals in {len(refused)} journeys",
        f"{ended['converted']} ended in an order and {ended['dropped']} were given up",
        f"From {on(bugs['timestamp'].min())} to {on(bugs['timestamp'].max())} the address form broke",
        "after {} of {} addresses in journeys that began on a phone ({})".format(
            *kept(platforms[form["mobile"] & broken_form])
        ),
        "the other weeks after {} of {} ({})".format(*kept(platforms[form["mobile"] & ~broken_form])),
        (
            f"{kept(platforms[form['desktop'] & broken_form])[2]} against "
            f"{kept(platforms[form['desktop'] & ~broken_form])[2]}"
        ),
        f"The form failed {len(bugs)} times in {bugs['journey'].nunique()} journeys",
        (
            f"Of the {stuck['mature_with']} in which it failed where an address was due, "
            f"{stuck['converted_with']} ended "
            f"in an order within thirty days, {percent(stuck['converted_with'] / stuck['mature_with'])}"
        ),
        (
            f"of the {stuck['mature_without']} others that gave an address it was "
            f"{stuck['converted_without']}, "
            f"{percent(stuck['converted_without'] / stuck['mature_without'])}: {points(stuck)}"
        ),
        (
            f"of the {len(their) - ended['converted']} journeys with a refused payment that ended "
            f"without an order or "
            f"still run, only {without_order['Payment']} have their place at the payment"
        ),
        f"{without_order['Look around']} were last seen looking around",
        (
            f"Of {no_address['journeys_there']} journeys that came to the address or past it, "
            f"{no_address['journeys']} "
            f"({percent(no_address['share_of_journeys_there'])})"
        ),
        (
            f"of {no_payment['journeys_there']} that came to the payment or past it, "
            f"{no_payment['journeys']} "
            f"({percent(no_payment['share_of_journeys_there'])}) passed that page"
        ),
        (
            f"{chat['converted_with']} of {chat['mature_with']} bought, of those who didn't "
            f"{chat['converted_without']} of "
            f"{chat['mature_without']}; {points(chat)}"
        ),
        (
            f"{(bought & asked).sum()} of {asked.sum()} that asked the chat ended in an order "
            f"({percent(bought[asked].mean())}), and {(bought & ~asked).sum()} of {(~asked).sum():,} "
            f"that didn't "
            f"({percent(bought[~asked].mean())})"
        ),
        f"**Not the {around['as stated']}.**",
        f"it would be {around['half']}, with twenty-eight {around['double']}",
        f"with a drop-out of {percent(payment['drop_out_share'])}",
        (
            f"of its {lost['journeys']} journeys in the table of deviations, {lost['mature_with']} are "
            f"old enough"
        ),
        (
            f"Of {len(refusals)} refusals {lost['events']} came where the plan has a payment. "
            f"Another {len(elsewhere)} came after"
        ),
        f"The other {len(refusals) - lost['events'] - len(elsewhere)} came after an order",
    ]
    said += [*asked_where_and_with_what(shop), *asked_how_likely_and_how_long(shop)]
    assert lost["converted_with"] == 0
    assert set(refusals["channel"]) == {"desktop", "mobile", "tablet"}
    assert set(bugs["channel"]) == {"mobile"}
    beside = (
        r"January to June 2024|5\.2\.4|Apache-2\.0|at least 44 days|three weeks from 20 May|before 16 "
        r"May|on 19 May|"
        r"from 15 April to 12 May|q up to 5 %"
    )
    assert_says(shop.text, said, beside)


def asked_where_and_with_what(shop: Page) -> list[str]:
    """What the shop's page says of where and when more left, and of what goes with it."""
    check, refused, found = (shop.names[name] for name in ("check", "refused", "found"))
    top = found.findings.iloc[0]
    left_there, left = (
        cj.drivers(
            check,
            "Address",
            where={"channel": "mobile"},
            since="2024-04-13",
            until="2024-05-10",
            gone_back=gone_back,
        )
        for gone_back in (False, True)
    )
    form = the(shop.names["at_address"].drivers, candidate="shipping_details", detail="failed")
    of_payment = shop.names["at_payment"].drivers
    error = of_payment.iloc[0]
    by_stage = shop.names["stages_alone"].findings.iloc[0]
    by_platform = shop.names["platforms_alone"].findings.iloc[0]
    around = shop.names["platforms_alone"].weeks.query("stage == 'Look around' and by == 'all'")
    early, late = around[around["week"] < "2024-04-01"], around[around["week"] >= "2024-04-29"]
    return [
        f"{pd.Series(found.journeys(1)).isin(refused).sum()} of the {top['ended']} had a refused payment",
        f"With p {top['p']:.2g} it rightly calls that no proof",
        (
            f"From 13 April to 9 May {left.entered} journeys came to the address on a phone. Within thirty "
            f"days {left_there.dropped} were left there, and {left.dropped - left_there.dropped} more"
        ),
        f"{100 * form['difference_given']:.0f} of its {100 * form['difference']:.0f} points remain",
        f"leads all {len(of_payment)} candidates",
        (
            f"of {error['exposed']} journeys refused there that could be followed for thirty days, "
            f"{error['exposed_dropped']} were given up, {percent(error['risk_exposed'])}, of comparable ones "
            f"{percent(error['risk_unexposed'])}"
        ),
        "Counted are entries up to 30 May, thirty days before",
        f"Of stages alone, the scan finds the payment with p {by_stage['p']:.2g}",
        f"from 19 February to 17 March, with p {by_platform['p']:.2g}",
        (
            f"from {percent(early['ended'].sum() / early['entered'].sum())} of those who came before April "
            f"to {percent(late['ended'].sum() / late['entered'].sum())} from May on"
        ),
    ]


def asked_how_likely_and_how_long(shop: Page) -> list[str]:
    """What the shop's page says of how likely each end is, and of the patience the data suggest."""
    check, log, intended = (shop.names[name] for name in ("check", "log", "intended"))
    chances = shop.names["chances"].set_index(["stage", "end"])
    plain = check.stages.set_index("stage")
    longer = replace(intended, patience=timedelta(days=28))
    with_longer = cj.incidence(cj.check(log.split(longer), longer)).probabilities
    around_longer = the(with_longer, stage="Look around", end="dropped here")
    around = chances.loc[("Look around", "dropped here")]
    (minutes,) = {
        f"{the(each.stages, stage='Payment')['estimate_s'] / 60:.0f}"
        for each in shop.names["settled"].values()
    }

    def of_payment(end: str) -> str:
        row = chances.loc[("Payment", end)]
        return percent(row["probability"], row["lower"], row["upper"])

    def asked_within(days: int) -> str:
        row = the(shop.names["settled"][days].stages, stage="(whole map)")
        estimate, lower, upper = (row[f"estimate{each}_s"] / DAY_S for each in ("", "_lower", "_upper"))
        return f"{estimate:.0f} days ({lower:.0f} to {upper:.0f})"

    return [
        (
            f"Within thirty days it would be {asked_within(30)}, within sixty "
            f"{asked_within(60).replace(' days', '')}, within ninety {asked_within(90).replace(' days', '')}"
        ),
        (
            f"{of_payment('converted')} order, {of_payment('dropped here')} leave there, and "
            f"{of_payment('dropped elsewhere')} leave *elsewhere*"
        ),
        (
            f"The plain {percent(plain.loc['Payment', 'drop_out_share'])} are of the "
            f"{plain.loc['Payment', 'mature']} journeys that came there before the failure; these are of "
            f"{chances.loc[('Payment', 'converted'), 'entered']}"
        ),
        (
            f"Looking around it is {percent(around['probability'])} instead "
            f"of {percent(plain.loc['Look around', 'drop_out_share'])}"
        ),
        f"with twenty-eight it would be {percent(around_longer['probability'])}",
        f"98 % of those who surely go on do so within {minutes} minutes",
    ]


def test_what_the_shop_page_says_without_figures_is_so(shop: Page):
    check, log = shop.names["check"], shop.names["log"]
    small = check.deviations.query("type == 'missing' and stage in ['Address', 'Payment']")
    assert ((small["lower"] < 0) & (small["upper"] > 0)).all()
    moves, events = check.moves(), log.events
    for page in ("shipping_details", "payment_details"):
        passed = moves[(moves["move"] == "map only") & (moves["touchpoint"] == page)]["journey"].unique()
        seen = events[events["touchpoint"] == page]["journey"].unique()
        assert pd.Series(passed).isin(seen).mean() > 0.7
    young = log.data_end - pd.Timedelta(days=44)
    assert f"{young:%d %B}" == "16 May"
    days = events.groupby("customer")["timestamp"].diff().dt.total_seconds() / DAY_S
    assert days[days > 0.4].median() == pytest.approx(11.2, abs=0.05)
    weekly = check.expectations_by_week.query("touchpoint == 'purchase' and week < '2024-03-25'")
    assert weekly["measured"].max() < 20


def test_what_the_shop_page_says_of_what_it_asked_without_knowing_is_so(shop: Page):
    check, log, found = (shop.names[name] for name in ("check", "log", "found"))
    top = found.findings.iloc[0]
    assert (top["stage"], top["segment"]) == ("Payment", "all")
    assert top["start"] <= pd.Timestamp("2024-05-19", tz="UTC") < top["start"] + pd.Timedelta(days=7)
    assert top["end"] == found.sees_until
    in_weeks = (found.findings["start"] < "2024-05-10") & (found.findings["end"] > "2024-04-13")
    assert not (in_weeks & (found.findings["stage"] == "Address")).any()
    assert found.findings["p"].iloc[1:3].min() > 0.3

    of_address, of_payment = shop.names["at_address"].drivers, shop.names["at_payment"].drivers
    assert of_address["candidate"].head(3).tolist() == ["mobile", "user_cohort", "shipping_details"]
    assert of_address["detail"].iloc[1] == "2024-01"
    assert the(of_address, detail="failed")["verdict"] == "unclear beside others"
    assert of_payment.iloc[0][["candidate", "detail"]].tolist() == ["payment_details", "failed"]
    assert of_payment.iloc[0]["verdict"] == "of its own"
    for stage in ("Address", "Payment"):
        assert not cj.drivers(check, stage).drivers["verdict"].eq("of its own").any()
    assert f"{log.data_end - pd.Timedelta(days=30):%d %B}" == "30 May"

    warned = [any("up to the end" in note for note in each.notes) for each in shop.names["settled"].values()]
    assert warned == [True, False, True]
    events = log.events.assign(next=log.events.groupby("customer")["native"].shift(-1))
    waited_s = -events.groupby("customer")["timestamp"].diff(-1).dt.total_seconds()
    paying = events["native"].isin(["payment_details", "payment_error"])
    came_back = events.loc[paying & (waited_s > 14 * 60), "next"]
    looks = [each.touchpoint for each in check.intended.stages[0].touchpoints]
    assert came_back.isin(looks).sum() > 0.9 * came_back.notna().sum() > 0
    narrow = shop.names["platforms_alone"].findings.iloc[0]
    assert narrow[["stage", "segment"]].tolist() == ["Look around", "all"]
    assert (f"{narrow['start']:%d %B}", f"{narrow['end']:%d %B}") == ("19 February", "18 March")
    assert shop.names["stages_alone"].findings.iloc[0]["stage"] == "Payment"
