"""The `braid` command: what it can be told. What it then does is imported when it is needed."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
import textwrap
import traceback
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner import catalogue
from runner.errors import BAD_INPUT, DONE, FAILED, BadInput, explain, without_secrets
from runner.settings import load_env_file
from runner.words import plain

if TYPE_CHECKING:
    from runner.decide import Kind

INTERRUPTED = 130
UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
"""What an age is counted in."""

app = typer.Typer(
    help="Run workflows whose branches work in parallel, and see what that gains.",
    no_args_is_help=True,
    add_completion=False,
    # Typer would import pydantic, 60 ms, to find that nobody asked for help.
    context_settings={"default_map": {"help": False, "list": {"help": False}}},
)


def _flag(name: str, told: str) -> Any:
    # Without the empty metavar the help reads as if the flag took a value.
    return typer.Option(name, help=told, metavar="")


def _existing(name: str) -> str:
    """Refuse an unknown workflow before LangGraph is imported, which takes most of a second."""
    catalogue.check(name)
    return name


Name = Annotated[
    str,
    typer.Argument(help="A workflow; `braid list` shows all.", metavar="NAME", callback=_existing),
]
Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Input fields: key=value, or key=@file for the text of a file.",
        metavar="[KEY=VALUE]...",
    ),
]
Document = Annotated[
    str | None,
    typer.Option("--input", help="The input as JSON, or the file that has it.", metavar="@FILE"),
]
AsJson = Annotated[bool, _flag("--json", "Print JSON instead of text.")]


def _writable(thread: str | None) -> str | None:
    """Refuse an id that no database can hold, before one is asked for it."""
    try:
        (thread or "").encode()
    except UnicodeEncodeError:
        raise BadInput(f"There is no thread {thread!r}: that is not UTF-8.") from None
    return thread


Thread = typer.Argument(help="`braid threads` shows all.", metavar="THREAD", callback=_writable)


def _age(told: str) -> timedelta:
    """Read an age such as 30d."""
    if (match := re.fullmatch(r"(\d{1,5})([mhdw])", told, re.ASCII)) is None:
        raise BadInput(
            "--older-than takes an age such as 45m, 12h, 30d or 2w "
            f"(minutes, hours, days, weeks), not {told!r}."
        )
    return int(match[1]) * UNITS[match[2]]


OlderThan = Annotated[
    timedelta | None,
    typer.Option(
        help="Only threads that have not changed for so long: 45m, 12h, 30d, 2w.",
        metavar="AGE",
        parser=_age,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Branches that may run at once.", metavar="N")
]


@app.callback()
def braid(
    debug: Annotated[bool, _flag("--debug", "Show an error's traceback.")] = False,
) -> None:
    """Declare what `main` takes out of the arguments, so that `--help` tells of it."""


@app.command("list")
def list_workflows(as_json: AsJson = False) -> int:
    """Show every workflow: pattern, branches, what it is for."""
    found = catalogue.entries()
    if as_json:
        print(json.dumps([dataclasses.asdict(entry) for entry in found], indent=2))
        return DONE
    widest = max((len(entry.name) for entry in found), default=0)
    room = shutil.get_terminal_size().columns
    for entry in found:
        branches = ", ".join(entry.branches) if entry.branches else "as many as the input asks for"
        start = " " * (widest + 14)
        purpose, *more = textwrap.wrap(entry.purpose, max(20, room - len(start))) or [""]
        name = typer.style(entry.name.ljust(widest), bold=True)
        typer.echo(f"{name}  {entry.pattern:<10}  {purpose}")
        for line in more:
            typer.echo(start + line)
        for line in textwrap.wrap(branches, max(20, room - len(start))):
            typer.secho(start + line, dim=True)
    return DONE


@app.command()
def show(name: Name) -> int:
    """Show a workflow's diagram (Mermaid), its input fields and an example input."""
    from runner.show import describe

    return describe(name)


@app.command()
def run(
    name: Name,
    pairs: Pairs = None,
    document: Document = None,
    thread: Annotated[
        str | None,
        typer.Option(help="Keep the run under this id instead of a new one.", metavar="ID"),
    ] = None,
    max_parallel: Limit = None,
    as_json: AsJson = False,
    timeline: Annotated[
        Path | None,
        typer.Option(help="Draw when each branch ran.", metavar="FILE.svg|.html"),
    ] = None,
) -> int:
    """Run a workflow, on its own example when no input is given.

    Exit status: 0 complete or partial, 3 paused for a decision, 2 bad input, 1 anything else.
    """
    from runner.run import start

    return start(
        name,
        pairs or [],
        document,
        thread_id=thread,
        max_parallel=max_parallel,
        as_json=as_json,
        picture=timeline,
    )


@app.command()
def compare(
    name: Name, pairs: Pairs = None, document: Document = None, as_json: AsJson = False
) -> int:
    """Run the same graph one branch at a time and all at once, and measure the difference."""
    from runner.compare import measure_both

    return measure_both(name, pairs or [], document, as_json=as_json)


@app.command()
def threads(older_than: OlderThan = None, as_json: AsJson = False) -> int:
    """Show which runs are kept, and what can be done with them."""
    from runner.threads import list_kept

    return list_kept(older_than, as_json=as_json)


@app.command()
def forget(
    thread: Annotated[str | None, Thread] = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
) -> int:
    """Delete what is kept of one thread, or of all that have not changed for so long.

    A thread that another process works on stays.
    """
    if (thread is None) == (older_than is None):
        raise BadInput("Name the thread to forget, or an age with --older-than: one of the two.")

    from runner.forget import forget_old, forget_thread

    if thread is not None:
        return forget_thread(thread, as_json=as_json)
    assert older_than is not None
    return forget_old(older_than, as_json=as_json)


@app.command()
def resume(
    thread: Annotated[str, Thread],
    retry: Annotated[bool, _flag("--retry", "Run again what failed, and only that.")] = False,
    accept: Annotated[bool, _flag("--accept", "Of a paused run: do with what succeeded.")] = False,
    abort: Annotated[bool, _flag("--abort", "Of a paused run: end it.")] = False,
    answer: Annotated[
        str | None,
        typer.Option(help="Of a paused run: answer the workflow's own question.", metavar="JSON"),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Go on with a run that was cut off or failed, or decide about one that is paused.

    What has finished is not run again. A paused run is retried unless told otherwise.
    """
    chosen: dict[Kind, bool] = {
        "retry": retry,
        "accept": accept,
        "abort": abort,
        "answer": answer is not None,
    }
    kinds = [kind for kind, given in chosen.items() if given]
    if len(kinds) > 1:
        raise BadInput(f"--{kinds[0]} and --{kinds[1]} exclude each other; give one.")

    from runner.run import go_on

    return go_on(thread, kinds[0] if kinds else "go on", answer, as_json=as_json)


@app.command()
def batch(
    name: Name,
    inputs: Annotated[
        Path, typer.Argument(help="One JSON object per line.", metavar="INPUTS.jsonl")
    ],
    out: Annotated[
        Path, typer.Option(help="Where a line per result is appended.", metavar="RESULTS.jsonl")
    ],
    concurrency: Annotated[int, typer.Option(min=1, help="Runs at once.", metavar="N")] = 4,
) -> int:
    """Run a workflow over many inputs; started again, it goes on where it ended."""
    from runner.batch import work_through

    return work_through(name, inputs, out, concurrency)


@app.command()
def doctor() -> int:
    """Check key, endpoint, database and server: what works, and what to do."""
    from runner.doctor import examine

    return examine()


def _open_closed_streams() -> None:
    """Give what is printed somewhere to go where the process was started without (`>&-`)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _drop_what_cannot_be_printed() -> None:
    """Spare Python another try at its exit, which would end in a status of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> int:
    """Run the command that the process was given, and return its exit status."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv[1:])
    _open_closed_streams()
    try:
        load_env_file()
        status = app(arguments, prog_name="braid", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        sentence, status = error.format_message(), BAD_INPUT
    except Exception as error:
        if debug:
            print(without_secrets(traceback.format_exc()), file=sys.stderr, end="")
        sentence, status = explain(error)
        _drop_what_cannot_be_printed()
    else:
        # Typer turns a Ctrl-C that comes before anything runs into 130.
        return FAILED if status == INTERRUPTED else int(status or DONE)
    if sentence:
        print(f"braid: {plain(without_secrets(sentence), 2000)}", file=sys.stderr)
    return int(status)
