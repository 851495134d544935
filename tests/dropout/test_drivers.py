"""What goes with dropping out: by hand, against what survives, and against shops whose causes are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.dropout.drivers import CLEAR, Drivers, _limits, _more_or_fewer, drivers
from cjmining.dropout.entries import entries, place_number
from cjmining.dropout.mantel_haenszel import NOTHING, Adjusted
from cjmining.intended import parse_map
from cjmining.log import JourneyLog
from cjmining.stats import newcombe
from tests.conformance.factory import START
from tests.dropout.test_exposures import MAP, log_of

WHAT = ["kind", "candidate", "detail", "when"]


def row(why: Drivers, *what: str, table: str = "drivers") -> pd.Series:
    found = getattr(why, table)
    for name, word in zip(WHAT, what, strict=False):
        found = found[found[name] == word]
    assert len(found) == 1, found
    return found.iloc[0]


def checked(log: JourneyLog) -> cj.Conformance:
    intended = parse_map(MAP)
    return cj.check(log.split(intended), intended)


def shop_check(customers: int, seed: int, **settings: object) -> cj.Conformance:
    shop = cj.simulate.shop(customers, seed=seed, **settings)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended)


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    return shop_check(6000, 3)


@pytest.fixture(scope="module")
def research(shop: cj.Conformance) -> Drivers:
    return drivers(shop, "Research")


# by hand --------------------------------------------------------------------------------------------------

SLOW = "seen@20 called@21/wait_s=700"
QUICK = "seen@20 called@21/wait_s=30"
CALLS = (*[SLOW] * 6, *[f"{SLOW} carted@22"] * 2, *[QUICK] * 3, *[f"{QUICK} carted@22"] * 9)


def test_calls_worked_by_hand() -> None:
    why = drivers(checked(log_of(*CALLS)), "Look", smallest_cell=3)
    slow = row(why, "long wait", "called", "longer than 10 min")
    # 6 of 8 that waited long left, 3 of 12 that did not.
    assert slow[["exposed", "exposed_dropped", "unexposed", "unexposed_dropped"]].tolist() == [8, 6, 12, 3]
    assert slow["difference"] == pytest.approx(6 / 8 - 3 / 12)
    assert slow["ratio"] == pytest.approx(3)
    assert slow["excess"] == pytest.approx(8 * 0.5)
    # 9 of 20 left: 3.6 of the 8 would; the variance is 8 * 12 * 9 * 11 / (400 * 19).
    z = (6 - 3.6) / np.sqrt(8 * 12 * 9 * 11 / (400 * 19))
    assert slow["p"] == pytest.approx(2 * (1 - _normal(z)), abs=1e-9)
    assert slow["sentence"].startswith(
        "75 % of 8 journeys with a wait longer than 10 min at called dropped out at Look within 20 days, "
        "against 25 % of comparable ones: 50 points more ("
    )


def _normal(z: float) -> float:
    from scipy.stats import norm

    return float(norm.cdf(z))


def test_what_could_not_be_judged_is_told_with_the_reason() -> None:
    why = drivers(checked(log_of(*CALLS)), "Look")
    left = why.left_out.set_index(["kind", "candidate", "detail"])
    assert left.loc[("long wait", "called", "longer than 10 min"), "reason"].startswith(
        "too few: 5 in each cell"
    )
    why = drivers(checked(log_of(*CALLS)), "Look", smallest_cell=4)
    left = why.left_out.set_index(["kind", "candidate", "detail"])
    reason = "too few: a cell of the comparison expects 3.6 journeys, fewer than 4"
    assert left.loc[("long wait", "called", "longer than 10 min"), "reason"] == reason


def test_what_staying_settles_is_no_candidate_in_its_own_stage() -> None:
    check = checked(log_of(*CALLS))
    look, buy = (drivers(check, stage).left_out.set_index(["kind", "candidate"]) for stage in ("Look", "Buy"))
    assert look.loc[("broken promise", "Look"), "reason"].startswith("staying in the stage settles it")
    assert ("broken promise", "Look") not in buy.index


def test_the_same_journeys_are_told_once() -> None:
    why = drivers(checked(log_of(*CALLS)), "Look", smallest_cell=3)
    # Who waited longer than 10 minutes also waited longer than 2, 4 and 5; the promise comes last.
    assert (why.drivers["kind"] == "long wait").sum() == 1
    reasons = why.left_out.set_index(["kind", "detail"])["reason"]
    same = "the same journeys as called (long wait: longer than 10 min, during the stage)"
    assert reasons["long wait", "longer than 5 min"] == same
    assert reasons["broken promise", "wait at most 2 min"] == same


def test_the_title_says_associations(research: Drivers) -> None:
    assert research.title == "Associations with dropping out at Research: not causes"
    assert research.title in repr(research)
    assert research.title in research._repr_html_()


def test_entries_are_those_that_were_followed_for_the_horizon(
    shop: cj.Conformance, research: Drivers
) -> None:
    found = entries(shop)
    here = found.only(found.place == place_number(found, "Research"))
    followed = here.only(here.data_end - here.entered_at >= shop.intended.horizon_us)
    left = followed.here & (followed.end == 1)
    soon = left & (followed.ended_at - followed.entered_at <= shop.intended.horizon_us)
    assert (research.entered, research.dropped) == (len(followed), soon.sum())
    stage = shop.overall.stages.set_index("stage").loc["Research"]
    assert stage["mature"] < research.entered < stage["entered"]


def test_strata_add_up(research: Drivers) -> None:
    sizes = ["exposed", "exposed_dropped", "unexposed", "unexposed_dropped"]
    sums = research.strata.groupby("rank")[sizes].sum()
    table = research.drivers.set_index("rank")
    pd.testing.assert_frame_equal(sums, table[sizes], check_dtype=False)
    assert set(research.strata["stratum"]) <= {"Families", "Gen Z", "Silver", "Islanders", "unknown"}
    whole = table["risk_exposed"] - table["risk_unexposed"]
    np.testing.assert_allclose(whole, table["difference"], atol=1e-12)


# who survives gathers contacts ----------------------------------------------------------------------------


def walks(n: int, *, leave: tuple[float, ...], go_on: float, calls: float, seed: int) -> JourneyLog:
    """Let journeys act once a day: each act a call by chance, after each leaving or going on by chance.

    Calls are harmless: leaving depends on the number of acts alone.
    """
    generator = np.random.default_rng(seed)
    journeys = []
    for _ in range(n):
        words, day = ["seen@20"], 20
        while True:
            chance = leave[min(len(words), len(leave)) - 1]
            number = generator.random()
            if number < chance:
                break
            day += 1
            if number < chance + go_on:
                words.append(f"carted@{day}")
                break
            words.append(f"{'called' if generator.random() < calls else 'seen'}@{day}")
        journeys.append(" ".join(words))
    return log_of(*journeys)


def ever(check: cj.Conformance, touchpoint: str) -> float:
    """Return the naive difference: journeys in which it ever happened less the others."""
    events = check._reading.log.events
    has = np.isin(check.journeys["journey"], events.loc[events["touchpoint"] == touchpoint, "journey"])
    left = (check.journeys["outcome"] == "dropped") & (check.journeys["last_stage"] == "Look")
    return float(left[has].mean() - left[~has].mean())


@pytest.mark.parametrize(
    ("leave", "sign"), [((0.5, 0.4, 0.05), -1), ((0.02, 0.05, 0.5), 1)], ids=["early leavers", "late leavers"]
)
def test_contacts_of_survivors_are_no_association(leave: tuple[float, ...], sign: int) -> None:
    check = checked(walks(1500, leave=leave, go_on=0.25, calls=0.3, seed=5))
    assert sign * ever(check, "called") > 0.1
    why = drivers(check, "Look")
    phone = row(why, "channel", "phone", "used there")
    assert phone["q"] > CLEAR
    again = row(why, "repeat contact", "called", "once more", table="drivers")
    assert again["q"] > CLEAR


def test_what_reaches_those_who_linger_is_no_association() -> None:
    """A mail comes back at any time: to those who left silently more than to those who soon went on."""
    generator = np.random.default_rng(7)
    journeys = []
    for _ in range(3000):
        leaves, lost = generator.random() < 0.3, 20 + generator.exponential(6)
        ends = 30.0 if leaves else 20 + generator.exponential(1.5)
        words = ["seen@20"] + ([f"mail_lost!@{lost:.4f}"] if lost < min(ends, 29.9) else [])
        journeys.append(" ".join(words + ([] if leaves else [f"carted@{min(ends, 29.9):.4f}"])))
    check = checked(log_of(*journeys))
    assert ever(check, "mail_lost") > 0.4
    lost = row(drivers(check, "Look"), "error", "mail_lost")
    assert lost["lower"] < 0 < lost["upper"]
    assert abs(lost["difference"]) < 0.04


def test_a_mail_that_drives_away_is_found() -> None:
    generator = np.random.default_rng(8)
    journeys, counts = [], np.zeros((2, 2))
    for _ in range(2000):
        lost = generator.random() < 0.2
        leaves = generator.random() < (0.6 if lost else 0.2)
        later = [] if leaves else [f"carted@{22 + 4 * generator.random():.4f}"]
        journeys.append(" ".join(["seen@20", *(["mail_lost!@21"] if lost else []), *later]))
        counts[int(lost), int(leaves)] += 1
    why = drivers(checked(log_of(*journeys)), "Look")
    assert why.drivers.iloc[0][["kind", "candidate"]].tolist() == ["error", "mail_lost"]
    risk = counts[:, 1] / counts.sum(axis=1)  # all others were still there, so that nothing is lost
    assert why.drivers.iloc[0]["difference"] == pytest.approx(risk[1] - risk[0], abs=1e-9)


# strata ---------------------------------------------------------------------------------------------------


def simpson_log() -> JourneyLog:
    """Basic customers call in the evening, when waits are short; gold ones leave less, whatever they wait."""
    rows = []
    for tier, wait, left, stayed in (
        ("gold", 700, 60, 140),
        ("gold", 30, 10, 40),
        ("basic", 700, 40, 10),
        ("basic", 30, 140, 60),
    ):
        rows += [(tier, wait, True)] * left + [(tier, wait, False)] * stayed
    events, customers = [], []
    for customer, (tier, wait, leaves) in enumerate(rows):
        customers.append({"customer": customer, "tier": tier})
        steps = [("seen", 20, None), ("called", 21, wait), *([] if leaves else [("carted", 22, None)])]
        events += [
            {
                "customer": customer,
                "timestamp": START + pd.Timedelta(days=day),
                "touchpoint": touchpoint,
                "wait_s": np.nan if seconds is None else float(seconds),
            }
            for touchpoint, day, seconds in steps
        ]
    end = START + pd.Timedelta(days=200)
    return JourneyLog.from_events(pd.DataFrame(events), customers=pd.DataFrame(customers), data_end=end)


def test_a_difference_that_turns_round_within_strata_is_told() -> None:
    check = checked(simpson_log())
    within = row(drivers(check, "Look", stratum="tier"), "long wait", "called")
    # Within gold 60/200 against 10/50, within basic 40/50 against 140/200: 10 points more in both.
    assert within["difference"] == pytest.approx(0.1)
    assert within["crude_difference"] == pytest.approx(100 / 250 - 150 / 250)
    assert within["simpson"] == "without strata it would be -20, the other way round"
    strata = drivers(check, "Look", stratum="tier").strata
    of_wait = strata[strata["kind"] == "long wait"].set_index("stratum")["difference"]
    assert of_wait.round(9).to_dict() == {"basic": 0.1, "gold": 0.1}
    crude = row(drivers(check, "Look", stratum=None), "long wait", "called")
    assert crude["difference"] == pytest.approx(-0.2)
    assert crude["simpson"] == ""


def test_a_stratum_that_says_nothing_changes_nothing() -> None:
    log = simpson_log()
    customers = log.customers.assign(country="here")
    events = log.events[["customer", "timestamp", "touchpoint", "wait_s"]]
    same = JourneyLog.from_events(events, customers=customers, data_end=log.data_end)
    check = checked(same)
    within, alone = drivers(check, "Look", stratum="country"), drivers(check, "Look", stratum=None)
    pd.testing.assert_frame_equal(within.drivers, alone.drivers)
    names = {"country": "here", None: "all"}
    for each in (within, alone):
        assert set(each.strata["stratum"]) == {names[each.by]}


def test_names_of_strata_and_values_do_not_matter() -> None:
    log = simpson_log()
    renamed = log.customers.assign(tier=log.customers["tier"].astype(object).map({"gold": "b", "basic": "z"}))
    events = log.events[["customer", "timestamp", "touchpoint", "wait_s"]]
    other = JourneyLog.from_events(events, customers=renamed, data_end=log.data_end)
    one, two = (drivers(checked(each), "Look", stratum="tier").drivers for each in (log, other))
    pd.testing.assert_frame_equal(one, two)


# shops whose causes are known -----------------------------------------------------------------------------


def test_the_long_wait_comes_before_its_companions(research: Drivers) -> None:
    table = research.drivers
    assert table.iloc[0][["kind", "candidate", "when"]].tolist() == [
        "long wait",
        "call_answered",
        "during the stage",
    ]
    assert table.loc[table["verdict"] == "of its own", "kind"].eq("long wait").all()
    companions = table[table["goes_along_with"].str.startswith("call_answered (long wait")]
    assert (companions["verdict"] == "goes along").all()
    assert len(companions)
    assert (companions["rank"] > 1).all()
    assert companions["sentence"].str.contains("It goes along with call_answered").all()
    assert (
        companions["sentence"]
        .str.contains(r"beside that, (?:nothing|no difference|.* point .*) remains\.$|points .* remain\.$")
        .all()
    )


def test_a_bounce_is_what_drives_from_the_basket(shop: cj.Conformance) -> None:
    assert drivers(shop, "Basket").drivers.iloc[0]["candidate"] == "email_bounced"


def test_nothing_goes_with_leaving_a_null_shop() -> None:
    shop = cj.simulate.null_shop(3000, seed=3)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended).with_personas(intended), intended)
    for stage in ("Research", "Basket", "Checkout"):
        assert (drivers(check, stage).drivers["q"] > CLEAR).all()


def test_part_of_the_entries(shop: cj.Conformance) -> None:
    part = drivers(shop, "Checkout", where={"persona": "Gen Z", "device": ["mobile"]}, since="2026-05-04")
    later = drivers(shop, "Checkout", where={"persona": "Gen Z", "device": ["mobile"]}, until="2026-05-04")
    whole = drivers(shop, "Checkout", where={"persona": "Gen Z", "device": "mobile"})
    assert part.entered + later.entered == whole.entered
    assert 0 < part.entered < whole.entered


def test_who_went_back_and_left_there_may_count() -> None:
    back = "seen@20 carted@21 seen@22"
    check = checked(log_of(back, back, "seen@20 carted@21", "seen@20 carted@21 paid@22"))
    assert drivers(check, "Buy").dropped == 1
    why = drivers(check, "Buy", gone_back=True)
    assert why.dropped == 3
    assert any("went back" in note for note in why.notes)
    assert drivers(check, "Look", gone_back=True).dropped == drivers(check, "Look").dropped == 2


def test_kinds_and_candidates_can_be_left_out(shop: cj.Conformance, research: Drivers) -> None:
    why = drivers(shop, "Research", leave_out=["long wait", "call_answered"])
    assert not why.drivers["candidate"].eq("call_answered").any()
    assert not why.drivers["kind"].eq("long wait").any()
    asked = why.left_out[why.left_out["reason"] == "left out as asked"]
    assert len(asked) > 10
    assert len(research.drivers) + len(research.left_out) == len(why.drivers) + len(why.left_out)


@pytest.mark.parametrize("stage", ["Research", "Basket", "Checkout"])
def test_the_same_whatever_the_blocks(shop: cj.Conformance, stage: str) -> None:
    reading = shop._reading
    assert len(reading.log.blocks(events=5000)) > 5
    many = dataclasses.replace(
        shop, _reading=dataclasses.replace(reading, blocks=reading.log.blocks(events=5000))
    )
    one, other = drivers(shop, stage), drivers(many, stage)
    for name in Drivers._tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_where_nobody_dropped_out_the_limits_are_newcombes() -> None:
    """None of 12 that waited long left, 12 of 20 others."""
    log = log_of(*[f"{SLOW} carted@22"] * 12, *[QUICK] * 12, *[f"{QUICK} carted@22"] * 8)
    slow = row(drivers(checked(log), "Look", smallest_cell=3), "long wait", "called", "longer than 10 min")
    limits = newcombe(0, 12, 12, 20)
    assert slow[["difference", "lower", "upper"]].tolist() == pytest.approx(list(limits))
    assert np.isnan(slow["ratio_upper"])
    assert "60 points fewer (" in slow["sentence"]
    assert "chance" not in slow["sentence"]


def adjusted(difference: float, lower: float, upper: float) -> Adjusted:
    return NOTHING._replace(difference=difference, lower=lower, upper=upper)


def test_differences_in_words() -> None:
    assert _more_or_fewer(0.13) == "13 points more"
    assert _more_or_fewer(-0.01) == "1 point fewer"
    assert _more_or_fewer(0.004) == "0.4 points more"
    assert _more_or_fewer(-0.0001) == "no difference"
    assert _limits(adjusted(0.13, 0.08, 0.19)) == "8 to 19"
    assert _limits(adjusted(-0.22, -0.24, -0.12)) == "12 to 24"
    assert _limits(adjusted(-0.02, -0.06, 0.02)) == "6 fewer to 2 more"
    assert _limits(adjusted(0.02, -0.0001, 0.05)) == "0 to 5"


def test_sentences_agree_with_the_limits_and_name_the_candidate(shop: cj.Conformance) -> None:
    for stage in ("Research", "Checkout"):
        table = drivers(shop, stage).drivers
        for each in table.itertuples():
            assert each.candidate in each.sentence
            said = "That can be chance." in each.sentence
            assert not (said and each.p <= CLEAR)
            weighs = each.sentence.startswith("Like for like, ")
            assert weighs == (
                f"{100 * each.exposed_dropped / each.exposed:.0f}" != f"{100 * each.risk_exposed:.0f}"
            )
        assert (
            table.loc[table["p"].le(CLEAR) & table["verdict"].eq("unclear"), "sentence"]
            .str.endswith(f"Among {len(table)} candidates that can be chance.")
            .all()
        )


def test_what_comes_after_the_goal_has_no_drop_out(shop: cj.Conformance) -> None:
    with pytest.raises(cj.LogError, match="nobody drops out after the goal: Support comes after it") as told:
        drivers(shop, "Support")
    assert "horizon" not in str(told.value)
    nobody = checked(log_of("seen@20", "seen@21"))
    with pytest.raises(cj.LogError, match="no journey entered Buy, so nobody"):
        drivers(nobody, "Buy")


def test_windows_without_entries_are_told(shop: cj.Conformance) -> None:
    with pytest.raises(cj.LogError, match="since is after until"):
        drivers(shop, "Checkout", since="2026-08-01", until="2026-07-01")
    with pytest.raises(
        cj.LogError, match=r"none of the [\d,]+ journeys that entered Checkout did so from 1 Aug"
    ):
        drivers(shop, "Checkout", since="2030-08-01")
    with pytest.raises(cj.LogError, match="did so with device mobile before 1 January 2020"):
        drivers(shop, "Checkout", where={"device": "mobile"}, until="2020-01-01")
    with pytest.raises(cj.LogError, match=r"of at most \d+ days or an earlier window"):
        drivers(shop, "Checkout", since="2026-08-20")


def test_wrong_types_are_told(shop: cj.Conformance) -> None:
    with pytest.raises(cj.LogError, match="drivers takes a check first, not JourneyLog"):
        drivers(shop._reading.log, "Checkout")
    with pytest.raises(cj.LogError, match="stage is the name of a stage, not None; the map has Awareness, "):
        drivers(shop, None)
    with pytest.raises(cj.LogError, match=r"where is a mapping such as \{'device': 'mobile'\}, not 'mobile'"):
        drivers(shop, "Checkout", where="mobile")
    with pytest.raises(cj.LogError, match="names no value"):
        drivers(shop, "Checkout", where={"device": []})
    for wrong in (-5, 0, "5", True, float("nan")):
        with pytest.raises(ValueError, match="smallest_cell must be a number above 0"):
            drivers(shop, "Checkout", smallest_cell=wrong)
    as_number, as_text = (drivers(shop, "Checkout", where={"birth_year": year}) for year in (1980, "1980"))
    assert as_number.entered == as_text.entered > 0


def test_wrong_words_are_told(shop: cj.Conformance) -> None:
    with pytest.raises(cj.LogError, match=r"no stage 'Checkot'.*did you mean 'Checkout'"):
        drivers(shop, "Checkot")
    with pytest.raises(cj.LogError, match=r"no persona is 'Gen z', did you mean 'Gen Z'"):
        drivers(shop, "Checkout", where={"persona": "Gen z"})
    with pytest.raises(cj.LogError, match=r"no 'tier' to group by"):
        drivers(shop, "Checkout", stratum="tier")
    with pytest.raises(
        cj.LogError, match=r"no kind or candidate 'long waits' to leave out, did you mean 'long wait'"
    ):
        drivers(shop, "Checkout", leave_out="long waits")
    with pytest.raises(cj.LogError, match="since is a time such as '2026-05-04', not 'soon'"):
        drivers(shop, "Checkout", since="soon")
    with pytest.raises(cj.LogError, match=r"none did so a horizon of 400 days before the data ends"):
        drivers(shop, "Checkout", horizon="400d")


def test_tables_keep_their_types_where_they_are_empty() -> None:
    why = drivers(checked(log_of("seen@20", "seen@21 carted@22")), "Look")
    assert why.drivers.empty
    full = drivers(checked(log_of(*CALLS)), "Look", smallest_cell=3)
    for name in Drivers._tables:
        assert getattr(why, name).dtypes.to_dict() == getattr(full, name).dtypes.to_dict()
    assert set(why.to_arrow()) == set(Drivers._tables)
