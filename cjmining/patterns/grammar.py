"""Reading patterns: from text to steps, arrows, choices and repetitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, NoReturn

from cjmining.asked import LONGEST
from cjmining.documents import parse_duration
from cjmining.errors import LogError, nearest
from cjmining.patterns.nodes import (
    FOREVER,
    Arrow,
    Choice,
    Event,
    Name,
    Node,
    Repeat,
    Sequence,
    Step,
    pointed,
)

BOUNDS: Final = ("within", "after", "without")
LAST: Final = ("total", "failed")
MOST_TIMES: Final = 60

_TOKENS: Final = re.compile(
    r"""(?P<space>\s+)
    | (?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')
    | (?P<word>[\w/*](?:[\w.:/&%\#*]|-(?!>))*)
    | (?P<sign>->|[>(){}|!?+,@^$])""",
    re.VERBOSE,
)
_ARROWS: Final = re.compile(r"[→⟶⟹⇒⇨➔➙➛➜➝➞➡↦⮕]|(?:[\u2013\u2014\u2212-]+|=+)>")
"""What people and their word processors write for an arrow."""
_NEGATIVE: Final = re.compile(r"[\u2013\u2212-] ?[0-9]")
_NOTHING: Final = re.compile(r"0+(?:\.0+)? ?[smhdw]")


class Token(NamedTuple):
    """A word or sign of the text; `kind` is word, quoted, sign or end."""

    kind: str
    text: str
    at: int


class Read(NamedTuple):
    """A pattern as read."""

    negated: bool
    at_start: bool
    at_end: bool
    total: int
    node: Node
    items: tuple[str, ...]


def read_pattern(text: str) -> Read:
    """Read a whole pattern."""
    try:
        return _read(_Reader(text))
    except RecursionError:
        raise LogError("the pattern is nested too deeply to be read; leave out brackets") from None


def _read(reader: _Reader) -> Read:
    negated = reader.take_word("not")
    at_start = reader.take("^")
    node, items = reader.choice()
    at_end = reader.take("$")
    total = FOREVER
    if reader.take("{"):
        reader.expect_word("total", ("total",))
        total = reader.duration()
        reader.expect("}")
    if reader.now.kind != "end":
        reader.fail(f"expected an arrow (-> or >) or the end, found {reader.found()}{reader.hint()}")
    return Read(negated, at_start, at_end, total, node, items)


def read_step(text: str, known: Collection[str] = ()) -> Step:
    """Read a single step; a text that is a known name, or nothing but words and spaces, means itself."""
    plain = text.strip() if isinstance(text, str) else ""
    if plain in known or re.fullmatch(r"\w+(?:[ ]+\w+)+", plain):
        return Step(plain, (Event(Name(plain, exact=True)),), source=text)
    reader = _Reader(text)
    step = reader.events()
    if reader.now.kind != "end":
        reader.fail(f"expected the end of the step, found {reader.found()}; names with spaces need quotes")
    return step


def _tokens(text: str) -> list[Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise LogError(_message(text, at, _meaningless(text, at)))
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup or "", match[0], at))
        at = match.end()
    return [*tokens, Token("end", "", len(text))]


def _meaningless(text: str, at: int) -> str:
    """Say what is wrong with a character that begins nothing, and what may have been meant."""
    quoted = "names with such characters stand in quotes, as 'a b'"
    arrow = _ARROWS.match(text, at)
    if arrow is not None:
        return f"{arrow[0]!r} has no meaning here, did you mean '->'?"
    if _NEGATIVE.match(text, at):
        return "a time is never negative: write it without the minus"
    if text[at] in "\"'":
        return f"this quote is never closed; {quoted}"
    return f"{text[at]!r} has no meaning here; {quoted}"


def _message(text: str, at: int, what: str) -> str:
    return f"the pattern can't be read at character {at + 1}: {what}\n{pointed(text, at)}"


class _Reader:
    """Reads a text from left to right; each method reads one construct of the grammar."""

    def __init__(self, text: object) -> None:
        if not isinstance(text, str):
            raise LogError(f"a pattern is a text such as 'cart -> order', not {type(text).__name__}")
        self.source = text
        self.tokens = _tokens(text)
        self.place = 0

    # constructs -------------------------------------------------------------------------------------------

    def choice(self) -> tuple[Node, tuple[str, ...]]:
        """Read sequences with | between; return also the texts of the parts, where there is one sequence."""
        begin = self.now.at
        node, items = self.sequence()
        ways = [node]
        while self.take("|"):
            ways.append(self.sequence()[0])
        if len(ways) == 1:
            return node, items
        text = self.text_from(begin)
        steps = [way for way in ways if isinstance(way, Step) and not way.negated]
        if len(steps) == len(ways):
            events = tuple(event for step in steps for event in step.events)
            return Step(text, events, source=self.source), (text,)
        return Choice(tuple(ways)), (text,)

    def sequence(self) -> tuple[Node, tuple[str, ...]]:
        """Read items with arrows between."""
        parts, arrows, texts = [], [], []
        while True:
            begin = self.now.at
            part, inside = self.item()
            parts.append(part)
            texts.append(self.text_from(begin))
            if self.now.text not in {"->", ">"} or self.now.kind != "sign":
                break
            arrows.append(self.arrow())
        if len(parts) == 1:  # a sequence in brackets alone is that sequence
            return parts[0], inside if isinstance(parts[0], Sequence) else tuple(texts)
        return Sequence(tuple(parts), tuple(arrows)), tuple(texts)

    def arrow(self) -> Arrow:
        """Read an arrow with its bounds."""
        direct = self.next().text == ">"
        after, within, without = 0, FOREVER, None
        if self.take("{"):
            said: set[str] = set()
            while True:
                place = self.now
                word = self.expect_word("one of within, after, without", BOUNDS)
                if word in said:
                    self.fail(f"{word} is said twice", place)
                said.add(word)
                if word == "without":
                    if direct:
                        self.fail(
                            "nothing lies between steps that follow directly: write -> {without ...}", place
                        )
                    without = self.events()
                elif word == "within":
                    within = self.duration()
                else:
                    after = self.duration()
                if not self.take(","):
                    break
            if after > within:
                self.fail("nothing is both that late and that soon", place)
            self.expect("}")
        return Arrow(direct, after, within, without)

    def item(self) -> tuple[Node, tuple[str, ...]]:
        """Read a step or a bracket, with how often it may occur; return also the texts inside the bracket."""
        inside: tuple[str, ...] = ()
        if self.now == Token("sign", "(", self.now.at):
            opened = self.next()
            node, inside = self.choice()
            self.close(opened)
            if isinstance(node, Step) and self.now.text == "@":
                self.fail("a channel belongs to a single step: write (a@web | b@web)")
        else:
            node = self.events()
        return self.repeated(node), inside

    def repeated(self, node: Node) -> Node:
        """Read ?, + or {2,5}, several times if need be."""
        while True:
            if self.take("?"):
                node = Repeat(node, Arrow(direct=True), 0, 1)
            elif self.take("+"):
                node = Repeat(node, Arrow(direct=True), 1, None)
            elif self.now.text == "{" and self.ahead.text != "total":
                node = self.times(node)
            else:
                return node

    def times(self, node: Node) -> Repeat:
        """Read {3}, {2,}, {2,5} or, with anything between, {-> 3}."""
        self.expect("{")
        direct = not self.take("->")
        place = self.now
        least = self.number()
        most: int | None = least
        if self.take(","):
            most = None if self.now.text == "}" else self.number()
        self.expect("}")
        if most is not None and (most < least or not most):
            self.fail(f"at least {least} and at most {most} times is never", place)
        if max(least, most or 0) > MOST_TIMES:
            self.fail(f"at most {MOST_TIMES} times can be asked for", place)
        return Repeat(node, Arrow(direct=direct), least, most)

    def events(self) -> Step:
        """Read a single step: an event, one of several in brackets, or (!) none of them."""
        begin = self.now.at
        negated = self.take("!")
        if self.now.text == "(" and self.now.kind == "sign":
            opened = self.next()
            events = [self.event()]
            while self.take("|"):
                events.append(self.event())
            if self.now.text in {"->", ">"}:
                self.fail("a single event is expected here, not a sequence", opened)
            self.close(opened)
        else:
            events = [self.event()]
        return Step(self.text_from(begin), tuple(events), negated, source=self.source)

    def event(self) -> Event:
        """Read touchpoint, touchpoint@channel or @channel, and {failed}."""
        touchpoint = channel = None
        if self.now.text != "@" or self.now.kind != "sign":
            touchpoint = self.name("a step")
        if self.take("@"):
            channel = self.name("a channel")
        failed = None
        if self.now.text == "{" and self.ahead.text in {"failed", "not"}:
            self.expect("{")
            failed = not self.take_word("not")
            self.expect_word("failed", ("failed",))
            self.expect("}")
        return Event(_unless_any(touchpoint), _unless_any(channel), failed)

    def name(self, what: str) -> Name:
        """Read a name, in quotes or not."""
        token = self.now
        if token.kind == "quoted":
            quote = token.text[0]
            name = Name(token.text[1:-1].replace(quote * 2, quote), exact=True, at=token.at)
            if not name.text:
                self.fail("this name is empty")
        elif token.kind == "word":
            name = Name(token.text, at=token.at)
        else:
            self.fail(f"expected {what}, found {self.found()}")
        self.next()
        return name

    def duration(self) -> int:
        """Read a duration as microseconds; 0s means at the same time."""
        begin = self.now
        while self.now.kind != "end" and self.now.text not in {",", "}"}:
            self.next()
        text = self.text_from(begin.at)
        if _NOTHING.fullmatch(text):
            return 0
        try:
            duration = parse_duration(text)
        except ValueError as problem:
            self.fail(str(problem), begin)
        if duration > LONGEST:
            self.fail(f"a time is at most a hundred years, not {text}", begin)
        return round(duration.total_seconds() * 1_000_000)

    def number(self) -> int:
        """Read how many times."""
        if not self.now.text.isdecimal():
            hint = self.hint() if self.now.text in LAST else nearest(self.now.text, LAST) or self.hint()
            self.fail(f"expected how many times, as {{2}} or {{2,}}, found {self.found()}{hint}")
        return int(self.next().text)

    # the text ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.place]

    @property
    def ahead(self) -> Token:
        """The token after it."""
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)]

    def next(self) -> Token:
        """Read a token."""
        token = self.now
        self.place += 1
        return token

    def take(self, sign: str) -> bool:
        """Read this sign if it is next."""
        return self._take("sign", sign)

    def take_word(self, word: str) -> bool:
        """Read this word if it is next."""
        return self._take("word", word)

    def _take(self, kind: str, text: str) -> bool:
        taken = (self.now.kind, self.now.text) == (kind, text)
        self.place += taken
        return taken

    def expect(self, sign: str) -> None:
        """Read this sign."""
        if not self.take(sign):
            self.fail(f"expected {sign!r}, found {self.found()}")

    def expect_word(self, what: str, words: tuple[str, ...]) -> str:
        """Read one of these words."""
        if self.now.kind != "word" or self.now.text not in words:
            hint = nearest(self.now.text, words) or self.hint()
            self.fail(f"expected {what}, found {self.found()}{hint}")
        return self.next().text

    def close(self, opened: Token) -> None:
        """Read the bracket that closes an opened one."""
        if not self.take(")"):
            self.fail(
                f"expected an arrow, | or ) here, found {self.found()}; ( is at character {opened.at + 1}"
            )

    def text_from(self, begin: int) -> str:
        """Return what was read since then."""
        last = self.tokens[self.place - 1] if self.place else self.now
        return self.source[begin : last.at + len(last.text)]

    def found(self) -> str:
        """Name the token that is read next."""
        return repr(self.now.text) if self.now.text else "the end"

    def hint(self) -> str:
        """Say what was meant where something else than this language is written."""
        kind, text, _ = self.now
        hints: dict[str, Callable[[], bool]] = {
            "; zero or more times is {0,}": lambda: text == "*",
            "; bounds of time stand after the arrow, as a -> {within 2d} b": lambda: text in BOUNDS,
            "; the bound of the whole stands at the very end": lambda: text == "total",
            "; {failed} stands after a single step": lambda: text in {"failed", "not"},
            "; an arrow may be lacking, or quotes around a name with spaces": lambda: (
                kind in {"word", "quoted"}
            ),
        }
        return next((hint for hint, holds in hints.items() if holds()), "")

    def fail(self, what: str, token: Token | None = None) -> NoReturn:
        """Raise a LogError that points at a token."""
        raise LogError(_message(self.source, (token or self.now).at, what))


def _unless_any(name: Name | None) -> Name | None:
    """A lone * is anything."""
    return None if name is not None and name.text == "*" and not name.exact else name
