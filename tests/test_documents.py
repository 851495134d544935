"""YAML is read safely, each value knows its line, and mistakes are told together."""

from __future__ import annotations

from datetime import timedelta

import pydantic
import pytest

from cjmining.documents import Duration, parse_document, parse_duration, read_document, validate
from cjmining.errors import StudyError


def parse(text):
    return parse_document(text, name="f.yaml", error=StudyError)


class Thing(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    name: str
    wait: Duration | None = None
    parts: list[str] = []
    on: bool = True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("never", "never"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("007", "007"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("2.50", 2.5),
        ("1e3", 1000.0),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("2026-08-31T22:00:00Z", "2026-08-31T22:00:00Z"),
        ("2026-08-31", "2026-08-31"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("~", None),
        ("", None),
        (".nan", ".nan"),
    ],
)
def test_scalars_are_what_they_look_like(text, value):
    found = parse(f"key: {text}").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_every_value_knows_its_line():
    document = parse("# shop\na: 1\nb:\n  - x\n  - y: 2\n    z: |\n      long\n")
    assert document.data == {"a": 1, "b": ["x", {"y": 2, "z": "long\n"}]}
    assert [document.line(steps) for steps in [("a",), ("b",), ("b", 0), ("b", 1, "y"), ("b", 1, "z")]] == [
        *(2, 3, 4, 5, 6)
    ]
    assert document.line(("b", 1, "nothing", 7)) == 5


def test_aliases_are_followed_but_not_into_themselves():
    assert parse("a: &x [1, 2]\nb: *x").data == {"a": [1, 2], "b": [1, 2]}
    with pytest.raises(StudyError, match=r"an alias .* that contains itself"):
        validate(parse("name: n\nparts: &x [*x]"), Thing, error=StudyError)
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    with pytest.raises(StudyError, match="too many values"):
        validate(parse(bomb), Thing, error=StudyError)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.yaml is empty"),
        ("# only a comment\n", "f.yaml is empty"),
        ("a: [1, 2", "f.yaml, line 1: this is not YAML: "),
        ("a: 1\n b: 2", "f.yaml, line 2: this is not YAML: mapping values are not allowed here"),
        ("a:\n\t- 1", "f.yaml, line 2: a tab can't indent YAML; use spaces"),
        ("a: 1\n---\nb: 2", "f.yaml, line 2: a second document begins"),
        ("a: \x07", "f.yaml, line 1: the character U+0007 can't stand in YAML; remove it"),
        ("[" * 5000, "f.yaml is nested too deeply to be read"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(text, told):
    with pytest.raises(StudyError) as caught:
        parse(text)
    assert str(caught.value).startswith(told)


def test_files_are_utf8(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes("\ufeffname: Käufer\r\n".encode())
    assert read_document(path, error=StudyError).data == {"name": "Käufer"}
    path.write_bytes("a: 1\nname: Käufer".encode("latin-1"))
    with pytest.raises(StudyError, match=r"line 2: byte 0xe4 is not UTF-8; save the file as UTF-8"):
        read_document(path, error=StudyError)
    path.write_bytes("name: x".encode("utf-16"))
    with pytest.raises(StudyError, match="is UTF-16; save it as UTF-8"):
        read_document(path, error=StudyError)
    with pytest.raises(StudyError, match="expected the path of a file, found text of 2 lines"):
        read_document("a: 1\nb: 2", error=StudyError)
    with pytest.raises(StudyError, match="there is no such file"):
        read_document(tmp_path / "nowhere" / "f.yaml", error=StudyError)


def test_all_mistakes_are_told_in_the_order_of_their_lines():
    with pytest.raises(StudyError) as caught:
        validate(parse("wait: soon\nnaem: x\nparts: [1]\nparts: [2]\n'on': maybe"), Thing, error=StudyError)
    assert caught.value.mistakes == (
        "f.yaml, line 1: wait: expected a duration such as 14d, 36h, 90m (minutes) or 20s, found 'soon'",
        "f.yaml, line 2: unknown key 'naem', did you mean 'name'?",
        "f.yaml, line 3: parts[0]: expected text, found 1; quotes make it text",
        "f.yaml, line 4: the key 'parts' stands twice, on lines 3 and 4",
        "f.yaml, line 5: on: expected true or false, found 'maybe'",
    )
    assert str(caught.value).splitlines()[0] == "f.yaml has 5 mistakes:"


def test_a_document_of_another_shape():
    with pytest.raises(
        StudyError, match=r"f\.yaml, line 1: expected keys with values \(name, wait.*found a list"
    ):
        validate(parse("- a"), Thing, error=StudyError)


def test_python_objects_are_not_made():
    with pytest.raises(StudyError, match=r"the tag .* is not read here"):
        validate(parse("name: !!python/name:os.system x"), Thing, error=StudyError)
    with pytest.raises(StudyError, match="the tag '!env' is not read here"):
        validate(parse("name: !env HOME"), Thing, error=StudyError)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("20s", timedelta(seconds=20)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("14d", timedelta(days=14)),
        ("2w", timedelta(days=14)),
        ("1.5 h", timedelta(minutes=90)),
    ],
)
def test_durations(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "d", "14", "14 days", "-1d", "1e9d", None, True, 3.5, "99999999999w", "0s"]
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_only_files_that_could_be_meant_are_suggested_for_one_that_is_missing(tmp_path):
    (tmp_path / "inter.py").write_text("")
    with pytest.raises(StudyError, match=r"inter\.yaml: there is no such file$"):
        read_document(tmp_path / "inter.yaml", error=StudyError)
    (tmp_path / "inters.yml").write_text("")
    with pytest.raises(StudyError, match=r"there is no such file, did you mean 'inters\.yml'\?"):
        read_document(tmp_path / "inter.yaml", error=StudyError)
