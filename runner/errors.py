"""The one place that turns an error into a sentence and an exit status."""

from __future__ import annotations

import errno
import sys

from runner.words import plain

DONE, FAILED, BAD_INPUT, PAUSED = 0, 1, 2, 3
"""Exit statuses: complete or partial; anything else; bad input or usage; waits for a decision."""


class BadInput(Exception):
    """What was asked for cannot be done; nothing was started and nothing stored."""


class Trouble(Exception):
    """Something else stands in the way; the message says what to do."""


class Stopped(Exception):
    """The user stopped the work before it had ended."""


def explain(error: Exception) -> tuple[str, int]:
    """Return the sentence to show for an error, and the status to exit with."""
    if isinstance(error, BadInput):
        return str(error), BAD_INPUT
    if isinstance(error, Stopped):
        return "stopped", FAILED
    if isinstance(error, Trouble) or _is_ours(error):
        return str(error), FAILED
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full; make room, then resume.", FAILED
    from graphs.guard import readable

    return f"{type(error).__name__}: {plain(readable(error), 500)}", FAILED


def without_secrets(text: str) -> str:
    """Return the text without keys and passwords; until `state` is loaded nothing has read one."""
    if "state" not in sys.modules:
        return text
    from state.redaction import redacted

    return redacted(text)


def _is_ours(error: Exception) -> bool:
    """Tell whether the error's message was written to be shown."""
    from graphs.builders import QuorumNotMet
    from state import ThreadBusy, UnusableDatabase

    return isinstance(error, QuorumNotMet | ThreadBusy | UnusableDatabase)
