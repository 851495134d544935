"""A study file tells all its mistakes at once, each with its line and the nearest right word."""

from __future__ import annotations

import pytest

import cjmining as cj
from cjmining.study.form import build_sources, read_study, source_kinds

GOOD = """
study: A shop
sources:
  - {source: Table, path: visits.csv, name: web, customer: cookie, timestamp: time, touchpoint: what}
map: map.yaml
by: persona
"""


def written(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes_of(tmp_path, text) -> tuple[str, ...]:
    with pytest.raises(cj.StudyError) as caught:
        read_study(written(tmp_path, text))
    return caught.value.mistakes


def test_a_good_study_is_read_with_its_defaults(tmp_path):
    form, _ = read_study(written(tmp_path, GOOD))
    assert (form.study, form.by, form.report.min_group, form.write_log) == ("A shop", "persona", 10, False)


def test_an_unknown_source_is_told_with_the_nearest_name(tmp_path):
    [mistake] = mistakes_of(tmp_path, GOOD.replace("source: Table", "source: Tabel"))
    assert "line 4" in mistake
    assert "there is no source 'Tabel', did you mean 'Table'?" in mistake


def test_an_unknown_option_of_a_source_is_told_with_the_nearest_name(tmp_path):
    [mistake] = mistakes_of(tmp_path, GOOD.replace("touchpoint: what", "touchpoint: what, chanel: web"))
    assert "Table has no option 'chanel', did you mean 'channel'?" in mistake


def test_a_missing_option_is_named(tmp_path):
    [mistake] = mistakes_of(tmp_path, GOOD.replace(", timestamp: time", ""))
    assert "Table needs 'timestamp'" in mistake


def test_all_mistakes_come_at_once_in_the_order_of_their_lines(tmp_path):
    text = """
study: A shop
sources:
  - {source: Salesfroce, path: crm}
  - {source: GA4}
customers: {path: customers.csv, idntifiers: {email: email}}
map: map.yaml
raport: {min_group: 10}
report: {min_group: 0}
"""
    mistakes = mistakes_of(tmp_path, text)
    assert len(mistakes) == 5 or len(mistakes) == 6  # a misspelt needed option may also be missing
    assert "did you mean 'Salesforce'?" in mistakes[0]
    assert "GA4 needs 'path'" in mistakes[1]
    assert "did you mean 'identifiers'?" in " ".join(mistakes)
    assert "unknown key 'raport', did you mean 'report'?" in " ".join(mistakes)
    assert "at least 1" in mistakes[-1]


def test_a_missing_study_names_the_file(tmp_path):
    with pytest.raises(cj.StudyError, match="there is no such file"):
        read_study(tmp_path / "nothing.yaml")


def test_what_can_be_read_has_the_systems_and_plain_tables():
    assert {"Salesforce", "MarketingCloud", "GA4", "AmazonConnect", "Table"} <= set(source_kinds())
    assert "Customers" not in source_kinds()


def test_paths_start_at_the_folder_of_the_study(tmp_path):
    visits = "cookie,time,what\nc1,2026-03-01T10:00:00Z,ad_clicked\n"
    (tmp_path / "visits.csv").write_text(visits, encoding="utf-8")
    sources, customers = build_sources(*read_study(written(tmp_path, GOOD)))
    assert cj.ingest(sources).n_events == 1
    assert customers is None


@pytest.mark.parametrize("option", ["measures: 3", "timezone: Europe/Berln"])
def test_an_option_that_a_source_cannot_use_is_told_with_its_line(tmp_path, option):
    document = read_study(written(tmp_path, GOOD.replace("touchpoint: what", f"touchpoint: what, {option}")))
    with pytest.raises(cj.StudyError, match=r"study\.yaml, line 4: sources\[0\]"):
        build_sources(*document)


def test_a_moment_that_is_none_is_told(tmp_path):
    [mistake] = mistakes_of(tmp_path, GOOD + "data_end: yesterday\n")
    assert "data_end: expected a moment such as 2026-08-31T22:00:00Z, found 'yesterday'" in mistake
