"""A journey of Salesforce Journey Builder, read from its specification (JSON) as an intended map.

The specification says what the company sends and when, by rules over its data; a map says what customers and
company do. Each activity therefore becomes a touchpoint (a message), a rule of the map (a wait, a split) or a
remark. The format: Salesforce, "Get Started with the Journey Specification" and the pages on its activities,
developer.salesforce.com/docs/marketing/marketing-cloud/guide/getting-started-spec.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cjmining.documents import Document, Steps, decode, read_content
from cjmining.errors import MapError, nearest
from cjmining.intended.reader import map_of
from cjmining.intended.writing import Names, duration_text, to_yaml

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap

PATIENCE: Final = timedelta(days=14)
"""The patience where the waits of the journey don't ask for more."""
GRACE: Final = timedelta(days=1)
"""How much later than the journey waits the next message may come: sends wait for their hour."""
GOAL: Final = "goal_reached"
"""The touchpoint that stands for a goal where the journey names none."""


def read_journey_builder(source: str | Path) -> IntendedMap:
    """Read a journey specification of Salesforce Journey Builder as an intended map.

    Parameters
    ----------
    source : str or Path
        The JSON that ``GET /interaction/v1/interactions/{id}`` answers, of one journey.

    Returns
    -------
    IntendedMap
        Its `text` is YAML to go on with, its `remarks` say what the map can't express and what had to be
        assumed. See `docs/map-journey-builder.md` for the rules.

    Raises
    ------
    MapError
        If the file is no journey specification, or its activities don't go together.
    """
    path = Path(source)
    content = read_content(source, error=MapError, what="a JSON file", suffixes=(".json",))
    journey = _Journey(_specification(content, str(path)), str(path))
    drawing = _Drawing(journey)
    data = drawing.data()
    text = to_yaml(data, head=_head(journey, drawing.remarks), comments=drawing.comments)
    told = [f"{path.name}: {remark}" for remark in drawing.remarks]
    return map_of(Document(data, str(path), text, {}), told)


def _head(journey: _Journey, remarks: list[str]) -> list[str]:
    version = journey.data.get("version")
    what = f", version {version}" if isinstance(version, int | str) else ""
    return [
        f"Drawn from the Journey Builder journey '{journey.name}'{what}.",
        "Behind each touchpoint stands the activity that it comes from.",
        "What the map can't express, and what had to be assumed:",
        *(f"  {line}" for remark in remarks for line in remark.split("\n")),
    ]


# The specification ---------------------------------------------------------------------------------------


def _specification(content: bytes, path: str) -> dict[str, Any]:
    try:
        data = json.loads(decode(content, path, MapError))
    except json.JSONDecodeError as problem:
        raise MapError(f"{path}, line {problem.lineno}: this is not JSON: {problem.msg.lower()}") from None
    except RecursionError:
        raise MapError(f"{path} is nested too deeply to be read") from None
    if isinstance(data, dict) and isinstance(data.get("items"), list):
        found = [item for item in data["items"] if isinstance(item, dict)]
        if len(found) != 1:
            raise MapError(f"{path} holds {len(found)} journeys; export the one to be read by its id")
        data = found[0]
    if not isinstance(data, dict) or not isinstance(data.get("activities"), list):
        raise MapError(
            f"{path} is no journey specification: it has no list of 'activities'. Export the journey with "
            "GET /interaction/v1/interactions/{id}"
        )
    return data


@dataclass(frozen=True)
class _Activity:
    """An activity, and the activities that its outcomes lead to (None: the contact leaves the journey)."""

    key: str
    type: str
    name: str
    settings: Mapping[str, Any]
    category: str
    next: tuple[str | None, ...]

    def __str__(self) -> str:
        return f"activity {self.key}" + (f" ('{self.name}')" if self.name != self.key else "")


class _Journey:
    """A journey's activities by their keys, and where it begins."""

    def __init__(self, data: dict[str, Any], path: str) -> None:
        self.data = data
        self.name = _text(data.get("name")) or _text(data.get("key")) or Path(path).stem
        self.activities: dict[str, _Activity] = {}
        for number, raw in enumerate(data["activities"]):
            activity = _activity(raw, number, path)
            if activity.key in self.activities:
                raise MapError(f"{path}: two activities have the key '{activity.key}'")
            self.activities[activity.key] = activity
        if not self.activities:
            raise MapError(f"{path}: the journey has no activities, so there is nothing to draw")
        for activity in self.activities.values():
            for target in activity.next:
                if target is not None and target not in self.activities:
                    hint = nearest(target, self.activities)
                    raise MapError(f"{path}: {activity} leads to '{target}', which does not exist{hint}")
        self.start = self._start(path)

    def _start(self, path: str) -> str:
        """Return the first activity: the trigger's, else the first that no other leads to."""
        stated = [
            target
            for trigger in _dicts(self.data.get("triggers"))
            for target in _targets(trigger)
            if target in self.activities
        ]
        led_to = {target for activity in self.activities.values() for target in activity.next}
        free = [key for key in self.activities if key not in led_to]
        if not stated and not free:
            raise MapError(f"{path}: every activity follows another, so the journey has no beginning")
        return (stated or free)[0]

    def reached(self) -> list[str]:
        """Return the activities that the journey reaches, depth first in written order."""
        found: dict[str, None] = {}
        waiting = [self.start]
        while waiting:
            key = waiting.pop()
            if key not in found:
                found[key] = None
                waiting.extend(target for target in reversed(self.activities[key].next) if target is not None)
        return list(found)


def _activity(raw: object, number: int, path: str) -> _Activity:
    if not isinstance(raw, dict) or not _text(raw.get("key")) or not _text(raw.get("type")):
        raise MapError(f"{path}: activity {number + 1} needs a 'key' and a 'type'")
    key, settings, meta = _text(raw["key"]), raw.get("configurationArguments"), raw.get("metaData")
    return _Activity(
        key=key,
        type=re.sub(r"[^A-Z0-9]", "", _text(raw["type"]).upper()),
        name=_text(raw.get("name")) or key,
        settings=settings if isinstance(settings, dict) else {},
        category=_text(meta.get("category")).lower() if isinstance(meta, dict) else "",
        next=tuple(_targets(raw)),
    )


def _targets(raw: Mapping[str, Any]) -> Iterator[str | None]:
    """Yield where the outcomes of an activity lead, each once; without any the contact leaves."""
    targets = [_text(outcome.get("next")) or None for outcome in _dicts(raw.get("outcomes"))]
    yield from dict.fromkeys(targets)


def _dicts(values: object) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(value: object) -> str:
    return (
        " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    )


# What kinds of activities there are ----------------------------------------------------------------------

_CHANNELS = {
    "EMAIL": "email", "EMAILV2": "email", "SMS": "sms", "SMSSYNC": "sms", "MOBILEPUSH": "app", "PUSH": "app",
    "PUSHNOTIFICATIONACTIVITY": "app", "INBOX": "app", "INAPP": "app", "INAPPSYNCACTIVITY": "app",
    "WHATSAPP": "chat", "WHATSAPPACTIVITY": "chat", "LINE": "chat", "LINEMESSAGE": "chat",
}  # fmt: skip
_ENGAGED = {2: "opened", 3: "clicked"}
"""What an engagement split asks of a message, by its statsTypeId; 6 is bounced, which no customer does."""
_BOUNCED: Final = 6
_UNITS = {
    "MINUTE": timedelta(minutes=1), "HOUR": timedelta(hours=1), "DAY": timedelta(days=1),
    "WEEK": timedelta(weeks=1), "MONTH": timedelta(days=30),
}  # fmt: skip


def _is_message(activity: _Activity) -> bool:
    return activity.type in _CHANNELS or activity.category == "message"


def _is_wait(activity: _Activity) -> bool:
    return "WAIT" in activity.type


def _is_engagement(activity: _Activity) -> bool:
    return "ENGAGEMENT" in activity.type and _is_split(activity)


def _is_split(activity: _Activity) -> bool:
    return any(word in activity.type for word in ("SPLIT", "DECISION")) or activity.type == "ABNTEST"


def _wait(activity: _Activity) -> timedelta | None:
    """Return how long a wait lasts; None where that depends on dates, attributes or events."""
    if activity.type == "STOWAIT":
        params = activity.settings.get("params")
        hours = _number(params.get("slidingWindowHours")) if isinstance(params, dict) else None
        return timedelta(hours=hours) if hours else None
    number = _number(activity.settings.get("waitDuration"))
    unit = _UNITS.get(_text(activity.settings.get("waitUnit")).upper().removesuffix("S"))
    return number * unit if number and unit else None


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 <= number < 1_000_000 else None


# The map -------------------------------------------------------------------------------------------------


@dataclass
class _Stage:
    """A stage to be: its messages, and how the next ones follow."""

    name: str
    messages: list[_Activity]
    is_choice: bool = False
    optional: bool = False
    next: list[int] = field(default_factory=list)
    returns_to: list[int] = field(default_factory=list)
    within: timedelta | None = None


class _Drawing:
    """The map that a journey becomes, and what is to be said of it."""

    def __init__(self, journey: _Journey) -> None:
        self.journey = journey
        self.remarks: list[str] = []
        self.comments: dict[Steps, str] = {}
        self._names = Names()
        self._told: set[str] = set()
        self._engaged = self._engagements()
        self._choices = self._find_choices()

    def data(self) -> dict[str, Any]:
        """Return the values of the map's file."""
        stages, longest = self._stages()
        sends = {message.key: self._names.of(f"{_snake(message.name)}_sent", "_sent") for stage in stages
                 for message in stage.messages}  # fmt: skip
        entry, goals, exits = self._entry(), self._goals(), self._exits()
        stage_names = Names(" ")
        titles = [stage_names.of(stage.name) for stage in stages]
        goal_title = stage_names.of("Goal")
        data: dict[str, Any] = {"map": self.journey.name, "goal": goals}
        if exits:
            data["exits"] = exits
        data["patience"] = duration_text(self._patience(longest))
        if longest > timedelta(days=30):
            data["horizon"] = data["patience"]
        data |= self._reentry()
        drawn = [
            self._stage_form(stage, number, titles, goal_title, sends, entry)
            for number, stage in enumerate(stages)
        ]
        goal_form: dict[str, Any] = {"stage": goal_title}
        if len(goals) > 1:
            goal_form["order"] = "choice"
        goal_form["touchpoints"] = [{"touchpoint": goal} for goal in goals]
        data["stages"] = [*drawn, goal_form]
        self._account()
        return data

    # Stages and how they follow --------------------------------------------------------------------------

    def _stages(self) -> tuple[list[_Stage], timedelta]:
        """Return the entry and the messages as stages in the order of the journey, and its longest waits."""
        order = [key for key in self.journey.reached() if _is_message(self.journey.activities[key])]
        home = {key: key for key in order} | {
            key: choice[0] for choice in self._choices.values() for key in choice
        }
        members = [key for key in order if home[key] == key]
        ways = {"": self._following(self.journey.start)}
        for head in members:
            inside = [key for key in order if home[key] == head]
            ways[head] = self._after(inside)
        ranked = _in_order({head: [home[key] for key in way] for head, way in ways.items()})
        numbers = {head: number for number, head in enumerate(ranked)}
        stages = [self._stage(head, [key for key in order if home[key] == head]) for head in ranked]
        for head in ranked:
            stage = stages[numbers[head]]
            targets = list(dict.fromkeys(numbers[home[key]] for key in ways[head]))
            stage.next = [number for number in targets if number > numbers[head]]
            stage.returns_to = [number for number in targets if number <= numbers[head]]
            waits = [wait for wait in ways[head].values() if wait]
            if waits and None not in ways[head].values():
                stage.within = max(waits) + GRACE
        return stages, _longest(stages, {head: ways[head] for head in ranked}, numbers, home)

    def _stage(self, head: str, keys: list[str]) -> _Stage:
        messages = [self.journey.activities[key] for key in keys]
        split = next((split for split, choice in self._choices.items() if choice[0] == head), None)
        if not head or split is None:
            return _Stage(messages[0].name if messages else "Entry", messages)
        activity = self.journey.activities[split]
        name = activity.name if activity.name != split else " or ".join(one.name for one in messages)
        return _Stage(name, messages, True, None in self._joined(activity))

    def _after(self, keys: list[str]) -> dict[str, timedelta | None]:
        ways: dict[str, timedelta | None] = {}
        for key in keys:
            for target in self.journey.activities[key].next:
                if target is not None:
                    for message, wait in self._following(target).items():
                        ways[message] = _longer(ways[message], wait) if message in ways else wait
        return ways

    def _following(self, start: str) -> dict[str, timedelta | None]:
        """Return the first messages from an activity on, in written order, with the longest waits until them.

        None stands for a wait that depends on dates, attributes or events.
        """
        found: dict[str, dict[str, timedelta | None]] = {}
        for key in self._last_first(start):
            activity = self.journey.activities[key]
            if _is_message(activity):
                found[key] = {key: timedelta()}
                continue
            waits = _wait(activity) if _is_wait(activity) else timedelta()
            mine: dict[str, timedelta | None] = {}
            for target in activity.next:
                for message, later in found.get(target or "", {}).items():
                    wait = None if waits is None or later is None else waits + later
                    mine[message] = _longer(mine[message], wait) if message in mine else wait
            found[key] = mine
        return found[start]

    def _last_first(self, start: str) -> list[str]:
        """Return the activities from one on, up to messages, each behind those that it leads to."""
        order: list[str] = []
        seen: set[str] = set()
        waiting = [(start, False)]
        while waiting:
            key, is_done = waiting.pop()
            if is_done:
                order.append(key)
            elif key not in seen:
                seen.add(key)
                waiting.append((key, True))
                activity = self.journey.activities[key]
                onwards = () if _is_message(activity) else activity.next
                waiting.extend((target, False) for target in reversed(onwards) if target is not None)
        return order

    def _find_choices(self) -> dict[str, list[str]]:
        """Return the splits whose ways hold one message each, or none, and then join; with the messages."""
        led_to = [target for activity in self.journey.activities.values() for target in activity.next]
        found = {}
        for key in self.journey.reached():
            activity = self.journey.activities[key]
            if not _is_split(activity) or _is_engagement(activity):
                continue
            messages = [message for message in self._joined(activity) if message is not None]
            alone = all(led_to.count(one) == 1 and one not in self._engaged for one in messages)
            if len(set(messages)) > 1 and alone:
                found[key] = messages
        return found

    def _joined(self, split: _Activity) -> list[str | None]:
        """Return the message of each way of a split (None: it has none) if all join behind, else nothing."""
        firsts = [self._skip(target) for target in split.next]
        behind = {first: self._behind(first) for first in firsts if first is not None}
        for join in dict.fromkeys(behind.values()):
            if all(first == join or (first in behind and behind[first] == join) for first in firsts):
                return [None if first == join else first for first in firsts]
        return []

    def _behind(self, key: str) -> str | None:
        """Return what follows a message but for waits; a split, which has no one thing behind it, itself."""
        activity = self.journey.activities[key]
        if not _is_message(activity):
            return key
        return self._skip(activity.next[0]) if activity.next else None

    def _skip(self, key: str | None) -> str | None:
        """Return the next activity that is a message or a split."""
        seen: set[str] = set()
        while key is not None and key not in seen:
            activity = self.journey.activities[key]
            if _is_message(activity) or len(activity.next) > 1:
                return key
            seen.add(key)
            key = activity.next[0] if activity.next else None
        return None

    def _engagements(self) -> dict[str, list[str]]:
        """Return for each message what engagement splits ask of it: opened, clicked."""
        found: dict[str, list[str]] = {}
        for key in self.journey.reached():
            activity = self.journey.activities[key]
            if not _is_engagement(activity):
                continue
            message = _text(activity.settings.get("refActivityCustomerKey"))
            asked = _ENGAGED.get(int(_number(activity.settings.get("statsTypeId")) or 0))
            target = self.journey.activities.get(message)
            if target is None or not _is_message(target):
                self._remark(activity, f"it asks about '{message}', which is no message here: a branch only")
            elif asked is None:
                is_bounce = _number(activity.settings.get("statsTypeId")) == _BOUNCED
                what = "a bounce, which no customer does" if is_bounce else "something unknown of a message"
                self._remark(activity, f"it asks about {what}: a branch only")
            elif asked not in found.setdefault(message, []):
                found[message].append(asked)
        return found

    # The forms -------------------------------------------------------------------------------------------

    def _stage_form(
        self,
        stage: _Stage,
        number: int,
        titles: list[str],
        goal: str,
        sends: dict[str, str],
        entry: dict[str, Any],
    ) -> dict[str, Any]:
        form: dict[str, Any] = {"stage": titles[number]}
        if stage.is_choice:
            form["order"] = "choice"
        if stage.optional:
            form["optional"] = True
        touchpoints = [entry] if not stage.messages else []
        for message in stage.messages:
            self.comments["stages", number, "touchpoints", len(touchpoints)] = message.key
            touchpoints += self._touchpoints(message, sends[message.key])
        form["touchpoints"] = touchpoints
        if stage.within is not None:
            form["within"] = duration_text(stage.within)
        # Reaching the goal at once would make every goal the first step of a journey of its own.
        reaches_goal = bool(stage.messages) or not stage.next
        form["next"] = [*(titles[target] for target in stage.next), *([goal] if reaches_goal else [])]
        if stage.returns_to:
            form["returns_to"] = [titles[target] for target in stage.returns_to]
        return form

    def _touchpoints(self, message: _Activity, sent: str) -> Iterator[dict[str, Any]]:
        channel = _CHANNELS.get(message.type)
        where = {"channels": [channel]} if channel else {}
        if not channel:
            self._remark(message, f"a message of the type {message.type}, whose channel is not known")
        yield {"touchpoint": sent, **where, "actor": "company"}
        for asked in self._engaged.get(message.key, []):
            name = self._names.of(f"{sent.removesuffix('_sent')}_{asked}")
            yield {"touchpoint": name, **where, "optional": True, "repeat": True, "actor": "customer"}

    def _entry(self) -> dict[str, Any]:
        triggers = _dicts(self.journey.data.get("triggers"))
        stated = _text(triggers[0].get("name")) if triggers else ""
        meta = triggers[0].get("metaData") if triggers else None
        key = _text(meta.get("eventDefinitionKey")) if isinstance(meta, dict) else ""
        said = "" if stated.upper() in {"", "TRIGGER"} else stated
        name = self._names.of(_snake(said) if said else "journey_entered")
        what = f" ({triggers[0].get('type')}{f', event {key}' if key else ''})" if triggers else ""
        self.remarks.append(
            f"the entry{what} is '{name}', which no system is taken to record; if one does, name it as the "
            "log does and take 'recorded: false' out"
        )
        if len(triggers) > 1:
            self.remarks.append(f"the journey has {len(triggers)} triggers; the first is drawn")
        return {"touchpoint": name, "recorded": False}

    def _goals(self) -> list[str]:
        found = []
        for number, goal in enumerate(_dicts(self.journey.data.get("goals"))):
            said = _said(goal)
            name = self._names.of(_snake(said) if said else GOAL)
            found.append(name)
            rule = _rule(goal)
            self.remarks.append(
                f"the goal {said or number + 1!r} is '{name}'; the log needs a touchpoint of that name where "
                f"its criteria hold{f' ({rule})' if rule else ''}"
            )
            meta = goal.get("metaData")
            if isinstance(meta, dict) and meta.get("isExitCriteria") is False:
                self.remarks.append(f"contacts go on after the goal '{name}'; the map ends there")
        if not found:
            found = [self._names.of(GOAL)]
            self.remarks.append(
                f"the journey has no goal: '{found[0]}' stands for it; put in the touchpoint that means "
                "success"
            )
        return found

    def _exits(self) -> list[dict[str, Any]]:
        found = []
        for number, exit_ in enumerate(_dicts(self.journey.data.get("exits")), 1):
            said, rule = _said(exit_), _rule(exit_)
            name = self._names.of(_snake(said) if said else f"exit_criteria_{number}")
            found.append({"touchpoint": name, "by": "customer"})
            self.remarks.append(
                f"the exit criteria {said or number!r} are the exit '{name}', taken to be the customer's; "
                f"the log needs a touchpoint of that name where they hold{f' ({rule})' if rule else ''}"
            )
        return found

    def _patience(self, longest: timedelta) -> timedelta:
        patience = max(PATIENCE, longest + GRACE) if longest else PATIENCE
        why = "longer than all its waits" if longest else "assumed"
        self.remarks.append(
            f"Journey Builder knows no patience: {duration_text(patience)} is {why}; put in the silence of "
            "the customer that counts as having left"
        )
        return patience

    def _reentry(self) -> dict[str, Any]:
        mode = _text(self.journey.data.get("entryMode"))
        if mode.lower() == "onceanddone":
            return {"new_journey_after": []}
        if mode.lower() == "multipleentries":
            self.remarks.append(
                "contacts may be in it several times at once; in the map a journey begins when the last has "
                "ended"
            )
        return {}

    # The account -----------------------------------------------------------------------------------------

    def _account(self) -> None:
        """Say what became of each activity that is neither a touchpoint nor a rule of the map."""
        reached = set(self.journey.reached())
        for key, activity in self.journey.activities.items():
            if key not in reached:
                self._remark(activity, "nothing leads there: left out")
            elif _is_message(activity):
                continue
            elif _is_wait(activity):
                self._account_for_wait(activity)
            elif _is_engagement(activity):
                continue
            elif _is_split(activity):
                how = "a choice" if key in self._choices else "branches ('next')"
                self._remark(activity, f"its ways are {how}; what decides between them is not in the map")
            else:
                self._remark(activity, f"{activity.type} is nothing that a customer meets: left out")

    def _account_for_wait(self, activity: _Activity) -> None:
        if _wait(activity) is None:
            self._remark(activity, "it waits for dates, attributes or events: no time is promised")
        elif _text(activity.settings.get("waitUnit")).upper().startswith("MONTH"):
            self._remark(activity, "a month is taken as 30 days")

    def _remark(self, activity: _Activity, what: str) -> None:
        if activity.key not in self._told:
            self._told.add(activity.key)
            self.remarks.append(f"{activity}: {what}")


def _in_order(ways: dict[str, list[str]]) -> list[str]:
    """Put stages before those they lead to, as far as no loop forbids; else as they come."""
    rest, order = list(ways), []
    while rest:
        led_to = {target for one in rest for target in ways[one] if target != one}
        first = next((one for one in rest if one not in led_to), rest[0])
        order.append(first)
        rest.remove(first)
    return order


def _longest(
    stages: list[_Stage],
    ways: Mapping[str, Mapping[str, timedelta | None]],
    numbers: Mapping[str, int],
    home: Mapping[str, str],
) -> timedelta:
    """Return the longest time that the journey waits from its entry to its last message, as far as known."""
    waited = [timedelta()] * len(stages)
    for head, way in ways.items():
        number = numbers[head]
        for key, wait in way.items():
            target = numbers[home[key]]
            if target > number:
                waited[target] = max(waited[target], waited[number] + (wait or timedelta()))
    return max(waited)


def _longer(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return None if one is None or other is None else max(one, other)


def _said(thing: Mapping[str, Any]) -> str:
    """Return the name of a goal or exit, unless it is only a word of the format."""
    name = _text(thing.get("name"))
    return "" if name.upper() in {"GOAL", "EXIT", "CONTACTEXIT", "EXITCRITERIA"} else name


def _rule(thing: Mapping[str, Any]) -> str:
    meta = thing.get("metaData")
    return _text(meta.get("criteriaDescription")) if isinstance(meta, dict) else ""


def _snake(name: str) -> str:
    """Return a name as touchpoints are called: small letters and digits, joined by underscores.

    Examples
    --------
    >>> _snake("Welcome E-Mail #2 (DE)")
    'welcome_e_mail_2_de'
    """
    return "_".join(re.findall(r"[^\W_]+", name.lower())) or "unnamed"
