"""`creative_trio`: three pieces in one text."""

from __future__ import annotations

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.workflows import invoke, run_example

LABELS = {"joke": "kind joke", "story": "Write a story", "poem": "Write a poem"}


@pytest.fixture
def writers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = LABELS
    openai_server.answers = {name: f"The {name}." for name in LABELS}
    return openai_server


async def test_the_pieces_stand_one_below_the_other(writers: OpenAIServer) -> None:
    result = await invoke("creative_trio", topic="tea")
    assert result["combined_output"] == (
        "## Joke\n\nThe joke.\n\n## Story\n\nThe story.\n\n## Poem\n\nThe poem."
    )


async def test_a_missing_piece_is_named_where_it_would_stand(writers: OpenAIServer) -> None:
    writers.script("story", Status(400))
    result = await invoke("creative_trio", topic="tea")
    assert result["status"] == "partial"
    assert "(The story is missing: it failed.)" in result["combined_output"]
    assert set(result["pieces"]) == {"joke", "poem"}


async def test_the_pieces_are_written_side_by_side(writers: OpenAIServer) -> None:
    writers.latency = 0.05
    await invoke("creative_trio", topic="tea")
    assert writers.peak == 3


def test_the_example_is_about_its_topic_offline(braid: Cli) -> None:
    text = run_example(braid, "creative_trio")["combined_output"]
    assert "lighthouse" in text.casefold()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Joke",
        "## Story",
        "## Poem",
    ]
