"""Full-text search with SQLite's FTS5: words are terms to look for, never syntax."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nodes.models.offline.words import STOP_WORDS

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""Words without their accents and, in English, without their endings."""
MOST_TERMS = 64
"""Words of a query that count: FTS5 refuses an expression that is nested too deep."""

_WORD = re.compile(r"[^\W_]+")


def terms(query: str) -> list[str]:
    """Return the different words of a query in lower case, in order."""
    # Composed, as `\w` knows no accents on their own; lower, as FTS5 takes ß and ss for different.
    words = _WORD.findall(unicodedata.normalize("NFC", query))
    return list(dict.fromkeys(word.lower() for word in words))[:MOST_TERMS]


def unaccented(text: str) -> str:
    """Return a text without its accents, as the index compares it."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def keywords(query: str) -> list[str]:
    """Return a query's terms without the little words of English; all where nothing else is."""
    every = terms(query)
    return [term for term in every if term not in STOP_WORDS] or every


def match_all(words: Sequence[str]) -> str:
    """Return the MATCH expression for rows that have every word."""
    return " AND ".join(map(_quoted, words))


def match_any(words: Sequence[str], columns: str = "") -> str:
    """Return the MATCH expression for rows that have some of the words, in the given columns."""
    alternatives = " OR ".join(map(_quoted, words))
    return f"{{{columns}}} : ({alternatives})" if columns else alternatives


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing. It takes the lock at once, so two writers wait and never deadlock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _quoted(word: str) -> str:
    # In double quotes a word is a word, also AND, NEAR and NOT (sqlite.org/fts5.html, 3.1).
    return f'"{word}"'
