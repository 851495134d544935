"""A study runs from exports to page, tables and findings, and tells what changed since the last run."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import cjmining as cj
from tests.study.shop import copy_study, write_study


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path)


@pytest.fixture(scope="module")
def told():
    """What the run of `ran` says of its progress."""
    return []


@pytest.fixture(scope="module")
def ran(tmp_path_factory, told):
    """A run of the study as it stands, into the folder beside it."""
    study = write_study(tmp_path_factory.mktemp("ran"))
    return cj.run_study(study, progress=lambda text, share: told.append((text, share)))


@pytest.fixture(scope="module")
def again(ran, tmp_path_factory):
    """Another run of the same, into a folder of its own."""
    return cj.run_study(ran.out.parent / "study.yaml", out=tmp_path_factory.mktemp("again") / "out")


@pytest.fixture
def run_before(ran, tmp_path):
    """The study where it has run once."""
    return copy_study(ran.out.parent / "study.yaml", tmp_path)


def findings_of(folder):
    return json.loads((folder / "findings.json").read_text(encoding="utf-8"))


def test_a_run_finds_what_the_customers_did(ran):
    # 8 of 24 ordered; 6 stopped with a full basket, 10 after looking
    row = ran.check.overall.outcomes.iloc[0]
    assert (row["journeys"], row["converted"], row["dropped"], row["open"]) == (24, 8, 16, 0)
    assert ran.log.n_events == 24 + 14 + 8
    assert ran.findings[0].text.startswith("Of 24 journeys of 24 customers, 8 (33 %) reached the goal")


def test_a_run_leaves_the_page_the_tables_and_the_findings(ran):
    out = ran.out
    assert out.name == "out"
    assert (out.parent / "study.yaml").is_file()
    assert ran.path == out / "report.html"
    assert {entry.name for entry in out.iterdir()} == {"report.html", "facts.json", "findings.json", "tables"}
    stages = pd.read_parquet(out / "tables" / "check_all_stages.parquet")
    same = pd.read_csv(out / "tables" / "check_all_stages.csv")
    assert list(stages["entered"]) == list(same["entered"])
    assert "A small study" in ran.path.read_text(encoding="utf-8")


def test_the_facts_are_those_of_the_page_and_differ_in_the_time_alone(ran, again):
    one, other = (
        json.loads((result.out / "facts.json").read_text(encoding="utf-8")) for result in (ran, again)
    )
    assert one["format"] == 1
    assert one["title"] == "A small study"
    told = findings_of(ran.out)["findings"]
    ids = [finding["id"] for chapter in one["findings"] for finding in chapter["findings"]]
    assert [finding["id"] for finding in told if not finding["about_data"]] == ids
    assert {finding["headline"] for finding in told} >= {"33 % of 24 journeys reached the goal"}
    assert one | {"made": ""} == other | {"made": ""}


def test_findings_come_with_the_settings_they_depend_on(ran):
    settings = findings_of(ran.out)["settings"]

    assert settings["version"] == cj.__version__
    assert settings["patience_s"] == 7 * 86_400
    assert settings["horizon_s"] == 14 * 86_400
    assert settings["data_end"] == "2026-06-01T00:00:00+00:00"
    assert settings["sources"][0]["source"] == "web"
    assert len(settings["map_sha256"]) == 64


def test_a_second_run_over_the_same_exports_finds_nothing_new(run_before):
    result = cj.run_study(run_before)
    assert {finding["status"] for finding in result.compared} == {"same"}
    assert result.gone == ()
    assert findings_of(result.out)["settings_changed"] == []


def test_a_run_over_other_exports_tells_what_changed(ran, run_before):
    write_study(run_before.parent, buyers=18)
    second = cj.run_study(run_before)

    [outcomes] = [finding for finding in second.compared if finding["kind"] == "outcomes"]
    assert outcomes["status"] == "changed"
    assert outcomes["earlier_text"] == ran.findings[0].text
    # 18 buyers and 6 full baskets: nobody stops after looking any more
    gone = {finding["stage"] for finding in second.gone if finding["kind"] == "drop-out place"}
    assert gone == {"Look"}
    assert "Gone since the last run" in second.path.read_text(encoding="utf-8")


def test_a_changed_map_is_named_as_a_changed_setting(run_before):
    map_file = run_before.with_name("map.yaml")
    map_file.write_text(map_file.read_text().replace("patience: 7d", "patience: 3d"))
    result = cj.run_study(run_before)
    assert {"map_sha256", "patience_s"} <= set(findings_of(result.out)["settings_changed"])
    assert result.settings_changed == (
        "The patience was changed from 7 days to 3 days since the last run, so differences may come from "
        "that."
    )
    assert result.settings_changed in result.path.read_text(encoding="utf-8")


def test_changed_labels_grouping_end_and_map_are_told_in_words(ran, run_before):
    assert ran.settings_changed == ""
    study = run_before
    text = study.read_text().replace("data_end: 2026-06-01", "data_end: 2026-06-02")
    study.write_text(text.replace("by: persona\n", ""))
    labels = study.with_name("labels.yaml")
    labels.write_text(labels.read_text() + "  - {native: never, touchpoint: basket_filled}\n")
    map_file = study.with_name("map.yaml")
    map_file.write_text(map_file.read_text().replace("at_least: 1997", "at_least: 1998"))
    assert cj.run_study(study).settings_changed == (
        "The grouping was changed from persona to none, the end of the data was changed from "
        "2026-06-01T00:00:00Z to 2026-06-02T00:00:00Z, the map (beside patience and horizon) changed and the "
        "labels changed since the last run, so differences may come from that."
    )


def test_other_exports_and_another_title_are_no_changed_settings(run_before):
    study = run_before
    write_study(study.parent, buyers=18)
    study.write_text(study.read_text().replace("A small study", "Another name"))
    assert cj.run_study(study).settings_changed == ""


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_read(study, tmp_path):
    study.with_name("visits.csv").unlink()  # reading it would be another error
    (tmp_path / "file").write_text("")
    with pytest.raises(cj.StudyError, match=r"can't write the results to .*file/deep/out: Not a directory"):
        cj.run_study(study, out=tmp_path / "file" / "deep" / "out")


def test_two_runs_differ_in_their_time_stamp_only(ran, again):
    def written(folder):
        tables = {path.name: path.read_bytes() for path in sorted((folder / "tables").iterdir())}
        findings = findings_of(folder)
        del findings["made"]
        return tables, findings

    assert written(ran.out) == written(again.out)


def test_progress_tells_what_is_done_and_how_far(ran, told):
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], told[-1]) == (0.0, ("done", 1.0))


def test_the_log_is_written_where_the_study_asks_for_it(study):
    study.write_text(study.read_text() + "write_log: true\n")
    result = cj.run_study(study)
    assert cj.read_log(result.out / "log").n_events == result.log.n_events


def test_each_run_adds_what_its_exports_bring_where_the_study_keeps_deliveries(study):
    study.write_text(study.read_text() + "deliveries: kept\n")
    visits = study.parent / "visits.csv"
    header, *rows = visits.read_text().splitlines()
    half = len(rows) // 2
    visits.write_text("\n".join([header, *rows[:half]]) + "\n")
    first = cj.run_study(study)
    visits.write_text("\n".join([header, *rows[half:]]) + "\n")
    second = cj.run_study(study)
    assert first.log.n_events < second.log.n_events
    study.write_text(study.read_text().replace("deliveries: kept\n", ""))
    visits.write_text("\n".join([header, *rows]) + "\n")
    assert cj.run_study(study).log.n_events == second.log.n_events


def test_a_run_that_fails_leaves_the_earlier_result(run_before):
    out = run_before.with_name("out")
    before = (out / "report.html").read_bytes()
    run_before.with_name("visits.csv").write_text("")
    with pytest.raises(cj.CjminingError):
        cj.run_study(run_before)
    assert (out / "report.html").read_bytes() == before
    names = sorted(entry.name for entry in out.iterdir())
    assert names == ["facts.json", "findings.json", "report.html", "tables"]


def test_a_log_and_a_map_without_anything_in_common_are_refused(study):
    study.with_name("labels.yaml").write_text("labels:\n  - {native: view, touchpoint: something_else}\n")
    study.write_text(study.read_text().replace("touchpoint: what", "touchpoint: what\n    native: what"))
    with pytest.raises(cj.LogError):
        cj.run_study(study)


def test_a_group_that_does_not_exist_is_refused(study):
    study.write_text(study.read_text().replace("by: persona", "by: persnoa"))
    with pytest.raises(cj.CjminingError, match="persona"):
        cj.run_study(study)


def test_personas_that_the_map_does_not_have_are_missed_before_anything_is_read(study):
    text = study.with_name("map.yaml").read_text()
    study.with_name("map.yaml").write_text(text[: text.index("personas:")])
    with pytest.raises(cj.StudyError, match=r"line 16: by: the map map\.yaml has no personas"):
        cj.run_study(study)


def test_a_result_shows_its_findings_and_where_its_page_is(ran):
    assert repr(ran).splitlines() == [
        f"StudyResult: {len(ran.findings)} findings with 1 map",
        f"  page: {ran.path}",
        f"  MapResult: {len(ran.findings)} findings about 'A small shop' in 24 journeys",
    ]
    shown = ran._repr_html_()
    assert "<td>33 % of 24 journeys reached the goal</td>" in shown
    assert f"<td>{ran.path}</td>" in shown
    assert "<td>33 % of 24 journeys reached the goal</td>" in ran.maps[0]._repr_html_()
