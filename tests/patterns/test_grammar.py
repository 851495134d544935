"""Patterns as text: what they are read as, and what is said of mistakes."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining import LogError
from cjmining.patterns import Pattern, parse, parse_step
from cjmining.patterns.grammar import read_pattern
from cjmining.patterns.nodes import FOREVER, Arrow, Choice, Event, Name, Repeat, Sequence, Step
from tests.examples import examples

HOUR, DAY = 3_600_000_000, 86_400_000_000


def name(text, *, exact=False):
    return Name(text, exact)


def step(text, *, channel=None, failed=None, written=None):
    event = Event(name(text), None if channel is None else name(channel), failed)
    return Step(written or text, (event,))


A, B, C = step("a"), step("b"), step("c")
IN_A_ROW, APART = Arrow(direct=True), Arrow()


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a", A),
        ("a -> b", Sequence((A, B), (APART,))),
        ("a->b", Sequence((A, B), (APART,))),
        ("a > b -> c", Sequence((A, B, C), (IN_A_ROW, APART))),
        ("a -> {within 2d} b", Sequence((A, B), (Arrow(within=2 * DAY),))),
        ("a -> {after 1h, within 2d} b", Sequence((A, B), (Arrow(after=HOUR, within=2 * DAY),))),
        ("a > {within 0s} b", Sequence((A, B), (Arrow(direct=True, within=0),))),
        ("a -> {without c} b", Sequence((A, B), (Arrow(without=C),))),
        ("(a | b)", Step("a | b", (*A.events, *B.events))),
        ("(a | b > c)", Choice((A, Sequence((B, C), (IN_A_ROW,))))),
        ("(a | !b)", Choice((A, Step("!b", B.events, negated=True)))),
        ("!(a | b)", Step("!(a | b)", (*A.events, *B.events), negated=True)),
        ("a?", Repeat(A, IN_A_ROW, 0, 1)),
        ("a+", Repeat(A, IN_A_ROW, 1, None)),
        ("a{3}", Repeat(A, IN_A_ROW, 3, 3)),
        ("a{2,}", Repeat(A, IN_A_ROW, 2, None)),
        ("a{2,5}", Repeat(A, IN_A_ROW, 2, 5)),
        ("a{-> 3}", Repeat(A, APART, 3, 3)),
        ("a{-> 2,}", Repeat(A, APART, 2, None)),
        ("(a -> b)+?", Repeat(Repeat(Sequence((A, B), (APART,)), IN_A_ROW, 1, None), IN_A_ROW, 0, 1)),
        ("a@web", step("a", channel="web", written="a@web")),
        ("@web", Step("@web", (Event(None, name("web")),))),
        ("*@web", Step("*@web", (Event(None, name("web")),))),
        ("*", Step("*", (Event(),))),
        ("a{failed}", step("a", failed=True, written="a{failed}")),
        ("a{not failed}{2}", Repeat(step("a", failed=False, written="a{not failed}"), IN_A_ROW, 2, 2)),
        ('"say ""hi"""', Step('"say ""hi"""', (Event(name('say "hi"', exact=True)),))),
        ("'Call (in)'@'x > y'", Step("'Call (in)'@'x > y'", (
            Event(name("Call (in)", exact=True), name("x > y", exact=True)),
        ))),
        ("/pay/a-b.html", step("/pay/a-b.html")),
        ("'*'", Step("'*'", (Event(name("*", exact=True)),))),
    ],
)  # fmt: skip
def test_what_a_text_is_read_as(text, node):
    assert read_pattern(text).node == node


def test_anchors_the_whole_and_not():
    read = parse("not ^ a -> b $ {total 7d}")._read
    assert (read.negated, read.at_start, read.at_end, read.total) == (True, True, True, 7 * DAY)
    plain = parse("a")._read
    assert (plain.negated, plain.at_start, plain.at_end, plain.total) == (False, False, False, FOREVER)


def test_a_pattern_shows_itself_and_is_a_value():
    pattern = parse("cart -> {within 2d} (order | call > order)? -> leave")
    assert repr(pattern) == "Pattern('cart -> {within 2d} (order | call > order)? -> leave')"
    assert str(pattern) == pattern.text
    assert pattern.steps == ("cart", "(order | call > order)?", "leave")
    assert pattern.optional == (False, True, False)
    assert pattern == parse(pattern.text)
    assert hash(pattern) == hash(parse(pattern.text))
    assert parse("(cart -> order){total 7d}").steps == parse("((cart -> order))").steps == ("cart", "order")
    assert parse(pattern) is pattern
    assert parse(pattern, allow_unknown=True) == parse(pattern.text, allow_unknown=True) != pattern
    with pytest.raises(dataclasses.FrozenInstanceError):
        pattern.text = "other"
    assert isinstance(pattern, Pattern)


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 1, "expected a step, found the end"),
        ("cart ->", 8, "expected a step, found the end"),
        ("cart -> } order", 9, "expected a step, found '}'"),
        ("cart order", 6, "expected an arrow (-> or >) or the end, found 'order'; an arrow may be lacking"),
        ("cart -> {witin 2d} order", 10, "found 'witin', did you mean 'within'?"),
        ("cart {within 2d} -> order", 7, "bounds of time stand after the arrow"),
        ("cart -> {within 2 days} order", 17, "expected a duration such as 14d"),
        ("cart -> {within} order", 16, "expected a duration such as 14d"),
        ("cart -> {within 2d, within 3d} order", 21, "within is said twice"),
        ("cart -> {after 2d, within 1d} order", 20, "nothing is both that late and that soon"),
        ("cart > {without call} order", 9, "nothing lies between steps that follow directly"),
        ("(cart -> order", 15, "( is at character 1"),
        ("cart)", 5, "expected an arrow (-> or >) or the end, found ')'"),
        ("(cart | order)@web", 15, "a channel belongs to a single step"),
        ("!(cart -> order)", 2, "a single event is expected here, not a sequence"),
        ("cart -> {without (a > b)} order", 18, "a single event is expected here, not a sequence"),
        ("(a)*", 4, "zero or more times is {0,}"),
        ("a{3,2}", 3, "at least 3 and at most 2 times is never"),
        ("a{0}", 3, "at least 0 and at most 0 times is never"),
        ("a{100}", 3, "at most 60 times"),
        ("a{x}", 3, "expected how many times"),
        ("a → b", 3, "'→' has no meaning here, did you mean '->'?"),
        ("a —> b", 3, "'—>' has no meaning here, did you mean '->'?"),
        ("a => b", 3, "'=>' has no meaning here, did you mean '->'?"),
        ("a -> {within -2d} b", 14, "a time is never negative"),
        ("a -> {within 999999999d} b", 14, "at most a hundred years, not 999999999d"),
        ("a -> {WITHIN 2d} b", 7, "did you mean 'within'?"),
        ("a {totl 3d}", 4, "expected how many times, as {2} or {2,}, found 'totl', did you mean 'total'?"),
        ("a {total 3d} -> b", 14, "expected an arrow (-> or >) or the end"),
        ("(a | b){failed}", 9, "{failed} stands after a single step"),
        ("a@", 3, "expected a channel, found the end"),
        ("a -> 'b", 6, "this quote is never closed"),
        ("a -> ''", 6, "this name is empty"),
        ("a ~ b", 3, "'~' has no meaning here"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, at, words):
    with pytest.raises(LogError) as told:
        parse(text)
    first, line, caret = str(told.value).split("\n")
    assert first.startswith(f"the pattern can't be read at character {at}: ")
    assert words in first
    assert line == f"  {text}"
    assert caret == " " * (at + 1) + "^"


def test_a_mistake_in_a_text_of_several_lines_shows_its_line():
    with pytest.raises(LogError) as told:
        parse("cart\n  -> {withn 2d} order\n  -> call")
    first, *shown = str(told.value).split("\n")
    assert first.startswith("the pattern can't be read at character 12: ")
    assert first.endswith("did you mean 'within'?")
    assert shown == ["    -> {withn 2d} order", "        ^"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, "a pattern is a text such as 'cart -> order', not int"),
        ("a?", "'a?' is met by no event at all"),
        ("a? -> (b | c?)", "is met by no event at all"),
        ("((a{60}){60}){60}", "more than 62 steps"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deeply"),
    ],
)
def test_what_cannot_be_a_pattern(given, words):
    with pytest.raises(LogError) as told:
        parse(given)
    assert words in str(told.value)


@examples(400)
@given(
    st.lists(
        st.sampled_from([
            *"ab()|!?+,@^$*'{}", " ", "->", ">", "{within 2d}", "{without b}", "{2,}", "{-> 3}", "{failed}",
            "not", "total", "1d", '"a b"', "é", "a-", "~", "=",
        ]),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_is_written_is_a_pattern_or_a_mistake_that_is_told(parts):
    text, mistakes = "".join(parts), []
    for read in (parse, parse_step):
        try:
            read(text)
        except LogError as problem:
            mistakes.append(str(problem))
    assert all("can't be read" in told or "met by no event" in told for told in mistakes)


def test_a_step_by_itself():
    assert parse_step("a@web") == step("a", channel="web", written="a@web")
    assert parse_step("(a | b)") == Step("(a | b)", (*A.events, *B.events))
    assert parse_step("Add to cart").events == (Event(name("Add to cart", exact=True)),)
    odd = "Call (in) -> out"
    assert parse_step(odd, known=[odd]).events == (Event(name(odd, exact=True)),)
    with pytest.raises(LogError, match="expected the end of the step, found '->'; names with spaces"):
        parse_step("a -> b")
    with pytest.raises(LogError, match="not NoneType"):
        parse_step(None)
