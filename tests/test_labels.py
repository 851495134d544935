"""Label rules: the first that fits decides, and mistakes are told together."""

from __future__ import annotations

import fnmatch
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.errors import LogError
from cjmining.labels import read_labels


def events(*rows, **columns):
    """Events from (source, native, properties), with the touchpoint that the source gave."""
    n = len(rows)
    given_columns = {
        "source": [row[0] for row in rows],
        "native": [row[1] for row in rows],
        "touchpoint": [f"default_{row[1]}" for row in rows],
        "channel": ["web"] * n,
        "actor": ["customer"] * n,
        "campaign": [None] * n,
        **columns,
    }
    table = pa.table(
        {name: pa.array(values, pa.string()).dictionary_encode() for name, values in given_columns.items()}
    )
    table = table.append_column("failed", pa.array([None] * n, pa.bool_()))
    properties = [None if len(row) < 3 else json.dumps(row[2]) for row in rows]
    return table.append_column("properties", pa.array(properties, pa.string()))


def touchpoints(rules, *rows, **columns):
    return read_labels(rules).apply(events(*rows, **columns)).column("touchpoint").to_pylist()


def test_the_first_rule_that_fits_decides_and_others_keep_their_touchpoint():
    rules = [
        {"native": "page_view", "where": {"page_path": "/pay*"}, "touchpoint": "paying"},
        {"source": "web", "native": "page_*", "touchpoint": "looking"},
        {"native": "page_view", "touchpoint": "never reached"},
    ]
    rows = [
        ("web", "page_view", {"page_path": "/pay/card"}),
        ("web", "page_view", {"page_path": "/home"}),
        ("app", "page_view"),
        ("web", "scroll", {"page_path": "/pay"}),
    ]
    assert touchpoints(rules, *rows) == ["paying", "looking", "never reached", "default_scroll"]


def test_rules_set_channel_actor_and_failed_and_leave_the_rest():
    rules = [{"native": "x", "channel": "ad", "actor": "system", "failed": True}]
    labelled = read_labels(rules).apply(events(("web", "x"), ("web", "y")))
    assert labelled.column("touchpoint").to_pylist() == ["default_x", "default_y"]
    assert labelled.column("channel").to_pylist() == ["ad", "web"]
    assert labelled.column("actor").to_pylist() == ["system", "customer"]
    assert labelled.column("failed").to_pylist() == [True, None]


def test_where_asks_for_dimensions_properties_with_dots_numbers_and_truth_values():
    rules = [
        {"where": {"campaign": ["spring_*", "summer"]}, "touchpoint": "campaign"},
        {"where": {"Queue.Name": "Support"}, "touchpoint": "support"},
        {"where": {"step": 3, "new": True}, "touchpoint": "third"},
    ]
    rows = [
        ("s", "n"),
        ("s", "n", {"Queue.Name": "Support", "Queue": {"Name": "Sales"}}),
        ("s", "n", {"step": 3, "new": True}),
        ("s", "n", {"step": 3, "new": False}),
        ("s", "n", {"step": 30}),
    ]
    found = touchpoints(rules, *rows, campaign=["spring_7", None, None, None, "springtime"])
    assert found == ["campaign", "support", "third", "default_n", "default_n"]


def test_vocabularies_are_sorted_and_hold_only_what_occurs():
    labelled = read_labels([{"native": "b", "touchpoint": "aaa"}]).apply(events(("s", "c"), ("s", "b")))
    column = labelled.column("touchpoint")
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    assert chunk.dictionary.to_pylist() == ["aaa", "default_c"]


def test_counts_say_how_often_each_rule_decided():
    rules = [{"native": "x", "touchpoint": "t"}, {"native": "z", "touchpoint": "u"}, {"touchpoint": "rest"}]
    _, counts = read_labels(rules).apply_and_count(events(("s", "x"), ("s", "y"), ("s", "x")))
    assert counts == (2, 0, 1)


def test_no_rules_and_no_events():
    table = events(("s", "x"))
    assert read_labels([]).apply(table) is table
    rules = [{"native": "x", "where": {"p": "q"}, "touchpoint": "t"}]
    assert read_labels(rules).apply(table.slice(0, 0)).num_rows == 0


WORDS = st.text("ab*?[]!-c^.\\/", max_size=4)


@given(st.lists(WORDS, min_size=1, max_size=5), st.lists(WORDS.filter(bool), min_size=1, max_size=3))
def test_patterns_fit_as_in_the_shell(values, patterns):
    # A range that runs backwards fits nothing in a shell; here as there it is no useful pattern.
    patterns = [pattern for pattern in patterns if "-" not in pattern] or ["*"]
    found = touchpoints(
        [{"where": {"p": patterns}, "touchpoint": "fits"}], *(("s", "n", {"p": v}) for v in values)
    )
    wanted = [any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns) for value in values]
    assert [touchpoint == "fits" for touchpoint in found] == wanted


def test_mistakes_of_a_file_are_told_at_once_by_line(tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text(
        "labels:\n  - {native: a, touchpiont: x}\n  - {native: b}\n  - {actor: staff, touchpoint: 7}\n"
    )
    with pytest.raises(LogError) as caught:
        read_labels(path)
    assert [mistake.removeprefix(str(path)) for mistake in caught.value.mistakes] == [
        ", line 2: labels[0]: unknown key 'touchpiont', did you mean 'touchpoint'?",
        ", line 3: labels[1]: the rule changes nothing; give it a touchpoint, channel, actor or failed",
        ", line 4: labels[2].touchpoint: expected text, found 7; quotes make it text",
        ", line 4: labels[2].actor: expected customer, company or system, found 'staff'",
    ]


def test_unknown_sources_and_numbers_are_told_when_applied(tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text(
        "labels:\n  - {source: wbe, touchpoint: x}\n  - {source: calls, touchpoint: y}\n"
        "  - {where: {wait_s: 3}, touchpoint: z}\n"
    )
    table = events(("web", "x"), ("email", "y")).append_column("wait_s", pa.array([1.0, 2.0]))
    with pytest.raises(LogError) as caught:
        read_labels(path).apply(table)
    assert [mistake.removeprefix(str(path)) for mistake in caught.value.mistakes] == [
        ", line 2: labels[0].source: the log has no source 'wbe', did you mean 'web'?",
        ", line 3: labels[1].source: the log has no source 'calls'; it has email, web",
        ", line 4: labels[2].where.wait_s: 'wait_s' is a column without text; rules compare text",
    ]
    with pytest.raises(LogError, match=r"^labels: labels\[0\]\.source: the log has no source 'wbe'"):
        read_labels([{"source": "wbe", "touchpoint": "x"}, {"source": "calls", "touchpoint": "y"}]).apply(
            table, sources=["calls"]
        )


def test_properties_that_are_no_json():
    table = events(("s", "x"))
    broken = table.set_column(table.schema.get_field_index("properties"), "properties", pa.array(["{no"]))
    with pytest.raises(LogError, match="the properties of some events are not JSON"):
        read_labels([{"where": {"p": "q"}, "touchpoint": "t"}]).apply(broken)


def test_the_sample_labels_read_without_mistakes(sample_shop):
    assert len(read_labels(sample_shop / "labels.yaml").rules) > 20
