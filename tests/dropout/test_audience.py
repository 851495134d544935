"""Who is behind a number, and who of them must not be written to."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.dropout.audience import FATES, IN
from cjmining.dropout.identifiers import sha256
from cjmining.errors import LogError, SourceError
from cjmining.intended import parse_map
from tests.conformance.factory import log_of
from tests.examples import examples

MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: unsubscribed}, {touchpoint: rejected, by: company}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints: [{touchpoint: seen, repeat: true}]
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: paid}]
    returns_to: [Look]
"""
LEFT = "seen@1 carted@2"
"""Drops out of Buy on day 7."""


def checked(
    *journeys: str, days: float = 100, split: bool = True, ids: list[tuple] | None = None, **attributes: list
) -> cj.Conformance:
    """Check journeys of a customer each, who have the attributes and the identifiers given."""
    intended = parse_map(MAP)
    plain = log_of(*journeys, days=days)
    columns = {"customer": range(len(journeys)), **attributes}
    log = cj.JourneyLog.from_events(
        plain.events.drop(columns="journey"),
        customers=pd.DataFrame(columns),
        identities=identities(ids) if ids is not None else None,
        data_end=plain.data_end,
    )
    return cj.check(log.split(intended) if split else log, intended)


def identities(rows: list[tuple]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    arrays = [pa.array(list(column)) for column in columns]
    return pa.table(dict(zip(schema.IDENTITIES.names, arrays, strict=True))).cast(schema.IDENTITIES)


def fates(who: cj.Audience) -> dict[str, int]:
    counts = who.account.groupby("fate")["customers"].sum()
    return {fate: int(n) for fate, n in counts.items() if n}


def reasons(who: cj.Audience) -> dict[tuple[str, str], int]:
    rows = who.account[who.account["customers"] > 0]
    return {(row.fate, row.reason): row.customers for row in rows.itertuples() if row.fate != IN}


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    shop = cj.simulate.shop(1200, seed=5)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


# the number --------------------------------------------------------------------------------------------


def test_the_journeys_are_those_of_the_check(shop):
    dropouts = shop.overall.dropouts
    for (stage, touchpoint), rows in dropouts.groupby(["stage", "touchpoint"]):
        who = cj.audience(shop, stage=stage, touchpoint=touchpoint)
        assert who.journeys == rows["journeys"].sum()
    by_persona = shop.dropouts.groupby(["by", "turn"])["journeys"].sum()
    for (persona, turn), n in by_persona.items():
        assert cj.audience(shop, persona=persona, turn=turn).journeys == n


@examples(25)
@given(
    stage=st.sampled_from([None, "Checkout", "Basket", ["Basket", "Checkout"], "(before the map)"]),
    persona=st.sampled_from([None, "Gen Z", ["Gen Z", "unknown"]]),
    outcome=st.sampled_from(["dropped", "turned away", ["dropped", "open"]]),
    days=st.tuples(st.integers(0, 180), st.integers(0, 180)),
    returned=st.booleans(),
    share=st.sampled_from([None, 0.3]),
)
def test_everybody_behind_the_number_is_accounted_for(shop, stage, persona, outcome, days, returned, share):
    since, until = (pd.Timestamp("2026-03-01", tz="UTC") + pd.Timedelta(days=day) for day in sorted(days))
    table = shop.journeys
    keep = (table["decided_at"] >= since) & (table["decided_at"] < until)
    keep &= table["outcome"].isin([outcome] if isinstance(outcome, str) else outcome)
    if stage is not None:
        keep &= table["last_stage"].isin([stage] if isinstance(stage, str) else stage)
    if persona is not None:
        keep &= table["by"].isin([persona] if isinstance(persona, str) else persona)
    who = cj.audience(
        shop, stage=stage, persona=persona, outcome=outcome, since=since, until=until, returned=returned
    )
    if share is not None:
        who = who.holdout(share)
    assert who.journeys == keep.sum()
    assert who.behind == table.loc[keep, "customer"].nunique()
    assert who.account["customers"].sum() == who.behind
    assert list(dict.fromkeys(who.account["fate"])) == list(FATES)
    assert not who.customers["customer"].duplicated().any()
    assert set(who.customers["journey"]) <= set(table.loc[keep, "journey"])
    latest = table[keep].sort_values(["decided_at", "journey"]).groupby("customer")["journey"].last()
    assert who.customers["journey"].tolist() == latest[who.customers["customer"]].tolist()


def test_a_customer_is_described_by_the_latest_journey_that_meets_the_conditions():
    check = checked("seen@1 carted@2 seen@20", "seen@3")
    who = cj.audience(check)
    columns = ["customer", "persona", "stage", "touchpoint", "turn", "journey"]
    assert who.customers[columns].to_numpy().tolist() == [
        [0, "", "Look", "seen", "customer", 1],
        [1, "", "Look", "seen", "customer", 2],
    ]
    assert (who.journeys, who.behind) == (3, 2)
    of_buy = cj.audience(check, stage="Buy")
    assert of_buy.customers["touchpoint"].tolist() == ["carted"]
    assert of_buy.customers["left_at"].tolist() == [pd.Timestamp("2026-03-08", tz="UTC")]


def test_journeys_may_be_given_by_number_and_all_are_told_of():
    check = checked(LEFT, "seen@1 carted@2 paid@3", "seen@1")
    who = cj.audience(check, journeys=np.array([0, 1]), stage="Buy")
    assert who.customers["customer"].tolist() == [0]
    assert reasons(who) == {("another end", "no journey given meets the other conditions"): 1}
    assert who.behind == 2
    assert repr(who).startswith(
        "Audience: 1 of the 2 customers of the 2 journeys given, if they dropped out, at Buy"
    )
    assert cj.audience(check, journeys=[2]).about == "the 1 journey given, if they dropped out"


def test_dimensions_and_attributes_choose_like_the_groups_of_a_check():
    check = checked(LEFT, LEFT, LEFT, plan=["gold", "basic", None], age=[30, 40, 30])
    assert cj.audience(check, where={"plan": ["gold", "unknown"]}).customers["customer"].tolist() == [0, 2]
    assert cj.audience(check, where={"age": 30, "plan": "gold"}).customers["customer"].tolist() == [0]


def test_values_are_what_conversions_brought_and_what_a_drop_out_puts_at_risk(shop):
    who = cj.audience(shop, stage="Checkout", returned=True)
    per_place = shop.overall.dropouts.set_index(["stage", "touchpoint", "turn"])
    one = who.customers.iloc[0]
    place = per_place.loc[tuple(one[["stage", "touchpoint", "turn"]])]
    assert one["at_stake_EUR"] == pytest.approx(place["value_at_risk"] / place["journeys"])
    everybody = cj.audience(shop, outcome=list(schema.OUTCOMES), returned=True)
    total = everybody.customers["net_value_EUR"].sum()
    refused = everybody.behind - len(everybody)
    assert refused > 0
    assert 0 < total < shop.overall._reading.columns.value[~np.isnan(shop._reading.columns.value)].sum()


def test_what_conversions_brought_is_worked_by_hand():
    plain = log_of("seen@1 carted@2 paid@3 refunded@4 seen@20 carted@21", days=100)
    events = plain.events.drop(columns="journey").assign(value=[None, None, 50, -20, None, 7], currency="EUR")
    log = cj.JourneyLog.from_events(events, data_end=plain.data_end)
    check = cj.check(log.split(parse_map(MAP)), parse_map(MAP))
    assert cj.audience(check).customers["net_value_EUR"].tolist() == [30.0]
    assert cj.audience(check, since="2030-01-01").customers["net_value_EUR"].dtype == np.float64  # of nobody


# consent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "yes", "no", "fate"),
    [
        ("HasOptedOutOfEmail", True, False, "opted out"),
        ("DoNotCall", "true", "false", "opted out"),
        ("PersonHasOptedOutOfEmail", 1, 0, "opted out"),
        ("Has Opted_Out__c", "Yes", "No", "opted out"),
        ("HasOptedOutSolicit", True, False, "opted out"),
        ("hs_email_optout", "true", "", "opted out"),
        ("opted_out", 1.0, 0.0, "opted out"),
        ("marketingSuspended", "1", "0", "opted out"),
        ("Accepts Marketing", "no", "yes", "opted out"),
        ("email_consent", "withdrawn", "granted", "opted out"),
        ("email_consent", False, True, "opted out"),
        ("Unsubscribed from all email", "true", None, "unsubscribed"),
        ("unsubscribed", "TRUE", "FALSE", "unsubscribed"),
        ("unsubscribed_at", "2026-02-03", None, "unsubscribed"),
        ("Status", "Unsubscribed", "Active", "unsubscribed"),
        ("Status", "Held", "Bounced", "unsubscribed"),
        ("Subscriber Status", "unsubscribed", None, "unsubscribed"),
        ("email_subscribe", "unsubscribed", "opted_in", "unsubscribed"),
        ("ShouldForget", True, False, "erased"),
        ("IsDeleted", "true", "false", "erased"),
        ("erased", "x", None, "erased"),
    ],
)
def test_attributes_that_systems_write_say_who_is_not_written_to(name, yes, no, fate):
    who = cj.audience(checked(LEFT, LEFT, **{name: [yes, no]}))
    assert reasons(who) == {(fate, f"attribute {name}"): 1}
    assert who.customers["customer"].tolist() == [1]
    assert not who.notes


def test_a_status_of_something_else_says_nothing():
    who = cj.audience(checked(LEFT, LEFT, Status=["Open - Not Contacted", "Working"], value=[1, 2]))
    assert len(who) == 2


def test_the_gravest_reason_is_told():
    who = cj.audience(checked(LEFT, LEFT, unsubscribed=[1, 1], opted_out=[1, 1], erased=[1, 0]))
    assert fates(who) == {"erased": 1, "opted out": 1}


def test_further_names_may_be_given():
    check = checked(LEFT, LEFT, "seen@1 complained@1 carted@2", permission=["revoked", "granted", "granted"])
    who = cj.audience(check, opt_outs={"permission": "Revoked", "complained": ()})
    assert reasons(who) == {
        ("opted out", "attribute permission"): 1,
        ("opted out", "touchpoint complained"): 1,
    }
    assert fates(cj.audience(check, opt_outs="permission")) == {"opted out": 3}
    with pytest.raises(LogError, match=r"opt_outs: .*'permision', did you mean 'permission'\?"):
        cj.audience(check, opt_outs=["permision"])


@pytest.mark.parametrize(
    ("journey", "refused"),
    [
        ("unsubscribed@0 seen@1 carted@2", True),
        ("seen@1 carted@2 unsubscribed@50", True),
        ("seen@1 carted@2 unsubscribed!@50", True),
        ("seen@1 carted@2 unsubscribed@50 subscribed@51", False),
        ("seen@1 carted@2 subscribed@49 unsubscribed@50", True),
        ("seen@1 carted@2 unsubscribed@50 subscribed@50", True),
        ("seen@1 carted@2 erasure_requested@50 subscribed@51", True),
        ("seen@1 carted@2 Email_Marked_as_Spam@50", True),
    ],
)
def test_events_say_so_at_any_time(journey, refused):
    check = checked(journey, LEFT + " subscribed@60")
    who = cj.audience(check, resubscribed="subscribed", returned=True)
    assert who.customers["customer"].tolist() == ([1] if refused else [0, 1])


def test_who_unsubscribed_on_a_date_without_a_time_is_not_taken_to_have_come_back_that_day():
    plain = log_of("seen@1 carted@2 unsubscribed@50 subscribed@50.5", days=100)
    events = plain.events.drop(columns="journey").assign(precision=[0.0, 0, 86_400, 0])
    log = cj.JourneyLog.from_events(events, data_end=plain.data_end).split(parse_map(MAP))
    who = cj.audience(cj.check(log, parse_map(MAP)), resubscribed="subscribed", returned=True)
    assert fates(who) == {"unsubscribed": 1}


def test_the_native_name_speaks_where_a_label_hides_it():
    plain = log_of("seen@1 carted@2 newsletter_ended@3", days=100)
    events = plain.events.drop(columns="journey").assign(native=["a", "b", "Unsubscribe Email"])
    log = cj.JourneyLog.from_events(events, data_end=plain.data_end).split(parse_map(MAP))
    who = cj.audience(cj.check(log, parse_map(MAP)))
    assert reasons(who) == {("unsubscribed", "native event Unsubscribe Email"): 1}


def test_taking_an_unsubscription_back_does_not_undo_what_an_attribute_says():
    check = checked("seen@1 carted@2 unsubscribed@20 subscribed@30", opted_out=[True])
    assert fates(cj.audience(check, resubscribed="subscribed", returned=True)) == {"opted out": 1}


def test_unknown_consent_is_no_consent():
    check = checked(*[LEFT] * 5, permission=["yes", "no", None, "granted", "perhaps"])
    assert len(cj.audience(check)) == 5
    who = cj.audience(check, consent="permission")
    assert who.customers["customer"].tolist() == [0, 3]
    assert reasons(who) == {
        ("no consent", "attribute permission does not say yes"): 2,
        ("no consent", "attribute permission is unknown"): 1,
    }
    with pytest.raises(LogError, match="consent: the log has no attribute of customers 'permision'"):
        cj.audience(check, consent="permision")


def test_values_that_nobody_has_are_told_of():
    check = checked(LEFT, LEFT, region=["North", "South"])
    who = cj.audience(check, opt_outs={"region": ["Nroth", "south"]})
    assert reasons(who) == {("opted out", "attribute region"): 1}
    assert who.notes == (
        "opt_outs: no customer has region 'Nroth', did you mean 'North'; it removes nobody.",
    )
    assert cj.audience(check, opt_outs={"region": ["NORTH"]}).notes == ()


def test_a_log_that_says_nothing_of_consent_is_told_of():
    who = cj.audience(checked(LEFT))
    assert "Nothing in this log says who opted out" in who.notes[0]


# suppression lists --------------------------------------------------------------------------------------

IDS = [
    (0, "email", "ann.lee@gmail.com"),
    (0, "phone", "+493023125000"),
    (1, "email", "bob@example.org"),
    (1, "crm_id", "0035g0000000000AAA"),
    (2, "phone", "+491712345678"),
]


@pytest.mark.parametrize(
    ("suppress", "gone", "reason"),
    [
        (pd.DataFrame({"Email Address": [" BOB@Example.org ", None]}), [1], "by email"),
        (pd.DataFrame({"email": ["annlee+shop@googlemail.com"]}), [], ""),
        (pd.DataFrame({"email": ["annlee+shop@gmail.com"]}), [0], "by email"),
        (pd.DataFrame({"MobilePhone": ["0171 2345678"]}), [2], "by phone"),
        (pd.DataFrame({"SubscriberKey": ["0035g0000000000"]}), [1], "by crm_id"),
        (pd.DataFrame({"SubscriberKey": ["bob@example.org"]}), [1], "by email"),
        (pd.DataFrame({"kind": ["phone"], "value": ["+49 171 2345678"]}), [2], "by phone"),
        (pd.DataFrame({"email_sha256": [sha256("ann.lee@gmail.com")]}), [0], "by email_sha256"),
        (pd.DataFrame({"email_sha256": [sha256("annlee@gmail.com").upper()]}), [0], "by email_sha256"),
        (pd.DataFrame({"phone_sha256": [sha256("491712345678")]}), [2], "by phone_sha256"),
        (pd.DataFrame({"phone_sha256": [sha256("+491712345678")]}), [2], "by phone_sha256"),
    ],
)
def test_who_is_on_a_suppression_list_is_removed(suppress, gone, reason):
    who = cj.audience(checked(LEFT, LEFT, LEFT, ids=IDS), suppress=suppress, region="DE")
    assert sorted({0, 1, 2} - set(who.customers["customer"])) == gone
    assert reasons(who) == ({("on the suppression list", reason): len(gone)} if gone else {})


@pytest.mark.parametrize(
    "text",
    [
        "bob@example.org\nsomebody@else.org\n",
        "\ufeffName;E-mail\nBob;Bob@Example.org\n",
        'id,note,email,email\n7,"a, b",,bob@example.org\n',
    ],
)
def test_a_list_may_be_a_file(tmp_path, text):
    path = tmp_path / "stop.csv"
    path.write_text(text, encoding="utf-8")
    check = checked(LEFT, LEFT, LEFT, ids=IDS)
    assert cj.audience(check, suppress=path).customers["customer"].tolist() == [0, 2]
    both = cj.audience(check, suppress=[path, pd.DataFrame({"phone": ["+491712345678"]})])
    assert both.customers["customer"].tolist() == [0]


def test_a_list_that_cannot_work_is_an_error(tmp_path):
    check = checked(LEFT, LEFT, LEFT, ids=IDS)
    with pytest.raises(SourceError, match=r"no column is an identifier.*found adress"):
        cj.audience(check, suppress=pd.DataFrame({"adress": ["a@b.org"]}))
    with pytest.raises(SourceError, match="can't be read"):
        cj.audience(check, suppress=tmp_path / "absent.csv")
    with pytest.raises(SourceError, match="give addresses as") as told:
        cj.audience(check, suppress=["bob@example.org"])
    assert "bob@" not in str(told.value)
    with pytest.raises(LogError, match="nobody on the list could be found"):
        cj.audience(checked(LEFT, ids=[(0, "cookie", "x")]), suppress=pd.DataFrame({"email": ["a@b.org"]}))
    with pytest.raises(LogError, match="this log holds none"):
        cj.audience(checked(LEFT), suppress=pd.DataFrame({"email": ["a@b.org"]}))
    (tmp_path / "odd.csv").write_text("1712345678\n+491712345679\n")
    with pytest.raises(SourceError) as raised:
        cj.audience(check, suppress=tmp_path / "odd.csv")
    assert "1712345678" not in str(raised.value)


def test_kinds_that_the_log_does_not_know_are_told_of():
    stop = pd.DataFrame({"email": ["bob@example.org"], "phone_sha256": ["00"]})
    who = cj.audience(checked(LEFT, LEFT, ids=[IDS[0], IDS[2]]), suppress=stop)
    assert len(who) == 1
    assert "The log knows nobody by phone_sha256: 1 of these" in who.notes[0]


def test_entries_that_can_find_nobody_are_counted():
    def notes(suppress, region=None):
        return cj.audience(checked(LEFT, LEFT, LEFT, ids=IDS), suppress=suppress, region=region).notes

    phones = pd.DataFrame({"phone": ["0171 2345678", "030 1", "+49 30 23125000"]})
    (without,) = notes(phones)
    assert without.startswith(
        "By phone, 2 of 3 entries of the suppression list name no country and no region="
    )
    (with_region,) = notes(phones, "DE")
    assert with_region.startswith(
        "By phone, 1 of 3 entries of the suppression list name no country: they are"
    )
    (emails,) = notes(pd.DataFrame({"email": ["not an address", " bob @example.org"]}))
    assert (
        emails
        == "By email, 1 of 2 entries of the suppression list are no email addresses and can find nobody."
    )
    (hashes,) = notes(pd.DataFrame({"email_sha256": ["bob@example.org", sha256("bob@example.org")]}))
    assert hashes.startswith("By email_sha256, 1 of 2 entries of the suppression list are no SHA-256 hashes")
    assert notes(pd.DataFrame({"SubscriberKey": ["0035g0000000000", "bob@example.org"]})) == ()


def test_numbers_of_the_log_without_a_country_are_counted():
    check = checked(LEFT, LEFT, ids=[(0, "phone", "01712345678"), (1, "phone", "+493023125000")])
    stop = pd.DataFrame({"phone": ["+491712345678"]})
    who = cj.audience(check, suppress=stop)
    assert len(who) == 2
    assert who.notes[0].startswith("1 of 2 phone numbers of these customers name no country")
    with_region = cj.audience(check, suppress=stop, region="DE")
    assert (len(with_region), with_region.notes) == (1, ())


def test_a_list_may_be_a_column_with_a_name():
    check = checked(LEFT, LEFT, LEFT, ids=IDS)
    column = pd.Series(["bob@example.org"], name="email")
    assert cj.audience(check, suppress=column).customers["customer"].tolist() == [0, 2]
    with pytest.raises(LogError, match="a column needs a name"):
        cj.audience(check, suppress=pd.Series(["bob@example.org"]))


# who came back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journey", "reason"),
    [
        ("seen@1 carted@2 seen@30 carted@31 paid@32", "converted since"),
        ("seen@1 carted@2 seen@99", "another journey is under way"),
        ("seen@1 carted@2 seen@30 carted@31 paid@32 seen@99", "converted since"),
        ("seen@1 carted@2 seen@30", ""),
        ("seen@1 carted@2 paid@3 seen@20 carted@21", ""),
    ],
)
def test_who_came_back_is_left_out_and_counted(journey, reason):
    check = checked(journey)
    who = cj.audience(check, stage="Buy")
    assert reasons(who) == ({("came back", reason): 1} if reason else {})
    assert len(cj.audience(check, stage="Buy", returned=True)) == 1


def test_in_journeys_that_are_not_split_won_back_says_so():
    check = checked("seen@1 carted@2 seen@30", "seen@1 carted@2 seen@30 carted@31 paid@32", LEFT, split=False)
    assert reasons(cj.audience(check)) == {
        ("came back", "converted since"): 1,
        ("came back", "seen again after leaving"): 1,
    }


def test_a_case_that_runs_on_beside_the_lost_one_counts():
    plain = log_of("seen@1 seen@1 carted@2 paid@40", "seen@1 paid@2 seen@3 carted@3", days=100)
    cases = ["a", "b", "b", "b", "c", "c", "d", "d"]
    events = plain.events.drop(columns="journey").assign(native_journey=cases)
    log = cj.JourneyLog.from_events(events, data_end=plain.data_end)
    check = cj.check(log, parse_map(MAP.replace("patience: 10d", "patience: 60d").replace("5d", "50d")))
    assert reasons(cj.audience(check)) == {("came back", "converted since"): 1}


# identifiers --------------------------------------------------------------------------------------------


def test_only_the_kinds_named_leave():
    check = checked(LEFT, LEFT, LEFT, ids=IDS)
    assert not {"email", "phone", "crm_id"} & set(cj.audience(check).customers.columns)
    who = cj.audience(check, identifiers=["email", "crm_id"])
    assert who.customers[["email", "crm_id"]].to_numpy().tolist() == [
        ["ann.lee@gmail.com", ""],
        ["bob@example.org", "0035g0000000000AAA"],
    ]
    assert "phone" not in who.customers
    assert reasons(who) == {("no identifier", "no email and no crm_id"): 1}
    full = cj.audience(check, identifiers=["email", "crm_id"], complete=True)
    assert full.customers["customer"].tolist() == [1]
    assert reasons(full) == {("no identifier", "no email"): 1, ("no identifier", "no crm_id"): 1}


def test_identifiers_that_are_absent_or_pseudonymised_are_an_error():
    with pytest.raises(LogError, match="identities='drop'"):
        cj.audience(checked(LEFT), identifiers="email")
    with pytest.raises(LogError, match=r"'e-mail', did you mean 'email'\?; it has crm_id, email, phone"):
        cj.audience(checked(LEFT, LEFT, LEFT, ids=IDS), identifiers="e-mail")
    hashed = checked(LEFT, ids=[(0, "email", "0123456789abcdef" * 2)])
    assert len(cj.audience(hashed)) == 1
    for asked in ({"identifiers": "email"}, {"suppress": pd.DataFrame({"email": ["a@b.org"]})}):
        with pytest.raises(LogError, match="pseudonymised"):
            cj.audience(hashed, **asked)


def test_nothing_shows_an_identifier(caplog, tmp_path):
    check = checked(LEFT, LEFT, LEFT, ids=[*IDS, (0, "email", "ann2@example.org")])
    with caplog.at_level(logging.DEBUG):
        who = cj.audience(
            check, identifiers=["email", "phone"], suppress=pd.DataFrame({"email": ["bob@example.org"]})
        )
        test = who.holdout(0.5, seed=1)
        test.write(tmp_path / "ads.csv", form="meta_ads")
    shown = [repr(who), str(who), who._repr_html_(), repr(test), caplog.text, *who.notes, str(who.to_arrow())]
    for _, _, value in [*IDS, (0, "email", "ann2@example.org")]:
        for text in shown:
            assert value not in text
    assert "1 of 2 customers have more than one email" in who.notes[0]
    assert list(who.to_arrow()) == ["account"]
    assert "2 of the 3 customers who dropped out" in repr(who)


# lots ---------------------------------------------------------------------------------------------------


def test_lots_do_not_depend_on_who_else_is_there(shop):
    everybody, some = cj.audience(shop), cj.audience(shop, stage="Checkout")
    out, some_out = everybody.holdout(0.3, seed=4), some.holdout(0.3, seed=4)
    of_both = set(out._held_out["customer"]) & set(some.customers["customer"])
    assert of_both == set(some_out._held_out["customer"])
    assert 0.24 < len(out._held_out) / len(everybody) < 0.36
    assert not set(out.customers["customer"]) & set(out._held_out["customer"])
    assert set(everybody.holdout(0.3, seed=5)._held_out["customer"]) != set(out._held_out["customer"])
    assert fates(out)["held out"] == len(out._held_out)


def test_lots_follow_the_identifier_and_not_the_number():
    ids = [(n, "email", f"p{n}@example.org") for n in range(40)]
    turned = [(39 - n, kind, value) for n, kind, value in ids]
    one, other = (
        cj.audience(checked(*[LEFT] * 40, ids=rows), identifiers="email").holdout(0.5)
        for rows in (ids, turned)
    )
    assert set(one.customers["email"]) == set(other.customers["email"])


@pytest.mark.parametrize("share", [0, 1, 1.5, "0.1"])
def test_a_share_is_a_share(share):
    with pytest.raises(LogError, match="share is above 0"):
        cj.audience(checked(LEFT)).holdout(share)


def test_lots_are_drawn_once():
    ids = [(n, "email", f"p{n}@example.org") for n in range(40)]
    out = cj.audience(checked(*[LEFT] * 40, ids=ids)).holdout(0.5)
    with pytest.raises(LogError, match="held out already"):
        out.holdout(0.5)


# mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"stage": "Bye"}, r"no stage is 'Bye', did you mean 'Buy'\?"),
        ({"touchpoint": "cart"}, r"no touchpoint is 'cart', did you mean 'carted'\?"),
        ({"outcome": "droped"}, r"outcome is one of .*did you mean 'dropped'\?"),
        ({"outcome": ()}, "outcome is one or more of"),
        ({"turn": "company's"}, r"turn is one of .*did you mean 'company'\?"),
        ({"persona": "Gen Z"}, "this log has no personas yet"),
        ({"where": {"plan": "x"}}, "there is no 'plan' to group by"),
        ({"where": {"source": ()}}, "names no value"),
        ({"where": {"source": "crm"}}, "no source is 'crm'"),
        ({"persona": "a", "where": {"persona": "b"}}, "persona is given twice"),
        ({"since": "soon"}, "since is a time such as"),
        ({"since": 20260504}, "since is a time such as"),
        ({"until": "04.05.2026"}, "until is a time such as"),
        ({"since": "2026-05-04", "until": "2026-05-03"}, "since is after until: 2026-05-04 and 2026-05-03"),
        ({"region": "XX"}, "region is a country of two letters such as 'DE', not 'XX'$"),
        ({"region": "de"}, r"not 'de', did you mean 'DE'\?"),
        ({"where": "mobile"}, "where is a mapping such as"),
        ({"journeys": [7]}, "journeys are numbered 0 to 0, .* there is no 7"),
        ({"journeys": ["a"]}, "journeys is a list of numbers"),
    ],
)
def test_mistakes_are_told_with_what_is_there(asked, words):
    with pytest.raises(LogError, match=words):
        cj.audience(checked(LEFT), **asked)


def test_a_log_that_was_cut_can_hide_who_came_back():
    check = checked("seen@1 carted@2 seen@30 carted@31 paid@32", LEFT)
    later = cj.check(check._reading.log.where(start="2026-03-20"), parse_map(MAP))
    with pytest.raises(LogError, match="journeys of 1 of these customers are missing"):
        cj.audience(later, outcome="converted")


def test_nobody_is_an_audience_too():
    who = cj.audience(checked("seen@1 carted@2 paid@3"))
    assert (len(who), who.behind, who.journeys) == (0, 0, 0)
    assert who.customers["customer"].dtype == np.int64


def test_results_are_frozen_values():
    who = cj.audience(checked(LEFT))
    with pytest.raises(AttributeError):
        who.behind = 3
    assert issubclass(cj.Audience, cj.WonBack.__base__)


def test_an_account_that_does_not_close_is_refused():
    who = cj.audience(checked(LEFT, LEFT))
    with pytest.raises(LogError, match="the account does not close: 2 customers told of 3"):
        dataclasses.replace(who, behind=3)
