"""What callers ask for is checked by name, before any work is done."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from cjmining import asked
from cjmining.errors import LogError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_python_and_numpy(value):
    assert asked.whole("number", value) == 3
    assert type(asked.whole("number", value)) is int


@pytest.mark.parametrize("value", [True, np.True_, 2.0, "3", None, 0, -1, [3], float("nan")])
def test_what_is_no_whole_number_is_told(value):
    with pytest.raises(LogError, match="number is a whole number of at least 1, not"):
        asked.whole("number", value)


def test_limits_are_told():
    with pytest.raises(LogError, match="from 1 to 1,000, not 5000"):
        asked.whole("starts", 5000, most=1000)
    with pytest.raises(LogError, match="seed is a whole number from 0"):
        asked.seed(10**30)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), 1, 0])
def test_numbers_are_taken(value):
    assert asked.number("q", value, least=0, most=1) == value


@pytest.mark.parametrize("value", ["0.5", None, True, float("nan"), float("inf"), 1.1, -0.1, [0.5]])
def test_what_is_no_number_is_told(value):
    with pytest.raises(LogError, match="q is a number from 0 to 1, not"):
        asked.number("q", value, least=0, most=1)


@pytest.mark.parametrize("value", ["no", 1, None, 0.0])
def test_switches_are_true_or_false(value):
    assert asked.yes("whole", np.True_) is True
    with pytest.raises(LogError, match="whole is True or False, not"):
        asked.yes("whole", value)


@pytest.mark.parametrize("value", [None, 5, "strickt", ["strict"]])
def test_words_are_of_a_list(value):
    with pytest.raises(LogError, match=r"there is no order .* one of ordered, strict"):
        asked.one_of("order", value, ["ordered", "strict"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ping", r"write \['ping'\]"),
        (None, "not None"),
        (5, "not 5"),
        (["a", 1], "which are texts; it has 1"),
    ],
)
def test_sequences_of_texts(value, message):
    assert asked.texts("ignore", pd.Series(["a", "b"])) == ("a", "b")
    with pytest.raises(LogError, match=message):
        asked.texts("ignore", value)


@pytest.mark.parametrize(
    "value", ["-1h", 30, "x", float("nan"), pd.NaT, None, timedelta.max, timedelta(days=-1), "1000000w"]
)
def test_durations_are_told_by_name(value):
    with pytest.raises(LogError, match="within is a duration"):
        asked.duration("within", value)


@pytest.mark.parametrize("value", ["2d", timedelta(days=2), pd.Timedelta(days=2)])
def test_durations_in_their_forms(value):
    assert asked.microseconds(asked.duration("within", value)) == 2 * 86_400_000_000


def test_a_least_duration():
    with pytest.raises(LogError, match="of at least 0:01:00 and at most"):
        asked.duration("gap", "20s", least=timedelta(minutes=1))
