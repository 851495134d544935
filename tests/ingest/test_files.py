"""What is read wherever it lies: folders, zip archives, gzip; JSON however it is laid out; nested Parquet."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.ingest.files import files_in, named_inputs
from cjmining.ingest.json_text import as_lines, is_lines, unwrapped
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Lookup, Source
from cjmining.ingest.sources.columns import utc

from .helpers import events_made, fates, seen

TEXTS = (1, -2.5, None, True, 'a"b', "x\\", '{[,"\\', "é\n", "", "][}{")


def blocks(data: bytes, size: int):
    for start in range(0, len(data), size):
        yield data[start : start + size], start + size >= len(data)


def anything(rng: random.Random, depth: int = 0):
    kind = rng.random()
    if depth > 4 or kind < 0.4:
        return rng.choice(TEXTS)
    if kind < 0.7:
        return [anything(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(["a", "tickets"]): anything(rng, depth + 1) for _ in range(rng.randint(0, 3))}


@pytest.mark.parametrize("form", ["array", "one after the other", "an array a line", "page"])
def test_json_of_any_form_is_cut_into_its_values(form):
    rng = random.Random(form)  # noqa: S311 -- examples, no secrets
    for _ in range(150):
        values = [{"i": i, "v": anything(rng)} for i in range(rng.randint(1, 6))]
        indent = rng.choice([None, 1, 2])
        if form == "array":
            text = json.dumps(values, indent=indent)
        elif form == "one after the other":
            text = rng.choice(["", " ", "\n", "\r\n"]).join(json.dumps(v, indent=indent) for v in values)
        elif form == "an array a line":
            text = "\n".join(json.dumps([value]) for value in values)
        else:
            text = json.dumps({"x": anything(rng), "tickets": values, "count": 2}, indent=indent)
        cut = as_lines(blocks(text.encode(), rng.choice([1, 3, 7, 1_000])))
        lines = b"".join(block for block, _ in unwrapped(cut, ["tickets"])).split(b"\n")
        assert [json.loads(line) for line in lines if line] == values


@pytest.mark.parametrize("between", ["", " ", ",\n"])
def test_records_around_a_stray_quote_come_through_as_they_were(between):
    rng = random.Random(between)  # noqa: S311 -- examples, no secrets
    texts = ["}, {", "}{", "b,  c", "[1, 2]", '"', "\\", "x"]
    for _ in range(150):
        values = [{"i": i, "n": {"i": 1}, "v": rng.choices(texts, k=2)} for i in range(rng.randint(2, 8))]
        records = [json.dumps(value) for value in values]
        spoilt = rng.randrange(len(records))
        records[spoilt] = f'{{"i": {spoilt}, "n": ""x", "v": ["y"]}}'
        if not between and spoilt + 1 < len(records):  # where nothing stands between, no names are needed
            records[spoilt + 1] = '{"z": 0, ' + records[spoilt + 1][1:]
        text = between.join(records)
        text = f"[{text}]" if "," in between else text
        cut = as_lines(blocks(text.encode(), rng.choice([1, 3, 7, 1_000])))
        lines = b"".join(block for block, _ in cut).decode().splitlines()
        assert lines == [record if i != spoilt else lines[i] for i, record in enumerate(records)]
        assert lines[spoilt].startswith(records[spoilt][:20])


def test_a_list_ends_behind_a_record_that_can_not_be_parsed():
    lines = b"".join(block for block, _ in as_lines(blocks(b'[{"a": 1}, {"a": x}]\n', 7))).split(b"\n")
    assert lines == [b'{"a": 1}', b'{"a": x}', b""]


def test_a_record_that_begins_otherwise_makes_no_records_of_what_lies_in_others():
    records = [
        '{"a": [], "b": 1}',
        '{"a": 1, "b": [{"a": 2}, {"a": 3}]}',
        '{"a": 2, "b": x, "c": [{"a": 4}]}',
    ]
    for order in (records, records[::-1]):
        lines = b"".join(block for block, _ in as_lines(blocks("".join(order).encode(), 7))).decode()
        assert lines.splitlines() == order


def test_a_stray_bracket_ends_no_record():
    records = ['{"a": 1, "b": {"c": 1}}', '{"a": 2, "b": }, "d": {"c": 1}}', '{"a": 3, "b": {"c": 1}}']
    lines = (
        b"".join(block for block, _ in as_lines(blocks("".join(records).encode(), 7))).decode().splitlines()
    )
    assert lines == records


def test_a_stray_bracket_ends_no_list_of_a_page():
    page = b'{"p": 1, "results": [{"a": 1}, {"a": ]2}, {"a": 3}, {"a": 4}], "next": null}'
    lines = b"".join(block for block, _ in unwrapped(as_lines(blocks(page, 7)), ["results"])).split(b"\n")
    assert [line for line in lines if b'"a"' in line] == [
        b'{"a": 1}', b'{"a": ]2}', b'{"a": 3}', b'{"a": 4}'
    ]  # fmt: skip


def test_lines_are_told_from_other_forms():
    assert is_lines('{"a": {"b": 1}}\n\n{"a": 2}\n')
    assert is_lines('{"a": 1}\n{"a": \n{"a": 3}\n')  # a spoilt line among lines
    assert is_lines('[1, 2]\n{"a": 1}\n')  # a line that is no record tells nothing
    assert is_lines('{"a": 1}\n"text"\n')
    assert is_lines('[[[\n{"a": 1}\n{"a": 2}\n')
    assert not is_lines('[{"a": 1}]\n{"a": 2}\n{"a": 3}\n')
    assert not is_lines('[\n{"a": 1},\n{"a": 2}\n]')
    assert not is_lines('[{"a": [1]}]\n')
    assert not is_lines('{"count": 2, "tickets": [{"a": "long')  # the first line isn't seen to its end
    assert not is_lines('{\n "a": 1,\n "b": {}\n}')
    assert not is_lines('{"a": 1}{"a": 2}\n')


def test_folders_are_searched_and_archives_looked_into(tmp_path):
    (tmp_path / "2026" / "01").mkdir(parents=True)
    (tmp_path / "2026" / "01" / "Lead_2.csv").write_text("Id\n1\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "Lead.csv").write_text("Id\n9\n")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("data/2026-01_opportunity_contact-role (1).csv.gz", gzip.compress(b"Id\n2\n"))
        archive.writestr("__MACOSX/Lead.csv", "x")
        archive.writestr("readme.md", "x")
    found = named_inputs(tmp_path, ("Lead", "OpportunityContactRole", "Case"), "source 'crm'")
    names = {stem: [each.name for each in inputs] for stem, inputs in found.items()}
    member = "export.zip/data/2026-01_opportunity_contact-role (1).csv.gz"
    assert names == {"Lead": ["2026/01/Lead_2.csv"], "OpportunityContactRole": [member], "Case": []}
    with found["OpportunityContactRole"][0].open() as stream:
        assert stream.read() == b"Id\n2\n"
    with pytest.raises(cj.SourceError, match=r"has no file ending in \.json .*export.zip/readme.md"):
        files_in([tmp_path], (".json",), "source 'web'")
    with pytest.raises(cj.SourceError, match="there is no 'Leed', did you mean 'Lead'"):
        named_inputs({"Leed": tmp_path}, ("Lead", "Case"), "source 'crm'")


def test_damaged_archives_are_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(cj.SourceError, match=r"a\.zip is no zip archive"):
        files_in([tmp_path], (".csv",), "source 'x'")
    packed = gzip.compress(b"who,when,what\n" + b"ann,2026-01-01,x\n" * 5_000)
    (tmp_path / "b.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(cj.SourceError, match=r"b\.csv\.gz is damaged"):
        cj.ingest(
            cj.sources.Table(
                tmp_path / "b.csv.gz", name="v", customer="who", timestamp="when", touchpoint="what"
            )
        )


class Desk(Source):
    """Tickets with their notes, in three layouts: a made-up system that uses all that the framework has."""

    kind: ClassVar[str] = "Desk"

    def __init__(self, *inputs: Input, queues: Input | None = None) -> None:
        super().__init__(name="desk")
        self._inputs, self._queues = inputs, queues

    def feeds(self):
        notes = [{"said": "VARCHAR", "text": "VARCHAR"}]
        structure = {
            "id": "VARCHAR",
            "who": "VARCHAR",
            "queue": "VARCHAR",
            "opened": "VARCHAR",
            "notes": notes,
        }
        columns = [
            Column("id", filled=True),
            Column("who"),
            Column("queue"),
            Column("opened", "time", clock=self.clock(epoch="epoch s")),
            Column("notes", "nested"),
        ]
        keep = {"moment": "opened", "queue": "queue"}
        keep["notes"] = f"list_transform(notes, lambda n: {{'said': {utc('n.said')}, 'text': n.text}})"
        opened = Event({"timestamp": "moment", "touchpoint": "'ticket_opened'", "campaign": "queue_name"})
        noted = Event(
            {"timestamp": "each.said", "touchpoint": "each.text", "actor": "'company'"},
            each="notes",
            when="each.text IS NOT NULL",
            withdrawn="CASE WHEN each.said IS NULL THEN 'a note without a time' END",
        )
        found = [
            Feed(
                "tickets", self._inputs, columns, keep, [("email", "who")], key=("id",),
                events=[opened, noted], clock=self.clock(), structure=json.dumps(structure),
                wrapped=("tickets",),
                lookups=[Lookup("queues", {"queue": "number"}, {"queue_name": "called"})],
            )
        ]  # fmt: skip
        if self._queues:
            named = {"number": '"Queue Id"', "called": '"name"'}
            columns = [Column("Queue Id", needed=True), Column("name")]
            found.append(
                Feed("queues", [self._queues], columns, named, [], key=('"Queue Id"',), reference=True)
            )
        return found


TICKETS = [
    {"id": "1", "who": "ann@shop.de", "queue": "q1", "opened": 1767225600, "notes": [
        {"said": "2026-01-01T00:00:00", "text": "called"},
        {"said": "2026-01-02T11:00:00+01:00", "text": "solved"},
        {"said": None, "text": "odd"}, {"said": "2026-01-03", "text": None},
        {"said": "2026-01-03", "text": ""}, {"said": "2026-01-03", "text": " \u00a0"},
    ]},
    {"id": "2", "who": "bob@shop.de", "queue": "q9", "opened": 1767312000, "notes": None},
]  # fmt: skip


@pytest.mark.parametrize("layout", ["page", "parquet", "frame", "lines in a zip"])
def test_lists_lookups_and_nested_columns(tmp_path, layout):
    queues = tmp_path / "queues.csv"
    queues.write_text("queue_id,Name,other\nq1,Support,x\nq2,Sales,y\n")
    if layout == "page":
        (tmp_path / "t.json").write_text(json.dumps({"count": 2, "tickets": TICKETS}, indent=1))
        given = Input("t.json", tmp_path / "t.json")
    elif layout == "lines in a zip":
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr("t.jsonl", "\n".join(map(json.dumps, TICKETS)))
        (given,) = files_in([tmp_path / "t.zip"], (".jsonl",), "desk")
    else:
        table = pa.Table.from_pylist(TICKETS)
        pq.write_table(table, tmp_path / "t.parquet")
        given = Input("t.parquet", tmp_path / "t.parquet")
        if layout == "frame":
            given = Input("(frame)", frame=table)
    log = cj.ingest(Desk(given, queues=Input("queues.csv", queues)))
    assert seen(log, "customer", "timestamp", "touchpoint", "campaign", "actor") == [
        (0, "2026-01-01 00:00:00", "ticket_opened", "Support", "customer"),
        (0, "2026-01-01 00:00:00", "called", None, "company"),
        (0, "2026-01-02 10:00:00", "solved", None, "company"),
        (1, "2026-01-02 00:00:00", "ticket_opened", None, "customer"),
    ]
    assert fates(log, "desk") == {"used": 4}
    withdrawn = {"withdrawn: a note without a time": 1, "withdrawn: no touchpoint": 2}
    assert events_made(log, "desk") == {"kept": 4, **withdrawn}
    assert log.events["event_id"].is_unique
    without = cj.ingest(Desk(given)) if layout != "frame" else cj.ingest(Desk(Input("f", frame=table)))
    assert set(without.events["campaign"].dropna()) == set()


def test_lines_cut_by_a_pattern_and_files_without_a_header(tmp_path):
    class Lines(Source):
        kind: ClassVar[str] = "Lines"

        def feeds(self):
            columns = [Column("when", "time"), Column("who"), Column("what")]
            keep = {"moment": '"when"', "what": "what"}
            event = Event({"timestamp": "moment", "touchpoint": "what"})
            put = {
                "a.log": Dialect(pattern=r'^(?P<who>\S+) \[(?P<when>[^\]]*)\] "(?P<what>[^"]*)"'),
                "b.tsv": Dialect(delimiter="\t", quote="", names=("what", "when", "who")),
                "c.csv": Dialect(header_rows=3, naming=lambda rows: [name.lower() for name in rows[2]]),
            }
            inputs = [Input(name, tmp_path / name, dialect=dialect) for name, dialect in put.items()]
            return [
                Feed("lines", inputs, columns, keep, [("user_id", "who")], events=[event], clock=self.clock())
            ]

    (tmp_path / "a.log").write_text('ann [2026-01-01 10:00] "looked" x\nnonsense\n')
    (tmp_path / "b.tsv").write_text('said "no\t2026-01-02\tann\n')
    (tmp_path / "c.csv").write_text(
        '"a\n""b""",x,y\nq1,q2,q3\nWHO,When,What\nann,2026-01-03,"left, ""again"""\n'
    )
    log = cj.ingest(Lines(name="lines"))
    assert list(log.events["touchpoint"]) == ["looked", 'said "no', 'left, "again"']
    assert fates(log) == {"used": 3, "quarantined: a line of another form": 1}
