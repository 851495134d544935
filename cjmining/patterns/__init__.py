"""A small language for patterns over the events of a journey: `cart -> {within 2d} order`.

A pattern takes some of a journey's events, in their order, and says how each follows the one before:

    pattern  = [ "not" ] , [ "^" ] , choice , [ "$" ] , [ "{" , "total" , duration , "}" ] ;
    choice   = sequence , { "|" , sequence } ;
    sequence = item , { arrow , item } ;
    arrow    = ( "->" | ">" ) , [ "{" , bound , { "," , bound } , "}" ] ;
    bound    = "within" , duration | "after" , duration | "without" , step ;
    item     = ( step | "(" , choice , ")" ) , { repeat } ;
    repeat   = "?" | "+" | "{" , [ "->" ] , number , [ "," , [ number ] ] , "}" ;
    step     = [ "!" ] , ( event | "(" , event , { "|" , event } , ")" ) ;
    event    = ( name , [ "@" , name ] | "@" , name ) , [ "{" , [ "not" ] , "failed" , "}" ] ;
    name     = word | quoted ;

* `a -> b`: b some time after a, with anything between. `a > b`: b directly after a.
* `-> {within 2d}`: at most 2 days after the event before, `{after 1h}`: at least 1 hour after it; the bounds
  themselves count, and 0s means the same time. `-> {without c}`: no c between the two.
* `(a > b | c)`: one of these. `a?`: or not at all. `a+`: once or several times in a row, `a{3}`, `a{2,}`,
  `a{2,5}`: so often in a row; `a{-> 3}`: so often, with anything between.
* `!a`: an event that is no a. `*`: any event; in a name, any text (`cart_*`).
* `a@web`: by that channel, `@web`: any event of it, `@unknown`: of none. `a{failed}`, `a{not failed}` (or not
  known to have).
* `^` and `$`: the match begins with the journey's first event, ends with its last. `{total 7d}`: from its
  first event to its last.
* A word has letters, digits and _ - . : / & % # (and *); other names stand in quotes, and mean just
  themselves there: `"Call (in)"@phone`. Durations are numbers with s, m (minutes), h, d or w.
* An arrow, with its bounds, belongs to the item after it: `a -> {within 1d} b? -> c` without b is `a -> c`.
  At the beginning, where an item is left out, the arrow after it goes too.
* `not` before all chooses the journeys that have no match (`JourneyLog.where` alone).
"""

from __future__ import annotations

from collections.abc import Collection

from cjmining.patterns.grammar import read_step
from cjmining.patterns.nodes import Step
from cjmining.patterns.pattern import Pattern, having, parse

__all__ = ["Pattern", "Step", "having", "parse", "parse_step"]


def parse_step(text: str, *, known: Collection[str] = ()) -> Step:
    """Read a single step.

    Parameters
    ----------
    text : str
        `touchpoint`, `touchpoint@channel`, `@channel`, `touchpoint{failed}`, `(a | b)`, `!a`, `cart_*` or
        `*`; names with other characters than letters, digits and _ - . : / & % # stand in quotes. A text
        of nothing but words and spaces needs none.
    known : collection of str
        Names that mean themselves as they stand, such as ``log.vocabulary("touchpoint")``.

    Returns
    -------
    Step
        ``step.of(log)`` says which events of a log it means.

    Raises
    ------
    LogError
        If the text can't be read: with the place, and what was expected.

    Examples
    --------
    >>> parse_step("ad_clicked@social").text
    'ad_clicked@social'
    """
    return read_step(text, known)
