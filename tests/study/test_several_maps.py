"""A study of several maps reads its exports once, and tells what it found with each map."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import cjmining as cj
from cjmining.study.maps import slug
from tests.report.page_reader import Page
from tests.study.shop import MAP, copy_study, write_study

SECOND = """
map: Only looking
goal: [basket_filled]
patience: 5d
horizon: 14d
stages:
  - stage: Look
    touchpoints: [{touchpoint: product_viewed, repeat: true}]
  - stage: Choose
    touchpoints: [{touchpoint: basket_filled}]
personas:
  - {persona: Young, where: {birth_year: {at_least: 1997}}}
"""


@pytest.fixture
def study(tmp_path):
    return write_two_maps(tmp_path)


def write_two_maps(folder, second=SECOND):
    path = write_study(folder)
    path.write_text(path.read_text().replace("map: map.yaml", "map: [map.yaml, second.yaml]"))
    path.with_name("second.yaml").write_text(second)
    return path


@pytest.fixture(scope="module")
def told():
    """What the run of `ran` says of its progress."""
    return []


@pytest.fixture(scope="module")
def ran(tmp_path_factory, told):
    """A run of the study as it stands, into the folder beside it."""
    study = write_two_maps(tmp_path_factory.mktemp("ran"))
    return cj.run_study(study, progress=lambda text, share: told.append((text, share)))


@pytest.fixture(scope="module")
def ran_with_one(tmp_path_factory):
    """A run with the first map alone."""
    return cj.run_study(write_study(tmp_path_factory.mktemp("one")))


@pytest.fixture
def run_before(ran, tmp_path):
    """The study where it has run once."""
    return copy_study(ran.out.parent / "study.yaml", tmp_path)


@pytest.fixture
def run_with_one_before(ran_with_one, tmp_path):
    """The study of one map where it has run once."""
    return copy_study(ran_with_one.out.parent / "study.yaml", tmp_path)


def findings_of(folder):
    return json.loads((folder / "findings.json").read_text(encoding="utf-8"))


def test_each_map_has_its_own_journeys_outcomes_and_findings(ran):
    shop, looking = ran.maps
    assert (shop.name, looking.name) == ("A small shop", "Only looking")
    # 8 of 24 ordered; 14 filled a basket, which is the goal of the second map
    assert shop.check.overall.outcomes["converted"].item() == 8
    assert looking.check.overall.outcomes["converted"].item() == 14
    assert len(ran.findings) == len(shop.findings) + len(looking.findings)


def test_each_map_has_a_folder_and_one_page_leads_to_all(ran):
    out = ran.out

    assert {entry.name for entry in out.iterdir()} == {"report.html", "findings.json", "maps"}
    assert {entry.name for entry in (out / "maps").iterdir()} == {"a-small-shop", "only-looking"}
    for each in ran.maps:
        assert {entry.name for entry in each.path.parent.iterdir()} == {"report.html", "facts.json", "tables"}
    page = Page(ran.path.read_text(encoding="utf-8"))
    for address in page.addresses:
        assert address.startswith("#") or (out / address).is_file()
    assert {"maps/a-small-shop/report.html", "maps/only-looking/report.html"} <= set(page.addresses)
    back = Page(ran.maps[0].path.read_text(encoding="utf-8")).addresses
    assert (ran.maps[0].path.parent / back[1]).resolve() == ran.path.resolve()


def test_the_first_page_has_the_headline_numbers_of_each_map(ran):
    text = ran.path.read_text(encoding="utf-8")
    page = Page(text)

    assert [said for level, said in page.headings if level == 2][:2] == ["A small shop", "Only looking"]
    for each in ran.maps:
        [headline] = [f for f in each.findings if f.kind == "largest drop-out" and f.group is None]
        assert headline.text in page.text.replace("\N{NO-BREAK SPACE}", " ")
    for outcome, count in (("converted", 8), ("converted", 14), ("dropped", 16), ("dropped", 10)):
        assert f'<div class="{outcome}"' in text
        assert f'data-value="{count}"' in text
    assert len(set(page.ids)) == len(page.ids)
    assert "http" not in "".join(page.addresses)


def test_the_tables_of_a_map_are_its_own(ran):
    for each in ran.maps:
        stages = pd.read_parquet(each.path.parent / "tables" / "check_all_stages.parquet")
        assert list(stages["stage"]) == list(each.check.overall.stages["stage"])


def test_every_finding_says_of_which_map_it_is(ran):
    written = findings_of(ran.out)

    maps = [finding["map"] for finding in written["findings"]]
    assert maps == ["A small shop"] * len(ran.maps[0].findings) + ["Only looking"] * len(ran.maps[1].findings)
    assert {(f["map"], f["id"]) for f in written["findings"]} == {
        (each.name, finding.id) for each in ran.maps for finding in each.findings
    }
    settings = written["settings"]
    assert {name: own["patience_s"] for name, own in settings["maps"].items()} == {
        "A small shop": 7 * 86_400,
        "Only looking": 5 * 86_400,
    }
    assert settings["maps"]["Only looking"]["page"] == "maps/only-looking/report.html"
    assert settings["customers"] == 24
    assert "patience_s" not in settings


def test_with_one_map_a_finding_says_its_map_too(ran_with_one):
    assert {finding["map"] for finding in findings_of(ran_with_one.out)["findings"]} == {"A small shop"}


def test_a_second_run_compares_map_by_map(run_before):
    second = run_before.with_name("second.yaml")
    second.write_text(second.read_text().replace("patience: 5d", "patience: 6d"))
    result = cj.run_study(run_before)

    shop, looking = result.maps
    assert {finding["status"] for finding in shop.compared} == {"same"}
    assert shop.settings_changed == ""
    said = "The patience was changed from 5 days to 6 days since the last run, so differences may come from"
    said += " that."
    assert looking.settings_changed == said
    assert result.settings_changed == f"Only looking: {said}"
    assert set(findings_of(result.out)["settings_changed"]) == {
        "map_sha256",
        "patience_s",
        "stage_patience_s",
    }
    assert said in looking.path.read_text(encoding="utf-8")
    assert said not in shop.path.read_text(encoding="utf-8")


def test_what_is_gone_is_gone_from_its_map(run_before):
    study = run_before
    write_study(study.parent, buyers=18)  # 18 buyers and 6 full baskets: nobody stops after looking any more
    study.write_text(study.read_text().replace("map: map.yaml", "map: [map.yaml, second.yaml]"))
    result = cj.run_study(study)

    gone = {
        (finding["map"], finding["stage"]) for finding in result.gone if finding["kind"] == "drop-out place"
    }
    assert gone == {("A small shop", "Look"), ("Only looking", "Look")}
    assert "gone." in result.path.read_text(encoding="utf-8")


def test_a_map_that_joins_is_not_compared_and_is_named(run_with_one_before):
    result = cj.run_study(write_two_maps(run_with_one_before.parent))

    shop, looking = result.maps
    assert {finding["status"] for finding in shop.compared} == {"same"}
    assert {finding["status"] for finding in looking.compared} == {None}
    assert result.settings_changed == "The last run had other maps: it did not have “Only looking”."


def test_a_map_that_leaves_takes_its_findings_with_it(run_before):
    result = cj.run_study(write_study(run_before.parent))

    assert {finding["status"] for finding in result.compared} == {"same"}
    assert result.gone == ()
    assert result.settings_changed == "The last run had other maps: only it had “Only looking”."


def test_one_map_under_another_name_is_still_compared(run_with_one_before):
    study = run_with_one_before
    study.with_name("map.yaml").write_text(MAP.replace("A small shop", "A shop"))
    result = cj.run_study(study)
    assert {finding["status"] for finding in result.compared} == {"same"}
    assert result.settings_changed.startswith("The map (beside patience and horizon) changed")


def test_a_list_of_one_map_writes_what_its_name_alone_does(ran_with_one, run_with_one_before):
    study = run_with_one_before
    study.write_text(study.read_text().replace("map: map.yaml", "map: [map.yaml]"))
    second = cj.run_study(study)
    names = {entry.name for entry in second.out.iterdir()}
    assert names == {"report.html", "facts.json", "findings.json", "tables"}
    assert [f.id for f in second.findings] == [f.id for f in ran_with_one.findings]


@pytest.mark.parametrize("what", ["log", "found", "check", "coverage"])
def test_what_each_map_has_for_itself_is_asked_of_the_map(ran, what):
    with pytest.raises(
        cj.StudyError, match=rf"2 maps \('A small shop', 'Only looking'\).*result\.maps\[0\]\.{what}"
    ):
        getattr(ran, what)


@pytest.mark.parametrize("name", ["A small shop", "a SMALL shop"])
def test_two_maps_of_one_name_are_told_by_line(tmp_path, name):
    study = write_two_maps(tmp_path, SECOND.replace("Only looking", name))
    with pytest.raises(
        cj.StudyError,
        match=rf"line 15: map\[1\]: the map second\.yaml is called '{name}', as map\.yaml in line 15",
    ):
        cj.run_study(study)


def test_the_mistakes_of_all_maps_are_told_at_once(tmp_path):
    study = write_two_maps(tmp_path, SECOND.replace("patience: 5d", "patience: 5"))
    study.with_name("map.yaml").write_text(MAP.replace("horizon", "horizn"))
    with pytest.raises(cj.MapError) as caught:
        cj.run_study(study)
    assert len(caught.value.mistakes) == 2
    assert "did you mean 'horizon'?" in caught.value.mistakes[0]
    assert "5 days are 5d" in caught.value.mistakes[1]


def test_the_map_without_personas_is_named(tmp_path):
    study = write_two_maps(tmp_path, SECOND[: SECOND.index("personas:")])
    with pytest.raises(cj.StudyError, match=r"line 16: by: the map second\.yaml has no personas"):
        cj.run_study(study)


def test_the_log_is_written_once_before_it_is_cut_into_journeys(study):
    study.write_text(study.read_text() + "write_log: true\n")
    result = cj.run_study(study)
    assert cj.read_log(result.out / "log").n_events == result.maps[0].log.n_events


def test_progress_goes_on_over_all_maps(ran, told):
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert "Only looking: cutting journeys" in [text for text, _ in told]


def test_what_the_data_lack_stands_once_where_all_maps_say_the_same(study):
    visits = study.with_name("visits.csv")
    visits.write_text(visits.read_text() + "u1,not a time,view\n")
    result = cj.run_study(study)
    text = Page(result.path.read_text(encoding="utf-8")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.count("could not be read and were set apart") == 1
    assert text.count("A small shop: ") == sum(
        f.about_data and (f.id, f.text) not in {(g.id, g.text) for g in result.maps[1].findings}
        for f in result.maps[0].findings
    )


def test_hostile_names_of_maps_are_text_and_stay_in_their_folder(tmp_path):
    evil = "../../<script>alert(1)</script>"
    study = write_two_maps(tmp_path, SECOND.replace("map: Only looking", f"map: {evil!r}"))
    result = cj.run_study(study)
    assert result.maps[1].path.parent.parent == result.out / "maps"
    assert "<script>alert" not in result.path.read_text(encoding="utf-8")
    assert "<script>alert" not in result.maps[1].path.read_text(encoding="utf-8")


def test_names_that_sound_alike_have_folders_of_their_own():
    names = [
        "Online purchase",
        "Online-purchase",
        "Online  purchase",
        "Online purchase!",
        "購入",
        "返品",
        "x" * 80,
    ]
    assert slug("Online purchase") == "online-purchase"
    assert len({slug(name) for name in names}) == len(names)
    assert all(slug(name) == slug(name.upper()) for name in names)
