"""Keys and passwords, kept out of what is shown, logged and kept.

Servers repeat what they were sent: a refused key comes back in the refusal. So every text of an
error goes through `redacted` before anybody sees it.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "***"
SHORTEST = 8
"""Characters of a secret: shorter ones would be found in ordinary words."""

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
"""What is in the name of an environment variable, or of a part of a URL's query, with a secret."""


def redacted(text: str) -> str:
    """Return the text with `***` for every secret of the environment.

    Secrets are the values of variables with KEY, TOKEN, SECRET or PASSWORD in their names, each
    token of BRAID_TOKEN, and in every URL the password and what its query names so; as they are,
    and as URLs and headers write them.
    """
    for secret in sorted(set(_secrets()), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def redact(error: BaseException) -> None:
    """Take the secrets out of an exception, and out of those that it came from or consists of.

    Whoever raises it on, prints its traceback or keeps it in a checkpoint then shows none.
    """
    found: list[BaseException | None] = [error]
    seen: set[int] = set()
    while found:
        each = found.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        with suppress(AttributeError):  # a frozen dataclass can be an exception, too
            each.args = tuple(redacted(arg) if isinstance(arg, str) else arg for arg in each.args)
        found += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


class Redacting(logging.Filter):
    """Takes the secrets out of what a logger says."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; none is dropped."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        found = [*_of_url(value)] if "://" in value else []
        if _NAMES.search(name):
            found += [value, *(pair.strip().rpartition(":")[2] for pair in value.split(","))]
        for secret in found:
            if len(secret) >= SHORTEST:
                yield from (secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1])


def _of_url(url: str) -> Iterator[str]:
    """Yield a URL's password, also as a header has it, and what its query names a secret."""
    try:
        parts = urlsplit(url.strip())
        user, password = parts.username or "", parts.password
    except ValueError:
        return
    if password and password != user:
        yield from (password, unquote(password))
        yield base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    elif user and parts.scheme.startswith("http"):
        yield from (user, unquote(user))
    for name, value in parse_qsl(parts.query):
        if _NAMES.search(name):
            yield value


# They log every URL that is asked for, and the server's log shows it. OpenAI's client has its own.
for _name in ("httpx", "httpx2"):
    logging.getLogger(_name).addFilter(Redacting())
