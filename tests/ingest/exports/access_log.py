"""Access logs in the common and the combined format, with and without the virtual host."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "-",
)
_REFERERS = ("-", "https://www.google.com/", "https://t.co/x", "https://shop.example/")


def write(folder: Path, rng: random.Random, records: int) -> None:
    form = rng.choice(("common", "combined", "vhost_combined"))
    users = [writing.token(rng, 8) for _ in range(max(1, records // 4))]
    lines = [_line(rng, rng.choice([*users, "-"]), form) for _ in range(records)]
    lines[0] = _page(rng, users[0], form)  # somebody, at least, looks at a page
    name = rng.choice(("access.log", "access.log.1", "shop-access.log", "other_vhosts_access.log"))
    writing.put(folder / name, "\n".join(lines) + "\n", rng)


def read(folder: Path) -> Source:
    return cj.sources.AccessLog(folder, parameters={"cid": "customer"}, site="shop.example")


def _page(rng: random.Random, user: str, form: str) -> str:
    when = f"{writing.moment(rng):%d/%b/%Y:%H:%M:%S} +0000"
    line = f'192.0.2.1 - {user} [{when}] "GET /{writing.token(rng, 5)} HTTP/1.1" 200 512'
    if form != "common":
        line += f' "-" "{_AGENTS[0]}"'
    return f"shop.example:443 {line}" if form == "vhost_combined" else line


def _line(rng: random.Random, user: str, form: str) -> str:
    when = f"{writing.moment(rng):%d/%b/%Y:%H:%M:%S} {rng.choice(('+0000', '+0100', '-0530'))}"
    path = rng.choice(
        ("/", f"/p/{writing.token(rng, 4)}", "/style.css", "/manual.pdf", f"/?cid={writing.token(rng, 5)}")
    )
    request = f"{rng.choice(('GET', 'GET', 'GET', 'POST', 'HEAD'))} {path} HTTP/1.1"
    status = rng.choice(("200", "200", "200", "301", "404", "500"))
    host, size = f"192.0.2.{rng.randrange(256)}", rng.choice(("-", rng.randrange(9999)))
    line = f'{host} - {user} [{when}] "{request}" {status} {size}'
    if form != "common":
        line += f' "{rng.choice(_REFERERS)}" "{rng.choice(_AGENTS)}"'
    return f"shop.example:443 {line}" if form == "vhost_combined" else line
