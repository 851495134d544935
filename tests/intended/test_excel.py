"""A map as an Excel workbook: what is written is read back, what people do in sheets is understood."""

from __future__ import annotations

import builtins
import zipfile
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

import cjmining as cj
from cjmining.cli import app
from cjmining.intended import Exit, Expectation, IntendedMap, Persona, Stage, Touchpoint, parse_map
from cjmining.intended.excel_template import EXAMPLE, write_excel
from cjmining.intended.writing import plain, to_yaml
from tests.examples import examples

SMALL = {
    "Map": [["Setting", "Value"], ["Name", "Till"], ["Goal", "paid"], ["Patience", "2d"]],
    "Stages": [["Stage"], ["Look"], ["Pay"]],
    "Touchpoints": [["Stage", "Touchpoint"], ["Look", "seen"], ["Pay", "paid"]],
}
"""The least that a workbook must have."""


def workbook(folder: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path = folder / "map.xlsx"
    book.save(path)
    return path


def mistakes(path: Path) -> tuple[str, ...]:
    with pytest.raises(cj.MapError) as raised:
        cj.read_map(path)
    return raised.value.mistakes


# Read as people write ------------------------------------------------------------------------------------


def test_the_least_workbook_is_a_map(tmp_path):
    found = cj.read_map(workbook(tmp_path, SMALL))
    assert found == IntendedMap(
        "Till",
        ("paid",),
        (
            Stage("Look", touchpoints=(Touchpoint("seen"),), next=("Pay",)),
            Stage("Pay", touchpoints=(Touchpoint("paid"),)),
        ),
        patience=timedelta(days=2),
    )


def test_sheets_are_read_as_people_fill_them(tmp_path):
    sheets = {
        "notes": [["anything"]],
        "MAP": [
            [None, "Our map"],
            [],
            [None, "setting", " VALUE ", "Who said so"],
            [None, "Name:", 2026],
            [None, "goal", "paid; picked_up"],
            [None, "Patience", "14 days"],
            [None, "Horizon", timedelta(days=30)],
            [None, "Colour", "blue"],
        ],
        " stages": [
            ["The stages"],
            [],
            ["Owner", "STAGE", "Order", "May be skipped", "Next", "Comment"],
            ["Shop", "Look, then buy", "Choice", "x", None, "fine"],
            [],
            [None, "Pay", None, "No", "(none)", None],
        ],
        "Touchpoints": [
            [
                "Phase",
                "Touchpoint",
                None,
                "Channels",
                "Emotion",
                "Key event (moment of truth)",
                "Pain points",
            ],
            ["look, then buy", "seen", None, "web\napp", -1.0, "Yes", "Slow, at times\nToo small"],
            [None, "asked", None, "phone, chat", None, None, None],
            ["Pay", "paid", None, None, "2", "n", None],
            [None, "picked_up", None, None, 0, None, None],
        ],
        "Promises": [
            ["Stage", "Touchpoint", "Measure", "At most", "Share"],
            [None, "asked", "Wait_s", 120.0, 0.9],
            ["Pay", "paid", "duration_s", "60", "80 %"],
        ],
        "exits": [["Touchpoint", "By"], ["gone", None], ["refused", "Company"]],
        "Personas": [
            ["Persona", "Conditions", "Needs"],
            ["Young", "birth_year at least 1997 and region one of North, South", "Pay fast; pay safely"],
        ],
    }
    found = cj.read_map(workbook(tmp_path, sheets))
    look, pay = found.stages
    assert (found.name, found.goal) == ("2026", ("paid", "picked_up"))
    assert (found.patience, found.horizon) == (timedelta(days=14), timedelta(days=30))
    assert (look.stage, look.owner, look.order, look.optional) == ("Look, then buy", "Shop", "choice", True)
    assert (look.next, pay.next, pay.optional) == (("Pay",), (), False)
    seen, asked = look.touchpoints
    assert seen == Touchpoint(
        "seen",
        channels=("web", "app"),
        emotion=-1,
        moment_of_truth=True,
        pain_points=("Slow, at times", "Too small"),
    )
    assert asked.channels == ("phone", "chat")
    assert asked.expect == (Expectation("wait_s", at_most=120.0, share=0.9),)
    assert pay.touchpoints[0].expect == (Expectation("duration_s", at_most=60.0, share=0.8),)
    assert [touchpoint.emotion for touchpoint in pay.touchpoints] == [2, 0]
    assert found.exits == (Exit("gone"), Exit("refused", "company"))
    assert found.personas == (
        Persona(
            "Young",
            {"birth_year": {"at_least": 1997}, "region": {"one_of": ("North", "South")}},
            ("Pay fast", "pay safely"),
        ),
    )
    assert parse_map(found.text) == found


def test_what_is_not_read_is_remarked(tmp_path):
    sheets = {
        **SMALL,
        "Touchpoint": [["Stage"]],
        "Stages": [["Stage", "Ownr", "Stage"], ["Look", "Shop", "x"], ["Pay", None, None]],
    }
    assert cj.read_map(workbook(tmp_path, sheets)).remarks == (
        "map.xlsx: the sheet 'Touchpoint' is not read",
        "map.xlsx, sheet Stages: the column 'Ownr' is not read, did you mean 'owner'?",
        "map.xlsx, sheet Stages: the column 'Stage' stands there twice; the first is read",
    )


def test_stages_differ_for_a_persona(tmp_path):
    sheets = {
        **SMALL,
        "Stages": [["Stage", "Owner", "Within"], ["Look", "Shop", "2d"], ["Pay", None, None]],
        "Touchpoints": [
            ["Stage", "Touchpoint", "Persona"],
            ["Look", "seen", None],
            ["Look", "asked", "Old"],
            [None, "seen", "old"],
            ["Pay", "paid", None],
        ],
        "Promises": [["Touchpoint", "Measure", "At most", "Persona"], ["seen", "wait_s", 5, "Old"]],
        "Personas": [["Persona", "Conditions"], ["Old", "age >= 65"]],
        "Persona stages": [["Persona", "Stage", "Within", "Owner"], ["Old", "look", "(none)", None]],
    }
    found = cj.read_map(workbook(tmp_path, sheets))
    (look,) = found.personas[0].stages
    assert [touchpoint.touchpoint for touchpoint in look.touchpoints] == ["asked", "seen"]
    assert look.touchpoints[1].expect == (Expectation("wait_s", at_most=5.0),)
    assert (look.owner, look.within) == ("Shop", None)
    assert found.stages[0].touchpoints == (Touchpoint("seen"),)


# Mistakes ------------------------------------------------------------------------------------------------


def test_all_mistakes_are_told_by_their_cells(tmp_path):
    sheets = {
        "Map": [["Setting", "Value"], ["Name", "Till"], ["Goal", "payd"], ["Patience", 14]],
        "Stages": [["Stage", "Order", "Next"], ["Look", "choise", "Pey"], ["Pay", None, None]],
        "Touchpoints": [
            ["Stage", "Touchpoint", "Optional", "Emotion"],
            ["Look", "seen", "perhaps", 3],
            ["Lok", "asked", None, None],
            ["Pay", "paid", None, None],
        ],
        "Promises": [
            ["Touchpoint", "Measure", "At most", "Share"],
            ["paid", "waits", 5, 90],
            ["pade", "wait_s", 5, None],
        ],
        "Personas": [["Persona", "Conditions"], ["Young", "born late"]],
    }
    expected = {
        ("Map", 3, "Goal"): "the goal 'payd' is no touchpoint of any stage, did you mean 'paid'?",
        (
            "Map",
            4,
            "Patience",
        ): "expected a duration such as 14d, 36h, 90m (minutes) or 20s, never or auto, found 14 "
        "(in which unit? 14 days are 14d)",
        ("Stages", 2, "Order"): "expected sequence, choice or any, found 'choise', did you mean 'choice'?",
        ("Stages", 2, "Next"): "there is no stage 'Pey', did you mean 'Pay'?",
        ("Touchpoints", 2, "Optional"): "expected yes or no, found 'perhaps'",
        ("Touchpoints", 2, "Emotion"): "expected at most 2, found 3",
        ("Touchpoints", 3, "Stage"): "there is no stage 'Lok' in the sheet Stages, did you mean 'Look'?",
        ("Promises", 2, "Measure"): "expected wait_s, duration_s, satisfaction, response_s or contacts, "
        "found 'waits', did you mean 'wait_s'?",
        ("Promises", 2, "Share"): "a share is above 0 and at most 1, found 90 (90 % is 0.9)",
        ("Promises", 3, "Touchpoint"): "there is no touchpoint 'pade' in the sheet Touchpoints, "
        "did you mean 'paid'?",
        ("Personas", 2, "Conditions"): "'born late' is no condition; expected one such as birth_year at "
        "least 1997",
    }
    assert mistakes(workbook(tmp_path, sheets)) == told(expected)


def told(expected: dict[tuple[str, int, str], str]) -> tuple[str, ...]:
    return tuple(
        f"map.xlsx, sheet {sheet}, row {row}, {'' if sheet == 'Map' else 'column '}{column}: {what}"
        for (sheet, row, column), what in expected.items()
    )


def test_a_formula_without_a_value_is_told(tmp_path):
    sheets = {**SMALL, "Stages": [["Stage", "Owner"], ["Look", '="Sh"&"op"'], ["Pay", "#REF!"]]}
    expected = {
        ("Stages", 2, "Owner"): 'the formula ="Sh"&"op" has no value yet; open the file in Excel and save '
        "it, or write the value",
        ("Stages", 3, "Owner"): "the cell has an error (#REF!)",
    }
    assert mistakes(workbook(tmp_path, sheets)) == told(expected)


def test_a_formula_counts_as_what_it_came_to(tmp_path):
    """Excel keeps the value of a formula beside it; here it is put in as Excel would."""
    plain_path = workbook(
        tmp_path, {**SMALL, "Stages": [["Stage", "Owner"], ["Look", '="Sh"&"op"'], ["Pay"]]}
    )
    path = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(plain_path) as unsaved, zipfile.ZipFile(path, "w") as saved:
        for name in unsaved.namelist():
            content = unsaved.read(name)
            if name == "xl/worksheets/sheet2.xml":
                assert b"<v></v></c>" in content or b"<v /></c>" in content
                content = content.replace(b"<v></v></c>", b"<v>Shop</v></c>").replace(
                    b"<v /></c>", b"<v>Shop</v></c>"
                )
                content = content.replace(b'<c r="B2"', b'<c r="B2" t="str"')
            saved.writestr(name, content)
    assert cj.read_map(path).stages[0].owner == "Shop"


def test_a_missing_sheet_and_a_missing_column_are_told(tmp_path):
    sheets = {"Map": SMALL["Map"], "Stage": SMALL["Stages"], "Touchpoints": [["Stage", "Name", "Channels"]]}
    assert mistakes(workbook(tmp_path, sheets)) == (
        "map.xlsx, sheet Stages: there is no such sheet, did you mean 'Stage'?",
        "map.xlsx, sheet Touchpoints, row 1: the column 'Touchpoint' is missing",
    )


@pytest.mark.parametrize("content", [b"", b"map: Shop", b"PK\x03\x04 broken"])
def test_what_is_no_workbook_is_told(tmp_path, content):
    (tmp_path / "map.xlsx").write_bytes(content)
    with pytest.raises(cj.MapError, match="is no Excel workbook"):
        cj.read_map(tmp_path / "map.xlsx")


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    path = workbook(tmp_path, SMALL)
    load = builtins.__import__

    def refuse(name, *arguments, **more):
        if name == "openpyxl":
            raise ImportError(name)
        return load(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(cj.MapError, match=r"pip install 'cjmining\[excel\]'"):
        cj.read_map(path)


# Written and read back -----------------------------------------------------------------------------------


def test_the_template_reads_as_its_example(tmp_path):
    found = cj.read_map(write_excel(tmp_path / "map.xlsx"))
    assert found == parse_map(EXAMPLE)
    assert found.remarks == ()


def test_the_template_helps_and_offers_choices(tmp_path):
    book = openpyxl.load_workbook(write_excel(tmp_path / "map.xlsx"))
    assert book.sheetnames[0] == "Read me"
    sheet = book["Touchpoints"]
    assert sheet.freeze_panes == "A2"
    assert all(cell.comment for cell in sheet[1])
    offers = {
        str(offer.sqref).split(":")[0]: offer.formula1 for offer in sheet.data_validations.dataValidation
    }
    assert offers["A2"].startswith("'Stages'!$A$2")
    assert offers["D2"] == '"customer,company"'
    assert offers["E2"] == '"yes,no"'
    assert offers["H2"] == '"-2,-1,0,1,2"'


NAMES = st.text(st.sampled_from("abAB1 ,;.\"'=-é_:#"), min_size=1, max_size=6).filter(
    lambda text: text == text.strip()
)
BOUNDS = st.sampled_from([0, 5, 0.25, "2026-01-31"])
PLAIN = st.one_of(NAMES, st.integers(-5, 3000), st.booleans(), st.sampled_from([0.5, 1e-7]))
SHARES = st.sampled_from([1.0, 0.9, 0.125])
DURATIONS = st.sampled_from([timedelta(days=14), timedelta(hours=36), timedelta(seconds=1.5)])
TEXTS = st.lists(NAMES, max_size=2, unique=True).map(tuple)
CONDITIONS = st.one_of(
    st.builds(lambda asked, bound: {asked: bound}, st.sampled_from(["at_least", "below"]), BOUNDS),
    st.builds(lambda value: {"equals": value}, PLAIN),
    st.builds(lambda values: {"one_of": tuple(values)}, st.lists(PLAIN, min_size=1, max_size=3)),
    st.builds(lambda missing: {"missing": missing}, st.booleans()),
)
PROMISES = st.builds(
    lambda measure, bound, share: Expectation(measure, at_most=bound, share=share),
    st.sampled_from(["wait_s", "duration_s"]),
    st.sampled_from([0.5, 60.0]),
    SHARES,
)


@st.composite
def touchpoints(draw, names):
    return tuple(
        Touchpoint(
            name,
            channels=draw(TEXTS),
            optional=draw(st.booleans()),
            repeat=draw(st.booleans()),
            emotion=draw(st.sampled_from([None, -2, 0, 1])),
            moment_of_truth=draw(st.booleans()),
            pain_points=draw(TEXTS),
            opportunities=draw(TEXTS),
            expect=tuple(draw(st.lists(PROMISES, max_size=2))),
            rates=tuple(draw(st.lists(st.sampled_from(names), max_size=1))) if len(names) > 1 else (),
        )
        for name in names
    )


@st.composite
def stages(draw, name, names, others, own):
    return Stage(
        name,
        owner=draw(st.none() | NAMES),
        motivation=draw(st.none() | NAMES),
        order=draw(st.sampled_from(["sequence", "choice", "any"])),
        touchpoints=draw(touchpoints(own)),
        optional=draw(st.booleans()),
        patience=draw(st.sampled_from([None, "never", timedelta(days=2)])),
        within=draw(st.none() | DURATIONS),
        next=draw(st.sampled_from([(), (others[0],), tuple(others)])),
        returns_to=draw(st.sampled_from([(), (name,)])),
    )


@st.composite
def maps(draw):
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=str.casefold))
    words = draw(st.lists(NAMES, min_size=len(names), max_size=7, unique=True))
    own = [words[at :: len(names)] for at in range(len(names))]
    drawn = [draw(stages(name, words, names, its)) for name, its in zip(names, own, strict=True)]
    goal = next(t.touchpoint for t in drawn[0].touchpoints)
    varied = draw(st.lists(st.integers(0, len(names) - 1), max_size=2, unique=True))
    mine = tuple(draw(stages(names[at], words, names, own[at])) for at in varied)
    personas = (
        Persona(
            "P,1",
            draw(st.dictionaries(NAMES, CONDITIONS, min_size=1, max_size=2)),
            draw(TEXTS),
            draw(st.none() | st.sampled_from([120.0, 0.5])),
            tuple(stage for stage in mine if stage != drawn[names.index(stage.stage)]),
        ),
    )
    return IntendedMap(
        draw(NAMES),
        (goal,),
        tuple(drawn),
        exits=tuple(Exit(f"exit {by}", by) for by in draw(st.sampled_from([(), ("customer", "company")]))),
        patience=draw(st.none() | DURATIONS),
        horizon=draw(DURATIONS),
        ignore=draw(st.sampled_from([(), ("noise, loud", "other noise")])),
        new_journey_after=draw(st.sampled_from([(), ("goal",), ("goal", "exit", "silence")])),
        personas=personas if draw(st.booleans()) else (),
    )


def legal(drawn: IntendedMap) -> IntendedMap | None:
    """The map as its file reads, None where its parts don't go together (a touchpoint that rates itself)."""
    try:
        return parse_map(to_yaml(plain(drawn)))
    except cj.MapError:
        return None


@examples(60)
@given(maps())
def test_a_map_written_as_yaml_and_as_a_workbook_is_the_same(tmp_path_factory, drawn):
    read = legal(drawn)
    assume(read is not None)
    assert read == drawn
    path = write_excel(tmp_path_factory.mktemp("maps") / "map.xlsx", read)
    found = cj.read_map(path)
    assert found == drawn
    assert parse_map(found.text) == drawn


def test_a_text_that_no_cell_can_hold_is_told(tmp_path):
    till = parse_map(
        "{map: Till, goal: [paid], patience: 2d, stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}"
    )
    for name, what in (("a\x01b", "characters of"), ("x" * 40_000, "40,000 characters")):
        with pytest.raises(cj.MapError, match=what):
            write_excel(tmp_path / "map.xlsx", IntendedMap(name, till.goal, till.stages))
    with pytest.raises(cj.MapError, match=r"ends in \.xlsx"):
        write_excel(tmp_path / "map.xls")


def test_the_command_line_writes_the_template_and_a_map(tmp_path):
    def run(*arguments: object):
        return CliRunner().invoke(app, ["map", "template", *map(str, arguments)])

    assert run(tmp_path / "map.xlsx").exit_code == 0
    assert cj.read_map(tmp_path / "map.xlsx") == parse_map(EXAMPLE)
    (tmp_path / "till.yaml").write_text(
        "{map: Till, goal: [paid], patience: 2d, stages: [{stage: Pay, touchpoints: [{touchpoint: paid}]}]}"
    )
    assert run(tmp_path / "till.xlsx", "--from", tmp_path / "till.yaml").exit_code == 0
    assert cj.read_map(tmp_path / "till.xlsx") == cj.read_map(tmp_path / "till.yaml")
    again = run(tmp_path / "till.xlsx")
    assert isinstance(again.exception, cj.MapError)
    assert "is there already" in str(again.exception)
