"""Findings say what the numbers say, keep their names, and stay silent where nothing holds."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import cjmining as cj
from cjmining.conformance.standouts import FEWEST_DROPPED, LARGEST_Q
from cjmining.report import compare_findings, derive_findings
from tests.report.factory import Results, grouped, ungrouped


def findings_of(results: Results, **options):
    return derive_findings(results.log, results.check, results.coverage, **options)


def of_kind(findings, kind):
    return [finding for finding in findings if finding.kind == kind]


def test_the_headline_of_a_persona_names_its_stage_its_share_and_who_could_be_followed():
    [headline] = [f for f in of_kind(findings_of(grouped()), "largest drop-out") if f.group == "Gen Z"]

    # 105 of 310: 33.9 %, Wilson limits 28.8 to 39.3 % by hand
    assert headline.text.startswith(
        "34 % (29-39 %) of the 310 journeys of Gen Z that reached Checkout and could be followed for 30 days "
        "dropped out there in that time; "
    )
    assert headline.headline == "Gen Z: 34 % drop out at Checkout"
    assert headline.stage == "Checkout"
    assert headline.numbers["drop_out_share"] == pytest.approx(105 / 310)
    assert headline.numbers["mature"] == 310


def test_a_headline_says_whether_another_patience_would_tell_another_story():
    results = grouped()
    same = of_kind(findings_of(results), "largest drop-out")[0]
    assert same.text.endswith(
        "any other stage; the same holds if customers are given up after 7 or 28 days instead of 14."
    )

    table = results.check.sensitivity.copy()
    twice = (table["by"] == "Gen Z") & (table["stage"] == "Basket") & (table["patience"] == "double")
    table.loc[twice, "drop_out_share"] = 0.9
    results = dataclasses.replace(results, check=dataclasses.replace(results.check, sensitivity=table))
    [headline] = [f for f in of_kind(findings_of(results), "largest drop-out") if f.group == "Gen Z"]
    assert headline.text.endswith(
        ", but if customers are given up after 28 days instead of 14, Basket loses the largest share."
    )


def test_a_headline_says_that_a_stage_leads_clearly_only_where_the_limits_are_apart():
    headlines = {f.group: f.text for f in of_kind(findings_of(grouped()), "largest drop-out")}
    # Gen Z: 105 of 310 at Checkout (29-39 %), 33 of 330 in the basket (7-14 %)
    assert "; clearly more than at any other stage; the same holds" in headlines["Gen Z"]
    # Unknown: 15 of 50 at first (19-44 %), 8 of 35 in the basket (12-39 %): Wilson's limits by hand
    assert (
        "; the largest share of all stages (Basket: 23 %, 12-39 %, is not clearly lower); the same holds"
        in headlines["unknown"]
    )


def test_a_ratio_below_one_is_said_as_a_part():
    results = grouped()
    table = results.check.standouts.copy()
    table["risk_ratio"] = table["risk_ratio"].mask(table["stands_out"], 0.48)
    table["lower"], table["upper"] = 0.38, 0.61
    check = dataclasses.replace(results.check, standouts=table)
    [standout] = of_kind(findings_of(dataclasses.replace(results, check=check)), "stand-out")
    assert "at Checkout about half as often as the others (0.4-0.6 times): 34 % of 310" in standout.text
    assert standout.headline == "Gen Z: drop out 0.5 times as often at Checkout"


def test_missing_is_said_of_the_place_and_not_of_the_whole_journey():
    [missing] = [f for f in of_kind(findings_of(grouped()), "deviation") if "without" in f.text]
    # a fifth of 400 + 600 + 60 journeys
    assert missing.text == "212 of 1,060 journeys (20 %) passed Basket at least once without “basket filled”."


def test_what_lies_outside_the_map_is_the_whole_of_the_table():
    [outside] = of_kind(findings_of(grouped()), "unlabelled")
    assert outside.text.startswith("32 events (")
    assert (
        "30 under a native name that no label and no touchpoint of the map knows and 2 under" in outside.text
    )


def test_native_names_on_the_map_are_told_with_what_the_log_calls_them():
    results = grouped()
    log = cj.JourneyLog.from_events(
        pd.DataFrame(
            {
                "customer": [1, 1, 2],
                "timestamp": pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-02"], utc=True),
                "touchpoint": ["product_viewed", "product_viewed", "ad_clicked"],
                "native": ["view_item", "view_item", "poster_seen"],
            }
        )
    )
    missing = pd.DataFrame({"stage": "Awareness", "touchpoint": ["view_item", "gone"], "recorded": True})
    coverage = dataclasses.replace(results.coverage, missing_from_log=missing)
    [never] = of_kind(derive_findings(log, results.check, coverage), "never seen")
    assert never.text.endswith("The log calls native view_item “product viewed”.")


def test_a_stage_that_few_could_be_followed_in_makes_no_headline():
    results = grouped()
    stages = results.check.stages.copy()
    basket = (stages["by"] == "Gen Z") & (stages["stage"] == "Basket")
    stages.loc[basket, ["mature", "dropped_within_horizon", "drop_out_share"]] = (9, 9, 1.0)
    results = dataclasses.replace(results, check=dataclasses.replace(results.check, stages=stages))

    [headline] = [f for f in of_kind(findings_of(results), "largest drop-out") if f.group == "Gen Z"]
    assert headline.stage == "Checkout"
    assert "clearly more than at any other stage that at least 10 such journeys reached" in headline.text


def test_outcomes_add_up_over_all_groups():
    [outcomes] = of_kind(findings_of(grouped()), "outcomes")
    # 400 + 600 + 60 journeys; 180 + 366 + 23 converted; 186 + 190 + 31 dropped; 8 + 4 turned away
    assert outcomes.numbers["journeys"] == 1060
    assert outcomes.numbers["converted"] == 569
    assert outcomes.numbers["dropped"] == 407
    assert outcomes.numbers["turned_away"] == 12
    assert outcomes.numbers["open"] == 1060 - 569 - 407 - 12


def test_a_stand_out_is_said_as_an_association_with_both_shares():
    [standout] = of_kind(findings_of(grouped()), "stand-out")

    # Gen Z 105 of 310; the others 46 + 4 of 420 + 28
    assert standout.text == (
        "Journeys of Gen Z dropped out at Checkout 3.0 times (1.5-2.1) as often as the others: 34 % of 310 "
        "within "
        "30 days, against 11 % of 448 (an association)."
    )
    assert (standout.group, standout.stage) == ("Gen Z", "Checkout")
    # of fewer journeys: a larger share, not a larger number
    assert standout.headline == "Gen Z: drop out 3.0 times as often at Checkout"


def test_where_nothing_stands_out_the_descriptions_stay_and_nobody_is_said_to_differ():
    findings = findings_of(grouped(stand_out=False))

    assert not of_kind(findings, "stand-out")
    assert len(of_kind(findings, "largest drop-out")) == 4
    [quiet] = of_kind(findings, "no stand-out")
    assert quiet.text.startswith(
        "No persona clearly differs from the others at any stage: of 12 comparisons none passes the test "
        f"(q < {LARGEST_Q:g}, with at least {FEWEST_DROPPED} drop-outs)."
    )
    assert "chance" not in quiet.text


def test_that_nothing_stands_out_is_not_said_where_what_does_is_withheld():
    results = grouped()
    table = results.check.standouts.assign(mature=9)
    check = dataclasses.replace(results.check, standouts=table)
    findings = findings_of(dataclasses.replace(results, check=check))
    assert not of_kind(findings, "stand-out")
    assert not of_kind(findings, "no stand-out")


def test_ungrouped_results_have_one_headline_and_no_comparison():
    findings = findings_of(ungrouped())
    assert len(of_kind(findings, "largest drop-out")) == 1
    assert not of_kind(findings, "stand-out")
    assert not of_kind(findings, "no stand-out")


def test_drop_out_places_come_largest_first_with_what_they_put_at_risk():
    places = of_kind(findings_of(grouped()), "drop-out place")

    assert [place.stage for place in places] == ["Checkout", "Basket", "Awareness"]
    # 118 + 50 + 4 drop-outs at Checkout, at 40 (30 to 50) each
    assert places[0].text.startswith("172 of 407 drop-outs (42 %) came at Checkout, after “payment entered”")
    assert "EUR 6,880 (5,160-8,600)" in places[0].text


def test_ids_name_what_a_finding_is_about_and_not_its_numbers():
    before = findings_of(grouped())
    results = grouped()
    stages = results.check.stages.assign(mature=results.check.stages["mature"] + 1)
    after = findings_of(dataclasses.replace(results, check=dataclasses.replace(results.check, stages=stages)))

    assert [finding.id for finding in before] == [finding.id for finding in after]
    assert [finding.text for finding in before] != [finding.text for finding in after]
    assert len({finding.id for finding in before}) == len(before)


def test_names_that_look_alike_keep_ids_apart():
    results = grouped()
    renamed = results.check.stages.copy()
    renamed["by"] = renamed["by"].replace({"Families": "gen-z"})
    outcomes = results.check.outcomes.assign(by=results.check.outcomes["by"].replace({"Families": "gen-z"}))
    check = dataclasses.replace(
        results.check, stages=renamed, outcomes=outcomes, groups=("Gen Z", "gen-z", "unknown")
    )
    ids = [f.id for f in findings_of(dataclasses.replace(results, check=check))]
    assert len(set(ids)) == len(ids)


def test_the_data_are_spoken_of_last():
    findings = findings_of(grouped())
    about_data = [finding.about_data for finding in findings]
    assert about_data == sorted(about_data)
    kinds = {finding.kind for finding in findings if finding.about_data}
    assert {"gap", "unlabelled", "never seen", "unknown group"} <= kinds


def test_quarantined_records_are_counted():
    results = grouped()
    ledger = pd.DataFrame(
        {
            "source": ["web", "web", "crm"],
            "file": ["a", "a", "b"],
            "what": ["records"] * 3,
            "fate": ["used", "quarantined", "used"],
            "reason": ["", "no time", ""],
            "count": [990, 10, 5],
        }
    )
    import pyarrow as pa

    from cjmining import schema

    table = pa.Table.from_pandas(ledger, schema=schema.LEDGER, preserve_index=False)
    log = dataclasses.replace(results.log, _ledger=table, _cache={})
    [bad] = of_kind(findings_of(dataclasses.replace(results, log=log)), "quarantine")
    assert bad.text == (
        "10 of 1,005 records (1 %) could not be read and were set apart, each with its reason: 10 of web."
    )


def test_a_rerun_tells_new_changed_same_and_gone():
    findings = findings_of(grouped())
    earlier = [finding.to_dict() for finding in findings[1:]]
    earlier[0]["text"] = "Something else was said."
    earlier.append({"id": "old", "kind": "gap", "text": "A gap that has been mended."})

    now, gone = compare_findings(findings, earlier)

    assert now[0]["status"] == "new"
    assert (now[1]["status"], now[1]["earlier_text"]) == ("changed", "Something else was said.")
    assert {entry["status"] for entry in now[2:]} == {"same"}
    assert [finding["id"] for finding in gone] == ["old"]


def test_a_first_run_marks_nothing():
    now, gone = compare_findings(findings_of(grouped()), None)
    assert {entry["status"] for entry in now} == {None}
    assert gone == []


def test_a_group_that_alone_drops_out_is_said_without_a_ratio():
    results = grouped()
    table = results.check.standouts.copy()
    table["risk_ratio"] = table["risk_ratio"].mask(table["stands_out"], float("inf"))
    table["rest_share"] = table["rest_share"].mask(table["stands_out"], 0.0)
    check = dataclasses.replace(results.check, standouts=table)
    [standout] = of_kind(findings_of(dataclasses.replace(results, check=check)), "stand-out")
    assert standout.text == (
        "Journeys of Gen Z dropped out at Checkout, unlike the others: 34 % of 310 within 30 days, against "
        "0 % of 448 (an association)."
    )
    assert standout.headline == "Gen Z: only they drop out at Checkout"
    assert "risk_ratio" not in standout.numbers


def test_a_broken_promise_is_said_with_its_share_its_target_and_what_followed():
    [summary] = of_kind(findings_of(grouped()), "promises")
    assert (
        summary.text
        == "Of 3 promises of the map, 1 was kept, 1 was clearly broken and 1 was measured too seldom to tell."
    )
    [broken] = of_kind(findings_of(grouped()), "broken promise")
    # seven of ten of 320 + 440 + 30; a quarter of the half of those broken that could be followed left
    assert broken.text == (
        "The promise of “checkout called” at Checkout (wait at most 2 min, for 90 %) was broken: it was kept "
        "for 70 % (67-73 %) of the 790 times that it was measured. Within 30 days, 50 % of 118 dropped out "
        "after it was broken, 20 % of 276 after it was kept (an association)."
    )
    assert (broken.stage, broken.touchpoint) == ("Checkout", "checkout_called")
    assert broken.numbers["measured"] == 790
    assert broken.numbers["target"] == 0.9


def replaced(results: Results, name: str, **columns) -> Results:
    """The same results, with these columns in a table of everyone's."""
    overall = results.check.overall
    whole = dataclasses.replace(overall, **{name: getattr(overall, name).assign(**columns)})
    return dataclasses.replace(results, check=dataclasses.replace(results.check, _everybody=whole))


def test_no_difference_is_claimed_where_the_limits_reach_to_both_sides():
    results = replaced(grouped(), "expectations", difference_lower=-0.1)
    [broken] = of_kind(findings_of(results), "broken promise")
    assert broken.text.endswith("20 % of 276 after it was kept, which is no clear difference.")


def test_nothing_is_said_of_what_followed_where_few_could_be_followed():
    results = replaced(grouped(), "expectations", mature_broken=9)
    [broken] = of_kind(findings_of(results), "broken promise")
    assert broken.text.endswith("times that it was measured.")


def test_a_promise_measured_in_few_journeys_is_not_called_broken():
    results = replaced(grouped(), "expectations", journeys_kept=5, journeys_broken=4)
    findings = findings_of(results)
    assert not of_kind(findings, "broken promise")
    [summary] = of_kind(findings, "promises")
    assert summary.text == "Of 3 promises of the map, 3 were measured fewer than 10 times."


def test_a_promise_to_everyone_and_one_of_a_stage_read_as_sentences():
    results = replaced(grouped(), "expectations", verdict="broken", target=1.0)
    texts = [finding.text for finding in of_kind(findings_of(results), "broken promise")]
    assert len(texts) == 3
    assert any(
        "The promise at Basket (on to the next stage within 7 d, for everyone) was broken" in t for t in texts
    )


def test_a_promise_to_everyone_that_nearly_all_had_kept_is_no_alarm():
    # 788 of 790 times is broken where it was promised to everyone, and yet another matter than 7 of 10
    results = replaced(
        grouped(), "expectations", verdict="broken", target=1.0, kept=788, share_kept=788 / 790
    )
    [summary] = of_kind(findings_of(results), "promises")
    assert summary.headline == "0 of 3 promises clearly broken"
    assert summary.text == "Of 3 promises of the map, 3 were for everyone and kept for nearly all (99.7 %)."
    assert (summary.numbers["broken"], summary.numbers["kept_for_nearly_all"]) == (0, 3)
    told = {finding.stage: finding for finding in of_kind(findings_of(results), "broken promise")}
    assert "for everyone) was not kept for everyone (2 of 790 later than 7 d): it was" in told["Basket"].text
    assert told["Basket"].headline == "Basket: not kept for everyone, 2 of 790 later than 7 d"


def test_a_broken_promise_keeps_its_name_when_its_numbers_change_and_not_when_it_is_another():
    [first] = of_kind(findings_of(grouped()), "broken promise")
    [later] = of_kind(
        findings_of(replaced(grouped(), "expectations", kept=1, share_kept=0.1)), "broken promise"
    )
    [other] = of_kind(findings_of(replaced(grouped(), "expectations", at_most=60.0)), "broken promise")
    assert first.id == later.id
    assert first.id != other.id


def test_the_channels_with_least_and_most_satisfaction_are_told_with_how_many_answered():
    [channels] = of_kind(findings_of(grouped()), "channels")
    # a quarter of 790; what has no channel is left out
    assert channels.text == (
        "Customers who answered were least satisfied with web: 0.50 (0.40-0.60), the mean of 197 answers, "
        "and most with phone: 0.80 (0.70-0.90), the mean of 197 answers (0 is the worst, 1 the best; an "
        "association)."
    )


@pytest.mark.parametrize("columns", [{"upper": 0.75}, {"answered": 9}, {"lower": float("nan")}])
def test_channels_that_are_not_clearly_apart_or_few_rated_are_not_told(columns):
    assert not of_kind(findings_of(replaced(grouped(), "channels", **columns)), "channels")


def test_where_customers_say_it_all_again_is_told_with_the_time_lost():
    [hand_off] = of_kind(findings_of(grouped()), "hand-off")
    # a fifth of 790 of 1,060 journeys; what is not said again, and owners, stand in the tables
    assert hand_off.text == (
        "In 158 of 1,060 journeys (15 %) customers went from web to phone for another contact in the same "
        "stage, Checkout; half of these hand-offs took up to 2 h, one in ten more than 2 d."
    )


def test_a_deviation_says_how_its_journeys_ended_where_that_is_beyond_chance():
    results = replaced(grouped(), "deviations", q=0.01, difference=-0.2, converted_with=10)
    [missing] = [f for f in of_kind(findings_of(results), "deviation") if "without" in f.text]
    # 106 of the 212 with it and 424 of the others could be followed
    assert missing.text.endswith(
        "without “basket filled”. Of those that could be followed, 9 % of 106 converted within 30 days, of "
        "others that came as far 50 % of 424 (an association)."
    )


def test_promises_come_after_what_is_at_risk_and_before_deviations():
    kinds = [finding.kind for finding in findings_of(grouped())]
    order = ["drop-out place", "promises", "broken promise", "channels", "hand-off", "deviation"]
    assert sorted(order, key=kinds.index) == order


def with_map(results: Results, **changed) -> Results:
    """Return the results of the same check under a map with other patiences."""
    check = results.check
    intended = dataclasses.replace(check.intended, **changed)
    return dataclasses.replace(results, check=dataclasses.replace(check, intended=intended))


def test_silence_that_never_counts_is_said_and_no_other_patience_is_claimed():
    results = ungrouped()
    stages = tuple(dataclasses.replace(each, patience=None) for each in results.check.intended.stages)
    never = with_map(results, patience=None, stages=stages, personas=())
    found = findings_of(never)
    (told,) = of_kind(found, "patience")
    assert told.about_data
    assert told.text.startswith("Silence never counts as having left under this map")
    assert not any("twice the patience" in each.text for each in found)
    assert of_kind(findings_of(results), "patience") == []


def test_an_estimated_patience_is_told_with_the_stages_that_state_their_own():
    results = ungrouped()
    first, *others = results.check.intended.stages
    stages = (dataclasses.replace(first, patience="never"), *others)
    settled = "Patience was estimated. The whole map: 12 days (estimate 11.4, limits 10.2 to 18.1 days)."
    (told,) = of_kind(findings_of(with_map(results, stages=stages, settled=settled)), "patience")
    assert told.text == f"{settled} Stated by the map itself: {first.stage} (never) and Delivery (never)."
    assert told.about_data


def test_headlines_are_short_whatever_names_map_and_log_have():
    results = grouped()
    names = {"Checkout": "x" * 300, "Basket": "<script>alert(1)</script> \N{ARABIC LETTER ALEF}\n" * 5}

    def renamed(check):
        tables = {
            name: getattr(check, name).assign(stage=getattr(check, name)["stage"].replace(names))
            for name in (
                "stages",
                "dropouts",
                "deviations",
                "standouts",
                "sensitivity",
                "expectations",
                "handoffs",
            )
        }
        return dataclasses.replace(check, **tables)

    check = dataclasses.replace(renamed(results.check), _everybody=renamed(results.check.overall))
    findings = findings_of(dataclasses.replace(results, check=check))
    assert {"x" * 300} <= {finding.stage for finding in findings}
    for finding in findings:
        assert 0 < len(finding.headline) <= 60
        assert "\n" not in finding.headline
    assert any(finding.headline.startswith("Gen Z: 34 % drop out at xxx") for finding in findings)
    assert all(finding.headline.count("%") for finding in of_kind(findings, "largest drop-out"))
