"""Plain text out of bytes and out of HTML."""

from __future__ import annotations

import codecs
from html.parser import HTMLParser

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BREAKS = frozenset({"br", "div", "li", "p", "pre", "tr"})
_UNSEEN = frozenset({"script", "style"})


def decode(raw: bytes, declared: str | None = None) -> str | None:
    """Return the text of some bytes; None for bytes that are no text.

    A byte order mark decides, then what is declared, then whether it is UTF-8; what is neither is
    read as Windows-1252, in which no byte is an error.
    """
    marked = [name for mark, name in _BOMS if raw.startswith(mark)]
    for encoding in filter(None, (*marked, declared, "utf-8")):
        try:
            return _without_nul(raw.decode(encoding))
        except (LookupError, UnicodeDecodeError):
            continue
    return _without_nul(raw.decode("cp1252", errors="replace"))


def plain(html: str) -> str:
    """Return the words of an HTML fragment without its tags, a line for each of its blocks."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _without_nul(text: str) -> str | None:
    return None if "\0" in text else text


class _Reader(HTMLParser):
    """Collects the text between tags; entities come decoded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)
