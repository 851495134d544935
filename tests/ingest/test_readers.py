"""Text files are cut into records whatever is wrong with single ones."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.errors import SourceError
from cjmining.ingest import readers
from cjmining.ingest.readers import NEVER_CLOSED, NOT_UTF8, SAMPLE_BYTES, Dialect, Records


def records(path: Path, dialect: Dialect | None = None) -> tuple[Records, list[tuple[int, str, str | None]]]:
    found = Records(path, dialect or Dialect())
    rows = []
    for batch in found.reader():
        rows += [(r["record"], r["text"], r["broken"]) for r in batch.to_pylist()]
    return found, rows


def put(tmp_path: Path, content: bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_records_are_numbered_from_one_after_the_header(tmp_path):
    found, rows = records(put(tmp_path, b"a,b\n1,2\n3,4\n"))
    assert found.header == ("a", "b")
    assert rows == [(1, "1,2", None), (2, "3,4", None)]
    assert found.count == 2


def test_blank_lines_are_no_records_and_the_last_line_needs_no_end(tmp_path):
    _, rows = records(put(tmp_path, b"\r\na,b\r\n\r\n1,2\r\n\r\n3,4"))
    assert rows == [(1, "1,2", None), (2, "3,4", None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_are_found(tmp_path, encoding, line_end):
    text = line_end.join(["name;city", "Jörg;Köln", "Zoë;Łódź" if "utf" in encoding else "Zoë;Metz", ""])
    found, rows = records(put(tmp_path, text.encode(encoding)))
    assert found.header == ("name", "city")
    assert [row[1] for row in rows] == text.split(line_end)[1:3]
    assert found.dialect.delimiter == ";"
    assert found.dialect.cr_only == (line_end == "\r")


def test_gzip_is_recognised_by_its_content(tmp_path):
    _, rows = records(put(tmp_path, gzip.compress(b"a,b\n1,2\n"), "a.csv"))
    assert rows == [(1, "1,2", None)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_cuts_records_alike(tmp_path, delimiter):
    lines = [delimiter.join(row) for row in (("id", "text", "n"), ("1", "a.b c", "2"), ("2", "x", "3"))]
    found, _ = records(put(tmp_path, "\n".join(lines).encode()))
    assert found.dialect.delimiter == delimiter


def test_quoted_fields_may_run_over_lines(tmp_path):
    _, rows = records(put(tmp_path, b'a,b\n1,"two\nlines, and ""more"""\n3,4\n'))
    assert rows == [(1, '1,"two\nlines, and ""more"""', None), (2, "3,4", None)]


def test_a_quote_that_is_never_closed_spoils_its_own_record_only(tmp_path):
    _, rows = records(put(tmp_path, b'a,b\n1,"open\n2,fine\n3,"two\nlines"\n4,"open too\n'))
    assert rows == [
        (1, '1,"open', NEVER_CLOSED),
        (2, "2,fine", None),
        (3, '3,"two\nlines"', None),
        (4, '4,"open too', NEVER_CLOSED),
    ]


def test_an_inch_mark_is_no_quote(tmp_path):
    _, rows = records(put(tmp_path, b'size,name\n12" wide,a\n7,b\n'))
    assert rows == [(1, '12" wide,a', None), (2, "7,b", None)]


def test_a_broken_byte_spoils_its_own_record_only(tmp_path):
    _, rows = records(put(tmp_path, "a,b\nä,ö\nü,ß\n".encode() + b"x,\xff\n1,2\n"))
    assert [row[2] for row in rows] == [None, None, NOT_UTF8, None]


def test_records_survive_the_borders_of_blocks(tmp_path, monkeypatch):
    content = b"a,b\n" + b"".join(b'%d,"line\nbreak %d"\n' % (i, i) for i in range(50))
    path = put(tmp_path, content)
    whole = records(path)[1]
    for size in (7, 16, 33, 64):
        monkeypatch.setattr(readers, "BLOCK_BYTES", size)
        assert records(path)[1] == whole


def test_a_wrong_encoding_says_what_to_do(tmp_path):
    path = put(tmp_path, "a,b\nKöln,1\n".encode("latin-1"))
    with pytest.raises(SourceError, match="encoding='latin-1'"):
        records(path, Dialect(encoding="utf-8"))
    with pytest.raises(SourceError, match="no encoding 'utf-99'"):
        records(path, Dialect(encoding="utf-99"))
    marked = put(tmp_path, "a,b\n1,2\n".encode("utf-16"), "b.csv")
    with pytest.raises(SourceError, match="utf-16"):
        records(marked, Dialect(encoding="utf-8"))


def test_letters_that_an_encoding_lacks_are_told_even_in_the_header(tmp_path):
    path = put(tmp_path, "größe,b\n1,2\n".encode())
    with pytest.raises(SourceError, match=r"is not ascii \(plain English letters alone\): byte 0xc3"):
        records(path, Dialect(encoding="ascii"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"SQLite format 3\x00\x10\x00", "a SQLite database; read it with cj.sources.SQL"),
        ("a.csv", b"\x01\x02\x03\x04\x05\x06\x07\x08DUCK@", "a DuckDB database; read it with cj.sources.SQL"),
        ("a.txt", b"<?xml version='1.0'?>\n<!-- a -->\n<log x='1'>", "an XES log; read it with cj.sources"),
        ("a.csv", b"\xef\xbb\xbf<?xml version='1.0'?><ocel>", "read it with cj.sources.OCEL"),
        ("a.csv", b"<?xml version='1.0'?><log><global scope='ocel'/>", "read it with cj.sources.OCEL"),
        ("a.csv", b"<!DOCTYPE html><html><body>Sign in</body>", "a web page"),
        ("a.csv", b'<?xml version="1.0"?><rows/>', "XML, which no table is"),
        ("a.csv", b"%PDF-1.7 x", "a PDF document"),
        ("~$sales.csv", b"\x03Ann" + b"\x00" * 160, "lays beside a file that is open; leave it out"),
        (".~lock.sales.csv#", b",ann,host,22.11.2026;", "lays beside a file that is open"),
    ],
)  # fmt: skip
def test_what_is_no_table_says_what_it_is(tmp_path, name, content, said):
    with pytest.raises(SourceError, match=said):
        records(put(tmp_path, content, name))


def test_a_damaged_gzip_file_is_a_source_error(tmp_path):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    with pytest.raises(SourceError, match=r"can't be read|damaged"):
        records(put(tmp_path, whole[: len(whole) // 2]))


def test_a_mark_within_files_put_together_is_no_part_of_a_value(tmp_path):
    _, rows = records(put(tmp_path, b"a,b\n1,2\n\xef\xbb\xbf3,4\n"))
    assert [row[1] for row in rows] == ["1,2", "3,4"]


@pytest.mark.parametrize("spoilt", ["x" * 200_000, '"' + "x" * 200_000, ";" * 5_000])
def test_a_huge_field_hides_no_delimiter(tmp_path, spoilt):
    found, _ = records(put(tmp_path, f"id|name\n1|{spoilt}\n2|b\n3|c\n".encode()))
    assert found.header == ("id", "name")


def test_foreign_bytes_spoil_their_records_and_not_the_words_of_others(tmp_path):
    fine = "\n".join(f"{i},Köln" for i in range(4))
    _, rows = records(put(tmp_path, f"a,b\n{fine}\n".encode() + "8,Jörg Müller Straße\n".encode("latin-1")))
    assert [row[1] for row in rows[:4]] == fine.split("\n")
    assert [row[2] for row in rows] == [None, None, None, None, NOT_UTF8]


def test_foreign_bytes_in_json_spoil_no_other_record(tmp_path):
    lines = [b'{"a": "\xfc"}', b'{"a": 1}', b'{"a": 2}']
    found = Records(
        put(tmp_path, b"\n".join(lines) + '\n\ufeff{"a": "K\u00f6"}\n'.encode(), "a.jsonl"),
        Dialect(),
        lines=True,
    )
    rows = [row for batch in found.reader() for row in batch.to_pylist()]
    assert [row["text"] for row in rows[1:]] == ['{"a": 1}', '{"a": 2}', '{"a": "Kö"}']
    assert [row["broken"] for row in rows] == [NOT_UTF8, None, None, None]


def test_json_lines_are_lines_though_most_of_the_first_are_spoilt(tmp_path):
    lines = ['{"a": "x', '{"a": [1}', '{"a": 1}', '{"a": "', '{"b": 2}']
    path = put(tmp_path, "\n".join(lines).encode(), "a.jsonl")
    found = Records(path, Dialect(), lines=True)
    assert [text for batch in found.reader() for text in batch.column("text").to_pylist()] == lines


def test_json_lines_are_lines_though_the_first_is_longer_than_the_sample(tmp_path):
    lines = ['{"a": "' + "x" * SAMPLE_BYTES + '"}', "17", '{"a": "x', '{"a": 1}', '{"a": 2}']
    found = Records(put(tmp_path, "\n".join(lines).encode(), "a.jsonl"), Dialect(), lines=True)
    assert [text for batch in found.reader() for text in batch.column("text").to_pylist()] == lines


def test_few_records_in_a_page_are_no_lines(tmp_path):
    path = put(tmp_path, b'{"paging": {"next": 1}, "results": [{"a": 1},\n{"a": 2},\n{"a": 3}]}\n', "a.json")
    found = Records(path, Dialect(), lines=True, wrapped=("results",))
    texts = [text for batch in found.reader() for text in batch.column("text").to_pylist()]
    assert texts == ['{"a": 1}', '{"a": 2}', '{"a": 3}']


def test_a_stray_quote_swallows_no_object_after_its_own(tmp_path):
    good = "".join(f'{{"a": {i}}}' for i in range(5))
    path = put(tmp_path, ('{"a": "x}' + good).encode(), "a.json")
    found = Records(path, Dialect(), lines=True)
    texts = [text for batch in found.reader() for text in batch.column("text").to_pylist()]
    assert texts == ['{"a": "x}', *(f'{{"a": {i}}}' for i in range(5))]


def test_arrays_a_line_end_with_their_line(tmp_path):
    path = put(tmp_path, b'[{"a": 1}, {"a": 2}]\n[{"a": "x}]\n[{"a": 3}]\n[{"a": 4}]\n', "a.jsonl")
    found = Records(path, Dialect(), lines=True)
    texts = [text for batch in found.reader() for text in batch.column("text").to_pylist()]
    assert texts == ['{"a": 1}', '{"a": 2}', '[{"a": "x}]', '{"a": 3}', '{"a": 4}']


def tills(folder: Path, *names: str) -> None:
    """Write 1,000 sales under each name, which say where they stand."""
    for name in names:
        sales = {
            "who": ["a", "b"] * 500,
            "when": ["2026-01-01"] * 1_000,
            "what": [f"{name} {i}" for i in range(1, 1_001)],
        }
        pq.write_table(pa.table(sales), folder / name)


def test_a_damaged_parquet_file_is_told_by_its_name(tmp_path):
    import cjmining as cj

    tills(tmp_path, "one.parquet", "other.parquet", "third.parquet")
    data = bytearray((tmp_path / "other.parquet").read_bytes())
    data[100:2_000] = bytes(1_900)  # pages of values; the footer is as it was
    (tmp_path / "other.parquet").write_bytes(data)
    source = cj.sources.Table(tmp_path, name="t", customer="who", timestamp="when", touchpoint="what")
    with pytest.raises(SourceError, match=r"'t', other\.parquet can't be read"):
        cj.ingest(source)


def test_parquet_files_that_are_read_together_keep_their_names_and_numbers(tmp_path):
    import cjmining as cj

    tills(tmp_path, "a.parquet", "b.parquet", "d.parquet")
    wider = pq.read_table(tmp_path / "b.parquet").append_column("till", pa.array([7] * 1_000))
    pq.write_table(wider, tmp_path / "c.parquet")
    spoilt = pq.read_table(tmp_path / "d.parquet").to_pandas()
    spoilt.loc[[0, 999], "when"] = "never"
    pq.write_table(pa.Table.from_pandas(spoilt, preserve_index=False), tmp_path / "d.parquet")
    source = cj.sources.Table(tmp_path, name="t", customer="who", timestamp="when", touchpoint="what")
    log = cj.ingest(source)
    read = log.ledger.query("what == 'records' and fate == 'used'").set_index("file")["count"]
    assert read.to_dict() == {"a.parquet": 1_000, "b.parquet": 1_000, "c.parquet": 1_000, "d.parquet": 998}
    assert log.quarantine[["file", "record"]].values.tolist() == [["d.parquet", 1], ["d.parquet", 1_000]]
    sold = log.events["touchpoint"].value_counts()
    assert sold["a.parquet 1"] == 1
    assert sold["b.parquet 1"] == 2
    assert "d.parquet 1" not in sold


def test_no_value_passes_for_two_identifiers(tmp_path):
    import cjmining as cj

    path = put(tmp_path, b"who,mail,when\n7,a@example.com\x1euser_id:8,2026-01-01\n8,,2026-01-02\n")
    source = cj.sources.Table(
        path, name="t", customer={"who": "user_id", "mail": "email"}, timestamp="when", touchpoint="seen"
    )
    assert cj.ingest(source).n_customers == 2


def test_parquet_in_an_archive_is_read(tmp_path):
    import cjmining as cj

    pq.write_table(pa.table({"who": ["a"], "when": ["2026-01-01"], "what": ["x"]}), tmp_path / "till.parquet")
    with zipfile.ZipFile(tmp_path / "till.zip", "w") as archive:
        archive.write(tmp_path / "till.parquet", "2026/till.parquet")
    source = cj.sources.Table(
        tmp_path / "till.zip", name="t", customer="who", timestamp="when", touchpoint="what"
    )
    assert cj.ingest(source).n_events == 1


pieces = st.sampled_from(
    [
        '"',
        '""',
        ",",
        "a",
        "é",
        " ",
        "\n",
        "\r\n",
        "\r",
        '"a"',
        'a"b',
        '"a,b"',
        '"a\nb"',
        ",x\n",
        "\u00a0",
        "\x00",
        '" a "',
    ]
)


@given(st.lists(pieces, max_size=30), st.sampled_from([12, 40, 8 << 20]), st.sampled_from(['"', "", "'"]))
def test_clean_blocks_parsed_at_once_give_what_is_read_with_care(tmp_path_factory, found, block, quote):
    """Whatever the text and wherever blocks end: the same records, and for those parsed the same fields."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    text = "one,two,three\n1,2,3\n" + "".join(found)
    path.write_bytes(text.encode())
    dialect = Dialect("utf-8", ",", quote)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK_BYTES", block)
        careful = [
            (number, text.rstrip("\r\n"), broken) for number, text, broken in records(path, dialect)[1]
        ]
        reader, rows = Records(path, dialect), []
        for batch in reader.reader([0, 2]):
            rows += batch.to_pylist()
    assert [(row["record"], row["text"].rstrip("\r\n"), row["broken"]) for row in rows] == careful
    assert reader.count == len(careful)
    for row in rows:
        if row["parsed"]:
            whole = reader._split(row["text"].rstrip("\r\n"))
            assert whole is not None
            first, _, third = whole
            assert (row["c0"] or "", row["c1"] or "") == (first.strip(BLANKS), third.strip(BLANKS))
    if not found:
        assert all(row["parsed"] for row in rows)


BLANKS = " \u00a0"

fields = st.text(st.sampled_from("ab ,;\"\n'é"), max_size=6)


@given(
    st.integers(2, 4).flatmap(
        lambda n: st.lists(st.lists(fields, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([",", ";"]),
)
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, rows, quoting, delimiter):
    """Reference: Python's own writer. Rows of nothing but blanks would be blank lines, so each has an id."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting, delimiter=delimiter, lineterminator="\n")
    header = [f"column {i}" for i in range(len(rows[0]) + 1)]
    writer.writerow(header)
    for i, row in enumerate(rows):
        writer.writerow([f"r{i}", *row])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(out.getvalue(), newline="")
    found, read = records(path, Dialect(delimiter=delimiter))
    assert found.header == tuple(header)
    assert [broken for _, _, broken in read] == [None] * len(rows)
    parsed = [next(csv.reader(io.StringIO(text), delimiter=delimiter)) for _, text, _ in read]
    assert parsed == [[f"r{i}", *row] for i, row in enumerate(rows)]


def test_a_line_that_tells_excel_the_separator_is_no_header(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\r\nwho;what\r\nann;1,5\r\n")
    records = Records(tmp_path / "a.csv", Dialect())
    assert records.header == ("who", "what")
    assert [text for batch in records.reader() for text in batch.column("text").to_pylist()] == ["ann;1,5"]
