"""What a pattern means, in plain Python: every way to take events is tried, and the best one kept."""

from __future__ import annotations

from itertools import combinations

from cjmining.patterns.nodes import Arrow, Choice, Repeat, Sequence, Step

NO_ARROW = Arrow()


def first_match(pattern, journey, low=0):
    """Return the (event, state) pairs of the first match of a journey from event `low` on, or None.

    A journey is a list of (time, touchpoint, channel, failed). First is what ends first; of those, what
    begins first; of those, the earliest next event, then the state written first, and so on.
    """
    read = pattern._read
    found = [
        tuple(zip(events, [state for _, state, _ in word], strict=True))
        for word in words(read.node, 0, len(journey) - low)
        for events in combinations(range(low, len(journey)), len(word))
        if events and meets(read, word, events, journey)
    ]
    return min(found, key=lambda match: (match[-1][0], match), default=None)


def all_matches(pattern, journey):
    low, found = 0, []
    while (match := first_match(pattern, journey, low)) is not None:
        found.append(match)
        low = match[-1][0] + 1
    return found


def words(node, base, longest):
    """Yield every sequence of (step, state, arrow before it) that a node stands for, up to a length."""
    if isinstance(node, Step):
        yield ((node, base, NO_ARROW),)
    elif isinstance(node, Choice):
        for way in node.ways:
            yield from words(way, base, longest)
            base += size(way)
    elif isinstance(node, Sequence):
        known = [()]
        for number, part in enumerate(node.parts):
            arrow = node.arrows[number - 1] if number else NO_ARROW
            known = extended(known, words(part, base, longest), arrow, longest)
            base += size(part)
        yield from known
    else:
        yield from repeated(node, base, longest)


def repeated(node: Repeat, base, longest):
    """Yield the words of so many times the part; what goes on without a limit adds to them each time."""
    copies = node.most or max(node.least, 1)
    known = [()]
    for times in range((node.most or max(node.least, longest)) + 1):
        if times >= node.least:
            yield from known
        copy = base + min(times, copies - 1) * size(node.part)
        ways = [word for word in words(node.part, copy, longest) if word or times < node.least]
        known = extended(known, ways, node.arrow, longest)


def extended(known, ways, arrow, longest):
    """Put each of the ways after each known word; the arrow falls away where one of them is empty."""
    ways = list(ways)
    return list(
        dict.fromkeys(
            joined(word, way, arrow) for word in known for way in ways if len(word + way) <= longest
        )
    )


def joined(word, way, arrow):
    if word and way:
        (step, state, _), *rest = way
        return (*word, (step, state, arrow), *rest)
    return word + way


def size(node):
    """Count the places of a node that events can take."""
    if isinstance(node, Step):
        return 1
    if isinstance(node, Choice):
        return sum(map(size, node.ways))
    if isinstance(node, Sequence):
        return sum(map(size, node.parts))
    return size(node.part) * (node.most or max(node.least, 1))


def meets(read, word, events, journey):
    if read.at_start and events[0] != 0:
        return False
    if read.at_end and events[-1] != len(journey) - 1:
        return False
    if journey[events[-1]][0] - journey[events[0]][0] > read.total:
        return False
    if not all(is_step(step, journey[event]) for (step, _, _), event in zip(word, events, strict=True)):
        return False
    return all(
        follows(arrow, journey, before, event)
        for (_, _, arrow), before, event in zip(word[1:], events[:-1], events[1:], strict=True)
    )


def follows(arrow, journey, before, event):
    if arrow.direct and event != before + 1:
        return False
    if not arrow.after <= journey[event][0] - journey[before][0] <= arrow.within:
        return False
    return arrow.without is None or not any(
        is_step(arrow.without, journey[between]) for between in range(before + 1, event)
    )


def is_step(step, event):
    return step.negated != any(is_event(each, event) for each in step.events)


def is_event(wanted, event):
    _, touchpoint, channel, failed = event
    return (
        (wanted.touchpoint is None or wanted.touchpoint.text == touchpoint)
        and (wanted.channel is None or wanted.channel.text == (channel or "unknown"))
        and (wanted.failed is None or wanted.failed == (failed is True))
    )
