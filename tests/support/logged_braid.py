"""`braid`, with a `content_kit` whose branches and aggregator keep a log of their work.

    WORK_LOG=FILE python -m support.logged_braid batch content_kit in.jsonl --out out.jsonl

The work is named by topic and branch; nothing else is changed.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from typing import Any

from support.work_log import begin, done

from graphs import content_kit
from runner.cli import main

LOG = os.environ["WORK_LOG"]


def logged(name: str, function: Any) -> Any:
    """Return the function with a line before and one after it."""

    @functools.wraps(function)
    async def call(state: Any, *runtime: Any) -> Any:
        work = f"{state['topic']}/{name}"
        begin(LOG, work)
        made = await function(state, *runtime)
        done(LOG, work)
        return made

    return call


if __name__ == "__main__":
    content_kit.workflow = dataclasses.replace(
        content_kit.workflow,
        branches={name: logged(name, f) for name, f in content_kit.workflow.branches.items()},
        aggregator=logged("aggregate", content_kit.workflow.aggregator),
    )
    sys.exit(main())
