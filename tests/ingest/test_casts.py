# ruff: noqa: DTZ001 -- local times have no zone
"""Times, numbers and truth values, by hand and against zoneinfo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.errors import SourceError
from cjmining.ingest import casts
from cjmining.ingest.casts import NAIVE, REPEATED, SKIPPED, ZONED, Clock, check_zone, zone_macro
from tests.examples import examples


@pytest.fixture(scope="module")
def con():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    yield connection
    connection.close()


def read(con, clock: Clock, text: str | None):
    if clock.macro:
        con.execute(zone_macro(clock)).fetchall()
    relation = "SELECT ?::VARCHAR AS x"
    for step in clock.steps("x", "t"):
        relation = f"SELECT *, {', '.join(step)} FROM ({relation})"
    ((moment, kind, day),) = con.execute(
        f'SELECT t, "t:clock", "t:date" FROM ({relation})', [text]
    ).fetchall()
    return (moment.strftime("%Y-%m-%d %H:%M:%S") if moment else None), kind, day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31T12:34:56.000Z", ("2024-01-31 12:34:56", ZONED, False)),
        ("2024-01-31 12:34:56 +0200", ("2024-01-31 10:34:56", ZONED, False)),
        ("2024-01-31T12:34:56-05:30", ("2024-01-31 18:04:56", ZONED, False)),
        ("2024-01-31 12:34 UTC", ("2024-01-31 12:34:00", ZONED, False)),
        ("2024-07-01 12:00", ("2024-07-01 10:00:00", NAIVE, False)),  # summer time
        ("2024-01-31", ("2024-01-30 23:00:00", NAIVE, True)),
        ("2024-03-31 02:30:00", ("2024-03-31 01:30:00", SKIPPED, False)),  # as if 03:30 summer time
        ("2024-03-31 01:59:59", ("2024-03-31 00:59:59", NAIVE, False)),
        ("2024-03-31 03:00:00", ("2024-03-31 01:00:00", NAIVE, False)),
        ("2024-10-27 02:30:00", ("2024-10-27 00:30:00", REPEATED, False)),  # the first of the two
        ("2024-10-27 03:00:00", ("2024-10-27 02:00:00", NAIVE, False)),
        ("31.01.2024", (None, ZONED, True)),
        ("0001-01-01 00:00:00", (None, NAIVE, False)),
        ("soon", (None, ZONED, True)),
        (None, (None, ZONED, None)),
    ],
)
def test_times_in_berlin(con, text, expected):
    assert read(con, Clock("Europe/Berlin"), text) == expected


def test_formats_with_a_day_first_and_two_digits_of_the_year(con):
    clock = Clock("UTC", formats=("%d.%m.%y %H:%M",), only_formats=True)
    assert read(con, clock, "9.3.10 8:05") == ("2010-03-09 08:05:00", NAIVE, False)
    assert read(con, clock, "2010-03-09 08:05") == (None, ZONED, False)


def test_a_format_without_hours_is_a_date(con):
    clock = Clock("UTC", formats=("%d.%m.%Y",), only_formats=True)
    assert read(con, clock, "09.03.2010") == ("2010-03-09 00:00:00", NAIVE, True)


def test_a_format_with_an_offset(con):
    clock = Clock("Europe/Berlin", formats=("%d/%b/%Y:%H:%M:%S %z",), only_formats=True)
    assert read(con, clock, "01/Feb/2024:12:00:00 +0100")[:2] == ("2024-02-01 11:00:00", ZONED)


@pytest.mark.parametrize(
    ("form", "impossible", "possible"),
    [
        # of sources
        ("%d/%b/%Y:%H:%M:%S %z", "31/Feb/2026:03:00:07 +0200", "28/Feb/2026:03:00:07 +0200"),
        ("%a, %d %b %Y %H:%M:%S %z", "Tue, 31 Feb 2026 01:00:07 +0000", "Sat, 28 Feb 2026 01:00:07 +0000"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-02-29T03:00:07+0200", "2026-02-28T03:00:07+0200"),
        # of callers
        ("%m/%d/%Y %H:%M:%S", "02/30/2026 01:00:07", "02/28/2026 01:00:07"),
        ("%d.%m.%Y %H:%M:%S", "31.02.2026 01:00:07", "28.02.2026 01:00:07"),
        ("%d.%m.%y %H:%M:%S", "29.02.26 01:00:07", "28.02.26 01:00:07"),
        ("%d %b %Y %H:%M:%S %Z", "30 Feb 2026 01:00:07 UTC", "28 Feb 2026 01:00:07 UTC"),
        ("%Y-%j %H:%M:%S", "2026-366 01:00:07", "2026-059 01:00:07"),  # 31 + 28
    ],
)
def test_days_that_there_are_not(con, form, impossible, possible):
    """28 February 2026 at 1:00:07; alone, after ISO, and beside another form."""
    for clock in (
        Clock("UTC", formats=(form,), only_formats=True),
        Clock("UTC", formats=(form,)),
        Clock("UTC", formats=("%Y%m%d %z", form), only_formats=True),
    ):
        assert read(con, clock, impossible)[0] is None
        assert read(con, clock, possible)[0] == "2026-02-28 01:00:07"


def test_a_format_with_the_name_of_a_zone(con):
    clock = Clock("Europe/Berlin", formats=("%d %b %Y %H:%M %Z",), only_formats=True)
    assert read(con, clock, "28 Feb 2026 10:00 UTC") == ("2026-02-28 10:00:00", ZONED, False)
    assert read(con, clock, "01 Jul 2026 10:00 America/New_York")[0] == "2026-07-01 14:00:00"


def test_a_fixed_offset_knows_no_summer(con):
    assert read(con, Clock("-06:00"), "2024-07-01 12:00:00")[0] == "2024-07-01 18:00:00"
    assert read(con, Clock("-06:00"), "2024-01-01 12:00:00")[0] == "2024-01-01 18:00:00"


def test_microseconds_since_1970(con):
    assert read(con, Clock(epoch="epoch us"), "1604192073036492")[0] == "2020-11-01 00:54:33"
    assert read(con, Clock(epoch="epoch us"), "x")[0] is None


@examples(50)
@given(
    st.datetimes(datetime(1985, 1, 1), datetime(2045, 1, 1)),
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]
    ),
)
def test_local_times_are_those_of_zoneinfo(con, moment, zone):
    """The first of two, and moved on by the change in a gap: what fold=0 says."""
    local = moment.replace(microsecond=0)
    expected = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    got, kind, _ = read(con, Clock(zone), local.isoformat(sep=" "))
    assert got == expected.strftime("%Y-%m-%d %H:%M:%S")
    back = expected.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    later = local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    assert (kind == SKIPPED) == (back != local)
    assert (kind == REPEATED) == (later > expected and back == local)


def test_an_unknown_zone_names_the_nearest():
    with pytest.raises(SourceError, match="did you mean 'Europe/Berlin'"):
        check_zone("Europe/Berln", "")


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("12.5", ".", 12.5),
        ("-3", ".", -3.0),
        ("1.234,5", ",", 1234.5),
        ("abc", ".", None),
        ("inf", ".", None),
        ("nan", ".", None),
    ],
)
def test_numbers_are_finite(con, text, decimal, expected):
    assert con.execute(
        f"SELECT {casts.number('x', decimal)} FROM (SELECT ?::VARCHAR AS x)", [text]
    ).fetchall() == [(expected,)]


@pytest.mark.parametrize(("text", "expected"), [("True", True), ("0", False), ("no", False), ("maybe", None)])
def test_truth_values(con, text, expected):
    assert con.execute(f"SELECT {casts.flag('x')} FROM (SELECT ?::VARCHAR AS x)", [text]).fetchall() == [
        (expected,)
    ]


def test_changes_of_the_clock_are_found_to_the_second():
    changes = [c for c in casts._changes(ZoneInfo("Europe/Berlin")) if c[0].year == 2026]
    assert changes == [
        (datetime(2026, 3, 29, 1), 3600, 7200),
        (datetime(2026, 10, 25, 1), 7200, 3600),
    ]
    assert timedelta(seconds=changes[0][2] - changes[0][1]) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("epoch s", "1604192073"),
        ("epoch s", "1604192073.0"),
        ("epoch s", "1.604192073e+09"),
        ("epoch ms", "1604192073000"),
        ("epoch ms", "1604192073000.25"),
        ("epoch us", "1604192073000000"),
    ],
)
def test_times_counted_from_1970(con, unit, text):
    assert read(con, Clock("Europe/Berlin", epoch=unit), text) == ("2020-11-01 00:54:33", ZONED, False)


@pytest.mark.parametrize("text", ["soon", "9223372036854775807", "-9223372036854775808", "1e30", "nan"])
def test_what_is_no_count_from_1970_is_no_time(con, text):
    for unit in casts.EPOCHS:
        assert read(con, Clock(epoch=unit), text)[0] is None


def test_of_several_formats_the_first_that_fits_counts(con):
    forms = ("%d.%m.%Y %H:%M", "%d.%m.%Y", "%H%M %d/%m/%Y", "%d.%m.%Y %H:%M %z")
    clock = Clock("Europe/Berlin", formats=forms, only_formats=True)
    assert read(con, clock, "01.07.2026 12:00") == ("2026-07-01 10:00:00", NAIVE, False)
    assert read(con, clock, "01.07.2026") == ("2026-06-30 22:00:00", NAIVE, True)
    assert read(con, clock, "1200 01/07/2026") == ("2026-07-01 10:00:00", NAIVE, False)
    assert read(con, clock, "01.07.2026 12:00 +0000") == ("2026-07-01 12:00:00", ZONED, False)
    assert read(con, clock, "2026-07-01 12:00")[0] is None


def test_iso_stands_among_other_formats(con):
    clock = Clock("UTC", formats=("%d.%m.%Y %H.%M", "%d/%b/%Y %H:%M %z"))
    assert read(con, clock, "2026-07-01T12:00:00+02:00") == ("2026-07-01 10:00:00", ZONED, False)
    assert read(con, clock, "2026-07-01") == ("2026-07-01 00:00:00", NAIVE, True)
    assert read(con, clock, "01.07.2026 12.30") == ("2026-07-01 12:30:00", NAIVE, False)
    assert read(con, clock, "01/Jul/2026 12:00 +0200") == ("2026-07-01 10:00:00", ZONED, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "date_format is a form such as"),
        ([1], "date_format is a form such as"),
        ("%s", "date_format '%s' can't be used.*'epoch s'"),
        (["%d.%m.%Y", "%q"], "date_format '%q' can't be used"),
        ("dd.mm.yyyy", "has no field such as %d"),
        ("epoch sec", "did you mean 'epoch s'"),
        (["epoch s", "%d.%m.%Y"], "stands alone"),
    ],
)
def test_a_format_that_cannot_be_used_says_why(given, message):
    with pytest.raises(SourceError, match=message):
        casts.check_formats(given, "")


def test_points_stand_between_thousands_only(con):
    def read_number(text):
        return con.execute(
            f"SELECT {casts.number('x', ',')} FROM (SELECT ?::VARCHAR AS x)", [text]
        ).fetchall()

    assert read_number("-1.234.567,5") == [(-1234567.5,)]
    assert read_number("12,5") == [(12.5,)]
    assert read_number("12.5") == [(None,)]  # not 125
    assert read_number("1e3") == [(None,)]
