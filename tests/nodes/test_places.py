"""Which files and folders a caller may have read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nodes.social_post import read_image
from nodes.sources import FolderSource, SourceError
from nodes.sources.places import EXAMPLES, may_be_read

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a folder in it, and another folder beside it."""
    for folder in ("work/notes", "other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "peat.md").write_text("Wet moss.")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells a workflow that LangGraph's server runs it; tests/web asks a real one."""
    monkeypatch.setitem(sys.modules, "langgraph_api", ModuleType("langgraph_api"))


OUTSIDE = ["../other", "notes/../../other", "/etc", "/", "~", "link"]


@pytest.mark.parametrize("place", OUTSIDE)
async def test_a_server_reads_in_its_working_directory_and_the_examples_only(
    work: Path, on_a_server: None, place: str
) -> None:
    (work / "link").symlink_to(work.parent / "other")
    with pytest.raises(SourceError, match="may not be read here; BRAID_FOLDERS names what may"):
        await FolderSource(place).search("moss", 1)
    with pytest.raises(SourceError, match="may not be read here"):
        read_image(f"{place}/cup.png")
    for allowed in ("notes", str(work / "notes"), "."):
        assert await FolderSource(allowed).search("moss", 1)
    assert await FolderSource(EXAMPLES / "notes").search("peat", 1)
    assert read_image(str(EXAMPLES / "cup.png"))


@pytest.mark.parametrize("place", OUTSIDE[:2])
async def test_elsewhere_a_caller_names_any_folder(work: Path, place: str) -> None:
    assert await FolderSource(place).search("moss", 1)


async def test_a_setting_names_the_folders_wherever_it_is_set(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = work.parent / "other"
    monkeypatch.setenv("BRAID_FOLDERS", os.pathsep.join([str(other), "~/braid-notes", ""]))
    assert may_be_read("../other") == other
    assert may_be_read(other / "deeper" / "still") == other / "deeper" / "still"
    assert may_be_read("~/braid-notes") == Path.home().resolve() / "braid-notes"
    for place in ("notes", f"{other}-too", EXAMPLES):
        with pytest.raises(SourceError, match="may not be read here"):
            may_be_read(place)


@pytest.mark.parametrize("place", ["~no-such-user/notes", "a" * 300, "circle/notes"])
async def test_a_name_that_leads_nowhere_is_told_in_one_sentence(work: Path, place: str) -> None:
    (work / "circle").symlink_to("circle")
    with pytest.raises(SourceError, match=r"cannot be found|There is no folder"):
        await FolderSource(place).search("moss", 1)
