"""The folder: indexed on first use, kept up to date, shared by processes, three views."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from support.cli import Cli

from nodes.sources import FolderSource, SourceError
from nodes.sources.folder import LARGEST_FILE, View, index_file

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (folder / "peat.md").write_text("# Peat\n\nWet moss.\n\n## Methane\n\nGas from wet peat.\n")
    (folder / "sub" / "2024-03-14 visit.txt").write_text("We saw methane bubbles.\n")
    (folder / "2023-01-02 talk.md").write_text("# A talk\n\nOn methane and money.\n")
    return folder


async def urls(folder: Path, query: str, view: View = "passages", limit: int = 9) -> list[str]:
    return [hit["url"] for hit in await FolderSource(folder, view).search(query, limit)]


async def test_a_hit_names_its_file_and_lines(notes: Path) -> None:
    [hit] = await FolderSource(notes).search("moss", 5)
    assert hit["url"] == "peat.md#L3-L3"
    assert hit["title"] == "Peat"
    assert hit["text"] == "Wet moss."
    assert hit["source"] == "notes"
    assert hit["data"]["file"] == "peat.md"
    assert hit["data"]["lines"] == [3, 3]


async def test_the_three_views_answer_differently(notes: Path) -> None:
    assert await urls(notes, "methane", "titles") == ["peat.md#L7-L7"]
    assert set(await urls(notes, "methane", "passages")) == {
        "peat.md#L7-L7",
        "sub/2024-03-14 visit.txt#L1-L1",
        "2023-01-02 talk.md#L3-L3",
    }
    recent = await urls(notes, "methane", "recent")
    assert recent.index("sub/2024-03-14 visit.txt#L1-L1") < recent.index("2023-01-02 talk.md#L3-L3")


async def test_a_file_without_a_date_in_its_name_has_the_day_of_its_change(notes: Path) -> None:
    os.utime(notes / "peat.md", (0, 86_400 * 365))
    [hit] = await FolderSource(notes).search("moss", 1)
    assert hit["data"]["day"] == "1971-01-01"


async def test_new_changed_and_deleted_files_are_noticed(notes: Path) -> None:
    assert await urls(notes, "dragonfly") == []
    (notes / "new.md").write_text("A dragonfly.")
    assert await urls(notes, "dragonfly") == ["new.md#L1-L1"]
    (notes / "new.md").write_text("A damselfly!")
    assert await urls(notes, "dragonfly") == []
    assert await urls(notes, "damselfly") == ["new.md#L1-L1"]
    (notes / "new.md").unlink()
    assert await urls(notes, "damselfly") == []


async def test_a_change_that_time_and_size_do_not_show_is_noticed(notes: Path) -> None:
    file = notes / "peat.md"
    stat = file.stat()
    await FolderSource(notes).refresh()
    file.write_text(file.read_text().replace("moss", "fern"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert await urls(notes, "fern") == ["peat.md#L3-L3"]


async def test_only_what_changed_is_indexed_again(notes: Path, own_database: Path) -> None:
    old = (0, 86_400 * 365)
    for file in notes.rglob("*.*"):
        os.utime(file, old)
    await FolderSource(notes).refresh()
    places = places_by_file(notes)
    (notes / "peat.md").write_text("# Peat\n\nAll new.\n")
    os.utime(notes / "2023-01-02 talk.md")  # touched, and the same
    await FolderSource(notes).refresh()
    after = places_by_file(notes)
    assert after.pop("peat.md") != places.pop("peat.md")
    assert after == places


def places_by_file(folder: Path) -> dict[str, list[int]]:
    with sqlite3.connect(index_file(folder.resolve())) as index:
        found: dict[str, list[int]] = {}
        for path, place in index.execute("SELECT path, id FROM places"):
            found.setdefault(path, []).append(place)
    index.close()
    return found


async def test_what_cannot_be_indexed_is_named_and_the_rest_goes_on(notes: Path) -> None:
    (notes / "binary.md").write_bytes(b"\0\1\2")
    with (notes / "huge.txt").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    contents = await FolderSource(notes).refresh()
    assert contents.files == 3
    assert contents.skipped == [
        "binary.md: not text, or not readable",
        "huge.txt: larger than 16 MB",
    ]
    assert await urls(notes, "moss")


async def test_a_file_that_could_not_be_read_is_tried_again(notes: Path) -> None:
    secret = notes / "secret.md"
    secret.symlink_to(notes / "later.md.part")
    assert (await FolderSource(notes).refresh()).files == 3
    (notes / "later.md.part").write_bytes(b"\0")
    assert (await FolderSource(notes).refresh()).skipped == ["secret.md: not text, or not readable"]
    (notes / "later.md.part").write_text("x")
    assert await urls(notes, "x") == ["secret.md#L1-L1"]


async def test_a_pipe_is_not_waited_for(notes: Path) -> None:
    os.mkfifo(notes / "pipe.md")
    assert (await FolderSource(notes).refresh()).files == 3


async def test_hidden_and_other_files_are_left_alone(notes: Path) -> None:
    for name in (".hidden.md", "code.py", "picture.md.png"):
        (notes / name).write_text("axolotl")
    (notes / ".git").mkdir()
    (notes / ".git" / "notes.md").write_text("axolotl")
    assert await urls(notes, "axolotl") == []
    assert (await FolderSource(notes).refresh()).files == 3


async def test_text_in_other_encodings_is_found(notes: Path) -> None:
    (notes / "latin.txt").write_bytes("Über Möwen".encode("cp1252"))
    (notes / "wide.txt").write_bytes("Über Kormorane".encode("utf-16"))
    (notes / "marked.txt").write_bytes("Über Reiher".encode("utf-8-sig"))
    assert await urls(notes, "Möwen") == ["latin.txt#L1-L1"]
    assert await urls(notes, "Kormorane") == ["wide.txt#L1-L1"]
    [hit] = await FolderSource(notes).search("Reiher", 1)
    assert hit["text"] == "Über Reiher"


@pytest.mark.parametrize("query", ['"', "NOT", "a AND", "text:", "*", "", "the of", "😀", "\0"])
async def test_a_query_is_never_syntax(notes: Path, query: str) -> None:
    await FolderSource(notes).search(query, 3)


async def test_a_hit_is_read_as_its_whole_file(notes: Path) -> None:
    source = FolderSource(notes)
    [hit] = await source.search("moss", 1)
    read = await source.read(hit)
    assert read["url"] == "peat.md"
    assert read["text"] == (notes / "peat.md").read_text()


@pytest.mark.parametrize("file", ["../secret.txt", "/etc/passwd", "sub/../../secret.txt"])
async def test_nothing_outside_the_folder_is_read(notes: Path, file: str) -> None:
    (notes.parent / "secret.txt").write_text("secret")
    [hit] = await FolderSource(notes).search("moss", 1)
    with pytest.raises(SourceError, match="does not lie in"):
        await FolderSource(notes).read({**hit, "data": {"file": file}})


async def test_a_folder_that_is_not_there_is_named(notes: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no folder .*/nowhere; name one") as caught:
        await FolderSource(notes / "nowhere").search("x", 1)
    assert not caught.value.transient


async def test_the_index_lies_beside_the_database_and_not_in_the_folder(
    notes: Path, own_database: Path
) -> None:
    before = sorted(notes.rglob("*"))
    await FolderSource(notes).refresh()
    assert sorted(notes.rglob("*")) == before
    assert index_file(notes.resolve()).parent == own_database.parent
    assert index_file(notes.resolve()).name.startswith("braid.sqlite.folder-")


@pytest.mark.parametrize("url", ["postgresql://me@host/db", ":memory:"])
def test_without_a_database_file_the_index_is_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BRAID_DB", url)
    assert index_file(Path("/notes")).parent == Path()


async def test_an_index_of_an_older_braid_is_made_anew(notes: Path) -> None:
    with sqlite3.connect(index_file(notes.resolve())) as index:
        index.executescript("CREATE TABLE files (other); PRAGMA user_version = 999;")
    index.close()
    assert await urls(notes, "moss") == ["peat.md#L3-L3"]


async def test_a_damaged_index_is_made_anew_by_the_next_attempt(notes: Path) -> None:
    file = index_file(notes.resolve())
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(SourceError, match="cannot be used") as caught:
        await urls(notes, "moss")
    assert caught.value.transient
    assert await urls(notes, "moss") == ["peat.md#L3-L3"]


async def test_a_place_that_cannot_be_written_is_named(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAID_DB", str(notes / "no" / "such" / "braid.sqlite"))
    with pytest.raises(SourceError, match="beside BRAID_DB"):
        await urls(notes, "moss")


async def test_many_searches_of_one_process_build_one_index(notes: Path) -> None:
    found = await asyncio.gather(*(urls(notes, "methane") for _ in range(20)))
    assert all(each == found[0] and len(each) == 3 for each in found)
    assert sum(map(len, places_by_file(notes).values())) == 4


SEARCH = """
import asyncio, json, sys
from nodes.sources import FolderSource
hits = asyncio.run(FolderSource(sys.argv[1]).search("entry", 1000))
print(json.dumps(sorted(hit["url"] for hit in hits)))
"""


def test_several_processes_may_build_and_read_one_index_at_once(
    notes: Path, braid: Cli, own_database: Path
) -> None:
    for number in range(300):
        (notes / f"{number}.md").write_text(f"# Entry {number}\n\nText of entry {number}.\n")
    running = [braid.start_python("-c", SEARCH, str(notes)) for _ in range(3)]
    results = [process.wait() for process in running]
    for result in results:
        assert result.status == 0, result.err
        assert len(json.loads(result.out)) == 300
    assert sum(map(len, places_by_file(notes).values())) == 304


def test_a_build_that_is_killed_goes_on_where_it_was(notes: Path, braid: Cli) -> None:
    for number in range(800):
        (notes / f"{number}.md").write_text(f"# Entry {number}\n\nText of entry {number}.\n")
    process = braid.start_python("-c", SEARCH, str(notes))
    index = index_file(notes.resolve())
    while process.process.poll() is None and indexed(index) < 100:
        time.sleep(0.005)
    process.kill()
    done = indexed(index)
    assert done >= 100
    result = braid.python("-c", SEARCH, str(notes))
    assert len(json.loads(result.out)) == 800
    assert indexed(index) == 803


def indexed(index: Path) -> int:
    if not index.exists():
        return 0
    with sqlite3.connect(index, timeout=10) as db:
        try:
            (count,) = db.execute("SELECT count(*) FROM files").fetchone()
        except sqlite3.OperationalError:
            count = 0
    db.close()
    return int(count)
