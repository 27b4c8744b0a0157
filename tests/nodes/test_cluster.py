"""Functions on a Dask cluster and in processes of their own: the same behaviour in both places."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.types import RetryPolicy
from support import cluster_jobs as jobs
from support.cli import ROOT, Cli
from support.cluster_jobs import Order, finished, started
from support.dask_cluster import ON_LOOPBACK, DaskCluster
from support.toys import fan, mapping
from support.work_log import read_log

from graphs.builders import QuorumNotMet
from graphs.retry import RETRY, http_status, transient
from nodes.cluster import ClusterError, dask, on_cluster, processes
from nodes.cluster.sending import packed_error, unpacked

NO_RETRY = RetryPolicy(max_attempts=1)
WORKERS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path_factory.mktemp("dask"), workers=WORKERS) as cluster:
        yield cluster


@pytest.fixture(params=["dask", "processes"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the functions run there."""
    if request.param == "dask":
        cluster: DaskCluster = request.getfixturevalue("cluster")
        monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
    else:
        monkeypatch.setattr(processes, "_cpu_count", lambda: WORKERS)
    return str(request.param)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log"
    file.touch()
    return file


def orders(log: Path, count: int, **more: Any) -> dict[str, Order]:
    return {str(n): Order(name=str(n), log=str(log), **more) for n in range(count)}


async def until(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


async def map_over(function: Any, items: dict[str, Order], **changes: Any) -> Any:
    workflow = mapping(function, split=lambda state: items, **changes)
    return await workflow.compile().ainvoke({"x": 0})


@pytest.mark.usefixtures("place")
async def test_a_branch_runs_in_another_process() -> None:
    result = await fan({"one": jobs.here}).compile().ainvoke({"x": 1})
    assert result["status"] == "complete"
    assert result["by_name"]["here"] != os.getpid()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("chunk_size", [1, 4])
async def test_items_run_side_by_side_in_several_processes(log: Path, chunk_size: int) -> None:
    items = orders(log, 8, meet=WORKERS)
    result = await map_over(jobs.compute, items, chunk_size=chunk_size)
    assert result["out"] == list(items)
    assert Counter(finished(log)) == Counter(list(items))
    assert len(set(result["by_name"].values())) == WORKERS


@pytest.mark.usefixtures("place")
async def test_no_more_than_the_limit_run_at_once(log: Path) -> None:
    items = orders(log, 6)
    await map_over(jobs.compute, items, max_parallel=1)
    assert [event.finished_at is None for event in read_log(log)] == [True, False] * 6


async def test_an_async_function_runs_here_and_on_a_cluster_there(
    cluster: DaskCluster, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = await map_over(jobs.wait, orders(log, 1))
    assert result["by_name"] == {"0": os.getpid()}
    monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
    result = await map_over(jobs.wait, orders(log, 1))
    assert result["by_name"]["0"] in cluster.worker_pids()


@pytest.mark.usefixtures("place")
async def test_an_exception_arrives_with_its_own_type_message_and_traceback() -> None:
    with pytest.raises(jobs.OutOfRange) as caught:
        await jobs.refuse({"x": 4})  # type: ignore[typeddict-item]
    assert str(caught.value) == "4 is more than 3"
    assert caught.value.limit == 3
    assert "raise OutOfRange(state" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "error",
    [
        KeyError("name"),
        FileNotFoundError(2, "No such file", "notes.md"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
        jobs.OutOfRange(5, 3),
        jobs.TooLong("word"),
        httpx.HTTPStatusError(
            "busy", request=httpx.Request("GET", "http://a"), response=httpx.Response(503)
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_is_the_same_after_it_was_sent(error: Exception) -> None:
    importlib.import_module("distributed")  # has its own way with exceptions
    with pytest.raises(type(error)) as caught:
        unpacked(packed_error(error))
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert http_status(caught.value) == http_status(error)
    assert transient(caught.value) == transient(error)


@pytest.mark.usefixtures("place")
async def test_an_exception_is_the_failure_of_its_branch_alone() -> None:
    branches = {"good": jobs.here, "bad": jobs.refuse, "left": jobs.leave}
    result = await fan(branches, quorum=1).compile().ainvoke({"x": 4})
    assert list(result["by_name"]) == ["here"]
    failed = result["failures"]
    assert (failed["bad"]["error_type"], failed["bad"]["attempts"]) == ("OutOfRange", 1)
    assert failed["bad"]["message"] == "4 is more than 3"
    assert failed["left"]["message"] == "SystemExit: 5"


@pytest.mark.usefixtures("place")
async def test_what_cannot_be_sent_is_said() -> None:
    with pytest.raises(TypeError, match="here cannot be sent what it is called with"):
        await jobs.here({"x": lambda: 1})  # type: ignore[typeddict-item]
    with pytest.raises(TypeError, match="answer_unsendable returned what cannot be sent back"):
        await jobs.answer_unsendable({"x": 1})  # type: ignore[typeddict-item]


@pytest.mark.usefixtures("place")
async def test_functions_that_are_timed_out_keep_no_process_busy(log: Path) -> None:
    await map_over(jobs.compute, orders(log, WORKERS, meet=WORKERS))  # now the processes are there
    with pytest.raises(QuorumNotMet, match="0: TimeoutError: took longer than 1 s; 1: TimeoutErr"):
        await map_over(jobs.loop, orders(log, WORKERS), timeout=1.0, retry=NO_RETRY)
    assert len(started(log)) == 2 * WORKERS
    # All of them work again: otherwise these would wait for each other for ever.
    await map_over(jobs.compute, orders(log, WORKERS, meet=3 * WORKERS))


@pytest.mark.parametrize(
    ("place", "function"),
    [("dask", jobs.compute), ("processes", jobs.compute), ("dask", jobs.wait)],
    indirect=["place"],
)
async def test_a_cancelled_run_stops_what_runs_and_starts_nothing_more(
    log: Path, tmp_path: Path, place: str, function: Any
) -> None:
    gate = tmp_path / "gate"
    run = asyncio.create_task(map_over(function, orders(log, 6, gate=str(gate))))
    await until(lambda: len(started(log)) == WORKERS, "a function in each process")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await map_over(jobs.compute, orders(log, WORKERS, meet=2 * WORKERS))
    gate.touch()
    await map_over(jobs.compute, orders(log, WORKERS, meet=3 * WORKERS))
    assert len(started(log)) == 3 * WORKERS
    assert len(finished(log)) == 2 * WORKERS


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("turns", range(4))
async def test_a_call_that_is_cancelled_at_once_leaves_its_neighbours_alone(
    log: Path, tmp_path: Path, turns: int
) -> None:
    gate = str(tmp_path / "gate")  # never opened
    waiting = [Order(name=f"waiting-{n}", log=str(log), gate=gate) for n in range(4)]
    ready = [Order(name=f"ready-{n}", log=str(log)) for n in range(4)]
    calls = [asyncio.create_task(jobs.compute(order)) for order in [*waiting, *ready]]
    for _ in range(turns):
        await asyncio.sleep(0)
    for call in calls[:4]:
        call.cancel()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ended[:4]] == [asyncio.CancelledError] * 4
    assert sorted(finished(log)) == [order["name"] for order in ready]


async def test_the_items_of_a_killed_worker_run_again_and_no_others(
    cluster: DaskCluster, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
    items = orders(log, 3)
    items |= {name: Order(name=name, log=str(log), gate=str(tmp_path / "gate")) for name in "ab"}
    run = asyncio.create_task(map_over(jobs.compute, items, max_parallel=WORKERS))
    await until(lambda: {"a", "b"} <= set(started(log)), "the last items")
    await until(lambda: {"0", "1", "2"} <= set(finished(log)), "the first items")
    os.kill(cluster.worker_pids()[0], signal.SIGKILL)
    await until(lambda: len(started(log)) == 6, "its item to start again")
    (tmp_path / "gate").touch()
    result = await run
    assert result["out"] == list(items)
    times = Counter(started(log))
    assert times["0"] == times["1"] == times["2"] == 1
    assert sorted((times["a"], times["b"])) == [1, 2]
    await until(lambda: len(cluster.worker_pids()) == WORKERS, "the nanny's new worker")


async def test_a_function_that_kills_its_workers_is_given_up(
    cluster: DaskCluster, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
    with pytest.raises(QuorumNotMet, match="ClusterError: die: 4 Dask workers died while they ran"):
        await map_over(jobs.die, orders(log, 1), retry=RETRY)
    assert len(started(log)) == 4
    await until(lambda: len(cluster.worker_pids()) == WORKERS, "the nannies' new workers")


async def test_a_process_that_dies_is_a_failed_attempt_and_is_replaced(log: Path) -> None:
    retry = RetryPolicy(max_attempts=3, initial_interval=0.001)
    with pytest.raises(
        QuorumNotMet, match="0: ClusterError: the process that it ran in was ended by SIGKILL"
    ):
        await map_over(jobs.die, orders(log, 1), retry=retry)
    assert len(started(log)) == 3
    result = await map_over(jobs.compute, orders(log, 1))
    os.kill(result["by_name"]["0"], signal.SIGKILL)  # while it has nothing to do
    await asyncio.to_thread(os.waitid, os.P_PID, result["by_name"]["0"], os.WEXITED | os.WNOWAIT)
    await jobs.here({"x": 1})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("where", ["dask", "processes"])
async def test_a_killed_driver_resumes_only_what_was_unfinished(
    cluster: DaskCluster, log: Path, tmp_path: Path, braid: Cli, where: str
) -> None:
    gate, db = tmp_path / "gate", tmp_path / "braid.sqlite"
    items = orders(log, 3)
    items |= {name: Order(name=name, log=str(log), gate=str(gate)) for name in "abc"}
    env = {"DASK_SCHEDULER": cluster.address} if where == "dask" else {}
    program = ("-m", "support.cluster_program", str(db))
    running = braid.start_python(*program, "run", json.dumps(list(items.values())), env=env)
    await until(lambda: written(db, "top") == 3, "the first items to be kept")
    await until(lambda: {"a", "b"} <= set(started(log)), "the next ones to start")
    running.kill()  # waits for the processes beside it: they hold its output open
    await until(lambda: cluster.tasks() == 0, "Dask to drop the tasks of a driver that is gone")
    gate.touch()
    again = braid.python(*program, "continue", json.dumps(list(items.values())), env=env)
    assert again.status == 0, again.err
    assert sorted(again.json["out"]) == sorted(items)
    once_or_twice = {"0": 1, "1": 1, "2": 1, "a": 2, "b": 2, "c": 1}
    assert Counter(started(log)) == once_or_twice


async def test_ctrl_c_waits_for_no_process(log: Path, tmp_path: Path, braid: Cli) -> None:
    items = orders(log, 1, gate=str(tmp_path / "gate"))
    program = ("-m", "support.cluster_program", str(tmp_path / "braid.sqlite"))
    running = braid.start_python(*program, "run", json.dumps(list(items.values())))
    await until(lambda: started(log), "the function to start")
    running.send(signal.SIGINT)
    assert "KeyboardInterrupt" in running.wait().err  # the end of the processes, too
    assert not finished(log)


def written(db: Path, channel: str) -> int:
    """Count the writes to a channel that are committed together with their checkpoint."""
    try:
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
            both = "writes JOIN checkpoints USING (thread_id, checkpoint_ns, checkpoint_id)"
            query = f"SELECT count(*) FROM {both} WHERE channel = ?"
            return int(connection.execute(query, (channel,)).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tls://127.0.0.1:9"])
async def test_a_scheduler_out_of_reach_is_a_failure_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER", address)
    monkeypatch.setattr(dask, "CONNECT_TIMEOUT", 0.2)
    retry = RetryPolicy(max_attempts=2, initial_interval=0.001)
    with pytest.raises(QuorumNotMet) as caught:
        await fan({"one": jobs.here}, retry=retry).compile().ainvoke({"x": 1})
    assert f"ClusterError: no Dask scheduler answers at {address}, which DASK_" in str(caught.value)


async def test_a_lost_scheduler_is_a_failed_attempt_and_a_new_one_is_found(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DaskCluster(tmp_path, workers=0) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
        waiting = asyncio.create_task(jobs.compute(orders(log, 1)["0"]))
        await until(lambda: cluster.tasks() == 1, "the task to reach the scheduler")
        cluster.kill_scheduler()
        with pytest.raises(ClusterError, match=r"compute: Dask's scheduler at tcp://.* was lost"):
            await waiting
        cluster.restart_scheduler()
        cluster.add_worker()
        assert (await jobs.compute(orders(log, 1)["0"]))["out"] == ["0"]


async def test_a_worker_without_the_project_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['nodes'] = None")
    with DaskCluster(tmp_path, workers=1, python_path=(tmp_path,)) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
        with pytest.raises(
            ImportError, match=r"cannot import nodes\.cluster .* install the project"
        ):
            await jobs.here({"x": 1})  # type: ignore[typeddict-item]


@pytest.mark.usefixtures("place")
async def test_a_function_that_is_not_to_be_found_there_says_so() -> None:
    def moved(state: Any) -> dict[str, Any]:
        return {}

    moved.__module__, moved.__qualname__ = "support.nowhere", "moved"
    with pytest.raises(ImportError, match=r"moved is not to be had from .*'support\.nowhere'"):
        await on_cluster(moved)({})


def at_top(state: Any, runtime: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("function", [lambda state: {}, int, Cli, at_top])
def test_what_another_process_cannot_find_or_call_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="on_cluster: "):
        on_cluster(function)


def test_a_cluster_as_documented_can_be_reached_from_this_machine_only(
    cluster: DaskCluster,
) -> None:
    assert cluster.listens_at() == {"127.0.0.1"}
    told = (ROOT / "docs/dask.md").read_text()
    assert told.count(" ".join(ON_LOOPBACK)) == 2  # the scheduler's command, and the workers'


def test_dask_is_imported_only_when_it_is_used(braid: Cli) -> None:
    program = "import sys, nodes.cluster; print('distributed' in sys.modules)"
    assert braid.python("-c", program).out == "False\n"
