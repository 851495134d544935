"""The journey log: order, bounds, groups, blocks, filters, and the way to disk and back."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.intended import parse_map
from cjmining.log import JourneyLog

DAY_US = 86_400_000_000


def events(rows, **extra):
    """Events from (customer, day, touchpoint) rows; further columns by name."""
    frame = pd.DataFrame(rows, columns=["customer", "day", "touchpoint"])
    frame["timestamp"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(frame.pop("day"), unit="D")
    for name, values in extra.items():
        frame[name] = values
    return frame


def log_of(rows, *, customers=None, **extra):
    return JourneyLog.from_events(events(rows, **extra), customers=customers)


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=40
)


@given(ROWS)
def test_events_are_ordered_by_customer_and_time_and_ties_keep_native_order(rows):
    log = log_of(rows)
    expected = sorted(range(len(rows)), key=lambda i: (rows[i][0], rows[i][1], i))
    assert log.events["touchpoint"].tolist() == [rows[i][2] for i in expected]
    assert log.event_customers.tolist() == [rows[i][0] for i in expected]


@given(ROWS)
def test_every_event_lies_in_one_journey_of_its_customer(rows):
    log = log_of(rows)
    assert log.bounds[0] == 0
    assert log.bounds[-1] == len(rows)
    assert (np.diff(log.bounds) > 0).all()
    assert (log.journey_customer[log.event_journeys()] == log.event_customers).all()
    assert log.n_journeys == len({row[0] for row in rows})


@given(ROWS, st.integers(1, 12))
def test_blocks_hold_whole_customers_and_miss_nothing(rows, size):
    log = log_of(rows)
    blocks = log.blocks(size)
    assert [b.first_journey for b in blocks[1:]] == [b.last_journey for b in blocks[:-1]]
    assert [b.first_event for b in blocks[1:]] == [b.last_event for b in blocks[:-1]]
    assert (blocks[0].first_event, blocks[-1].last_event) == (0, log.n_events)
    owners = [set(log.event_customers[b.first_event : b.last_event]) for b in blocks]
    assert sum(map(len, owners)) == len(set().union(*owners))


def test_journeys_that_the_source_names_stay_apart_and_attempts_follow_time():
    rows = [(0, 5, "a"), (0, 6, "b"), (0, 1, "a"), (1, 2, "a")]
    log = log_of(rows, native_journey=["case 1", "case 1", "case 2", None])
    journeys = log.journeys
    assert journeys["native_journey"].astype(object).where(
        journeys["native_journey"].notna(), None
    ).tolist() == [
        "case 1",
        "case 2",
        None,
    ]
    assert journeys["attempt"].tolist() == [2, 1, 1]
    assert log.splittable.tolist() == [False, False, True]


def test_equal_times_are_broken_by_the_order_of_sources():
    table = pa.Table.from_pandas(events([(0, 0, "x"), (0, 0, "y")], source=["b", "a"]), preserve_index=False)
    default = JourneyLog.from_events(table)
    assert default.events["touchpoint"].tolist() == ["y", "x"]
    listed = default.to_arrow()["sources"].take([1, 0])
    assert JourneyLog.from_events(table, sources=listed).events["touchpoint"].tolist() == ["x", "y"]


def test_times_without_a_zone_are_utc_and_other_zones_are_converted():
    naive = pd.DataFrame(
        {"customer": [0], "timestamp": [pd.Timestamp("2026-03-01 12:00")], "touchpoint": ["a"]}
    )
    berlin = naive.assign(timestamp=pd.Timestamp("2026-03-01 13:00", tz="Europe/Berlin"))
    assert JourneyLog.from_events(naive).timestamps == JourneyLog.from_events(berlin).timestamps


@given(ROWS, st.lists(st.sampled_from(["m", "d", None]), min_size=40, max_size=40))
def test_group_by_a_dimension_takes_the_first_value_given(rows, devices):
    log = log_of(rows, device=devices[: len(rows)])
    codes, labels = log.group("device")
    ordered = log.events
    for journey in range(log.n_journeys):
        values = ordered.loc[ordered["journey"] == journey, "device"].dropna()
        assert labels[codes[journey]] == (values.iloc[0] if len(values) else "unknown")


def test_group_by_an_attribute_knows_the_customers_without_one():
    customers = pd.DataFrame({"customer": [0, 1, 2], "region": ["north", None, "south"]})
    log = log_of([(0, 0, "a"), (1, 0, "a"), (2, 0, "a")], customers=customers)
    codes, labels = log.group("region")
    assert [labels[c] for c in codes] == ["north", "unknown", "south"]
    assert log.group(None)[1] == ("all",)


def test_where_keeps_whole_journeys():
    customers = pd.DataFrame({"customer": [0, 1], "region": ["north", "south"]})
    log = log_of([(0, 0, "a"), (0, 1, "b"), (1, 5, "a")], customers=customers)
    assert log.where(touchpoint="b").events["touchpoint"].tolist() == ["a", "b"]
    assert log.where(region=["south"]).journey_customer.tolist() == [1]
    assert log.where(start="2026-03-02").journey_customer.tolist() == [1]
    assert log.where(end="2026-03-02").journey_customer.tolist() == [0]
    assert log.where(touchpoint="b", region="south").n_journeys == 0
    assert log.n_journeys == 2


def test_a_selection_keeps_which_attempt_of_its_customer_a_journey_is(tmp_path):
    log = log_of([(0, 0, "a"), (0, 5, "a")], native_journey=["first", "second"])
    later = log.where(start="2026-03-03")
    assert later.journeys["attempt"].tolist() == [2]
    assert cj.read_log(later.write(tmp_path / "later.log")).journeys["attempt"].tolist() == [2]


def test_a_column_that_no_source_gives_is_unknown_for_everybody():
    codes, labels = log_of([(0, 0, "a"), (1, 0, "a")]).group("channel")
    assert [labels[code] for code in codes] == ["unknown", "unknown"]


MAP = """
map: Purchase
goal: [bought]
patience: {patience}
stages:
  - stage: Shop
    touchpoints: [{{touchpoint: seen, repeat: true}}, {{touchpoint: bought}}]
"""


def test_a_log_knows_the_very_map_that_split_it():
    old = parse_map(MAP.format(patience="14d"), name="map.yaml")
    new = parse_map(MAP.format(patience="3d"), name="map.yaml")
    log = log_of([(0, 0, "seen"), (0, 5, "bought")]).split(old)
    assert log.is_split_by(old)
    assert not log.is_split_by(new)
    assert not log.label({"labels": [{"native": "seen", "touchpoint": "looked"}]}).is_split_by(old)


PERSONAS = """\
map: Purchase
goal: [bought]
patience: 3d
stages:
  - {stage: Look, touchpoints: [{touchpoint: seen, repeat: true}]}
  - {stage: Buy, touchpoints: [{touchpoint: bought}]}
personas:
  - persona: Young
    where: {age: {below: 30}}
    stages: [{stage: Look, patience: 1d}]
  - persona: Patient
    where: {age: {at_least: 80}}
    stages: [{stage: Look, patience: never, touchpoints: [{touchpoint: seen}, {touchpoint: asked}]}]
"""


def test_each_customer_is_split_by_the_map_of_their_persona():
    intended = parse_map(PERSONAS)
    visits = [(customer, day, "seen") for customer in range(4) for day in (0, 2, 6)]
    customers = pd.DataFrame({"customer": [0, 1, 2, 3], "age": [20, 50, 90, None]})
    log = log_of(visits, customers=customers).split(intended)
    # Young: silence after one day. The map, and those nobody knows: after three. Patient: never.
    assert log.bounds.tolist() == [0, 1, 2, 3, 5, 6, 9, 11, 12]
    assert log.is_split_by(intended)


@given(ROWS, st.lists(st.sampled_from([20, 50, 90, None]), min_size=5, max_size=5))
def test_a_customers_journeys_are_those_that_the_map_of_their_persona_makes(rows, ages):
    intended = parse_map(PERSONAS)
    names = {"a": "seen", "b": "bought", "c": "asked"}
    rows = [(customer, day, names[touchpoint]) for customer, day, touchpoint in rows]
    customers = pd.DataFrame({"customer": range(5), "age": pd.array(ages, dtype="Int64")})
    log = log_of(rows, customers=customers)
    split = log.split(intended)
    personas = intended.personas_of(log.to_arrow()["customers"]).to_pylist()
    for customer, persona in enumerate(personas):
        alone = log.split(intended.for_persona(persona))
        assert journeys_of(split, customer) == journeys_of(alone, customer)


def journeys_of(log, customer):
    first, last = log.bounds[:-1], log.bounds[1:]
    mine = log.journey_customer == customer
    return list(zip(first[mine].tolist(), last[mine].tolist(), strict=True))


def test_a_log_split_for_other_personas_is_not_split_by_the_map():
    customers = pd.DataFrame({"customer": [0], "age": [29]})
    log = log_of([(0, 0, "seen"), (0, 2, "seen")], customers=customers)
    split = log.split(parse_map(PERSONAS))
    assert not split.is_split_by(parse_map(PERSONAS.replace("patience: 1d", "patience: 2d")))
    assert not split.is_split_by(parse_map(PERSONAS.replace("below: 30", "below: 20")))
    assert not split.is_split_by(parse_map(MAP.format(patience="3d")))


def test_a_split_needs_the_attribute_that_tells_the_personas_apart():
    customers = pd.DataFrame({"customer": [0], "aged": [29]})
    with pytest.raises(cj.LogError, match=r"asks for the attribute 'age', .*did you mean 'aged'"):
        log_of([(0, 0, "seen")], customers=customers).split(parse_map(PERSONAS))


def test_an_empty_selection_is_still_a_log():
    none = log_of([(0, 0, "a")]).where(start="2027-01-01")
    assert (none.n_events, none.n_journeys, none.blocks()) == (0, 0, [])
    assert len(none.events) == 0
    assert "0 events" in repr(none)


def test_dimensions_are_kept_and_absent_columns_count_as_null():
    log = log_of([(0, 0, "a")], shelf=["top"])
    assert log.dimensions == ("shelf",)
    assert log.codes("campaign").tolist() == [-1]
    assert np.isnan(log.numbers("value")).all()
    assert log.flags("failed").tolist() == [-1]
    assert log.events.columns.tolist() == ["customer", "journey", *schema.EVENTS.names[1:], "shelf"]


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda log: log.group("persona"), "with_personas"),
        (lambda log: log.group("devise"), "did you mean 'device'"),
        (lambda log: log.where(devise="m"), "did you mean 'device'"),
        (lambda log: log.where(device="mobil"), "did you mean 'mobile'"),
        (lambda log: log.where(start="soon"), "start='soon' is not a time"),
        (lambda log: log.where(start=float("nan")), "start=nan is not a time"),
        (lambda log: log.where(start=pd.NaT), "start=NaT is not a time"),
        (lambda log: log.where(end=5), "end=5 is not a time"),
        (lambda log: log.where(start="2026-03-02", end="2026-03-01"), "end must be later"),
        (lambda log: log.where(month=5), "month takes a value or several .* not 5: write month='5'"),
        (lambda log: log.where(month=None), "month takes a value or several .* not None$"),
        (lambda log: log.where(month=[]), r"month=\[\] chooses no journey"),
        (lambda log: log.where(month=[5]), "month is a sequence of values, which are texts; it has 5"),
        (lambda log: log.where(months="2026-03"), "did you mean 'month'.* periods are day, week, month"),
        (lambda log: log.where(value="5"), "there is no 'value' to choose journeys by"),
        (lambda log: log.where(outcome="dropped"), r"log\.tag\(outcome="),
        (lambda log: log.tag(size=["s"]).where(Size="s"), "did you mean 'size'.* are tagged with size"),
        (lambda log: log.where(device="MOBILE"), "did you mean 'mobile'"),
        (lambda log: log.tag(size=[["s"]]), r"one text for each journey, not several .* \['s'\]"),
        (lambda log: log.tag(size=pd.Series([("s",)])), "one text for each journey, not several"),
        (lambda log: log.tag(size={0: "s"}), "takes a value for each journey, in their order"),
        (lambda log: log.tag(**{"": ["s"]}), "a tag needs a name"),
        (lambda log: log.tag(by=["s"]), "can't be tagged with 'by'"),
        (lambda log: log.tag(journeys=["s"]), "can't be tagged with 'journeys'"),
        (lambda log: log.tag(path=["s"]), "can't be tagged with 'path'"),
        (lambda log: log.split("map.yaml"), r"cj\.read_map\('map\.yaml'\)"),
        (lambda log: log.with_personas(None), "takes an intended map, not NoneType"),
        (lambda log: log.codes("chanel"), "did you mean 'channel'"),
    ],
)
def test_mistakes_name_the_nearest_right_thing(do, words):
    with pytest.raises(cj.LogError, match=words):
        do(log_of([(0, 0, "a")], device=["mobile"]))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"custmer": [1]}), "did you mean 'customer'|lack the column 'customer'"),
        (events([(0, 0, None)]), "1 events have no touchpoint"),
        (events([(0, 0, "a"), (0, 1, ""), (0, 2, " ")]), "2 events have an empty .* row 1, 2 of the events"),
        (events([(0, day, "") for day in range(8)]), "row 0, 1, 2, 3, 4, 5 of the events and 2 more"),
        (events([(0, 0, "a")]).assign(value=["cheap"]), "column 'value'"),
        ({"customer": [1]}, "speaks Arrow"),
    ],
)
def test_bad_events_are_refused_with_a_reason(frame, words):
    with pytest.raises(cj.LogError, match=words):
        JourneyLog.from_events(frame)


def test_events_after_the_end_of_the_data_are_refused():
    with pytest.raises(cj.LogError, match="1 events lie after the end of the data"):
        JourneyLog.from_events(events([(0, 3, "a")]), data_end="2026-03-02")


def test_customers_must_be_known_once():
    with pytest.raises(cj.LogError, match="1 customers of the events have no row"):
        log_of([(7, 0, "a")], customers=pd.DataFrame({"customer": [1]}))
    with pytest.raises(cj.LogError, match="more than one row"):
        log_of([(1, 0, "a")], customers=pd.DataFrame({"customer": [1, 1]}))


def same(left: JourneyLog, right: JourneyLog) -> None:
    for name, table in left.to_arrow().items():
        assert right.to_arrow()[name].equals(table), name
    assert (left.data_end_us, left.notes, left.split_by) == (right.data_end_us, right.notes, right.split_by)


@given(rows=ROWS)
def test_a_log_comes_back_from_disk_as_it_was(rows, tmp_path_factory):
    log = log_of(rows, device=["m", None] * (len(rows) // 2) + ["d"] * (len(rows) % 2))
    path = tmp_path_factory.mktemp("log") / "x.log"
    same(log, cj.read_log(log.write(path)))


def test_writing_replaces_a_log_only_when_asked_and_nothing_else_ever(tmp_path):
    log = log_of([(0, 0, "a")])
    log.write(tmp_path / "x.log")
    with pytest.raises(cj.LogError, match="overwrite=True"):
        log.write(tmp_path / "x.log")
    log.write(tmp_path / "x.log", overwrite=True)
    other = tmp_path / "precious"
    other.mkdir()
    (other / "thesis.txt").write_text("do not delete", encoding="utf-8")
    with pytest.raises(cj.LogError, match="will not be replaced"):
        log.write(other, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["precious", "x.log"]


def test_a_damaged_log_is_recognised(tmp_path):
    path = log_of([(0, 0, "a")]).write(tmp_path / "x.log")
    with pytest.raises(cj.LogError, match="not a log"):
        cj.read_log(tmp_path)
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    (path / "manifest.json").write_text(json.dumps({**manifest, "version": 99}), encoding="utf-8")
    with pytest.raises(cj.LogError, match="version 99"):
        cj.read_log(path)
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    customers = path / manifest["files"]["customers"]["file"]
    customers.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(cj.LogError, match="checksum"):
        cj.read_log(path)
    customers.unlink()
    with pytest.raises(cj.LogError, match=r"lacks its file customers-.*\.parquet"):
        cj.read_log(path)


def test_what_a_log_shows_of_itself_is_escaped_and_names_its_notes():
    frame = events([(0, 0, "<b>bold</b>")], channel=["web"])
    log = JourneyLog.from_events(frame, notes=["sources end on different days"])
    assert "note: sources end on different days" in repr(log)
    assert "web 1" in repr(log)
    assert "<b>bold" not in log._repr_html_()


def test_what_journeys_are_tagged_with_is_shown():
    log = log_of([(0, 0, "a"), (1, 0, "a"), (2, 0, "a")]).tag(outcome=["converted", None, "<b>"])
    shown = "<b> 1, converted 1, unknown 1"  # of equally many in order of the words
    assert f"  tag outcome: {shown}" in repr(log).splitlines()
    assert '<th scope="row">tag outcome</th>' in log._repr_html_()
    assert "&lt;b&gt; 1" in log._repr_html_()


def test_labels_can_not_leave_a_touchpoint_empty():
    log = log_of([(0, 1, "b"), (0, 0, "a")])
    with pytest.raises(cj.LogError, match=r"row 1 of log\.events"):
        log.label([{"native": "b", "touchpoint": " "}])


def test_customers_without_events_are_told_apart():
    customers = pd.DataFrame({"customer": [0, 1, 2]})
    assert "3 customers (2 of them without events)" in repr(log_of([(1, 0, "a")], customers=customers))


def test_touchpoint_vocabulary_is_sorted_and_holds_only_what_occurs():
    frame = events([(0, 0, "b"), (0, 1, "a")])
    frame["touchpoint"] = pd.Categorical(frame["touchpoint"], categories=["z", "b", "a"])
    assert JourneyLog.from_events(frame).vocabulary("touchpoint") == ("a", "b")


def test_journeys_are_cut_where_one_says():
    log = log_of(
        [(0, 0, "a"), (0, 1, "b"), (0, 2, "a"), (1, 0, "b")], native_journey=[None, None, None, "c-1"]
    )
    cut = log.split_at(log.events["touchpoint"] == "a")
    assert cut.bounds.tolist() == [0, 2, 3, 4]
    assert cut.journeys["attempt"].tolist() == [1, 2, 1]
    assert log.split_at(np.zeros(4, dtype=bool)).bounds.tolist() == [0, 3, 4]


def test_journeys_that_a_source_names_are_never_cut():
    log = log_of([(0, 0, "a"), (0, 1, "a"), (1, 0, "a")], native_journey=["c-1", "c-1", None])
    assert log.split_at(np.ones(3, dtype=bool)).bounds.tolist() == [0, 2, 3]


@pytest.mark.parametrize("begins", [[True], [1, 0, 1], ["yes", "no", "no"]])
def test_a_cut_needs_a_yes_or_no_for_each_event(begins):
    log = log_of([(0, 0, "a"), (0, 1, "b"), (1, 0, "b")])
    with pytest.raises(cj.LogError, match="a yes or no for each of the 3 events"):
        log.split_at(begins)
