"""Where workflows look things up: one small interface, several sources behind it.

`source(name)` gives what a workflow asks for by name: a sample catalogue, or what BRAID_SOURCES
puts in its place. `FolderSource` searches the user's own files; Wikipedia, Arxiv and HackerNews
ask public interfaces; `claims` ties what a model says to what was found.
"""

from nodes.sources.base import Readable, Source, SourceError
from nodes.sources.catalogue import CatalogueSource
from nodes.sources.citing import claims
from nodes.sources.configured import check_sources, source
from nodes.sources.folder import Contents, FolderSource
from nodes.sources.json_api import JsonSource
from nodes.sources.public import Arxiv, HackerNews, Wikipedia
from state.sources import Claim, Hit

__all__ = [
    "Arxiv",
    "CatalogueSource",
    "Claim",
    "Contents",
    "FolderSource",
    "HackerNews",
    "Hit",
    "JsonSource",
    "Readable",
    "Source",
    "SourceError",
    "Wikipedia",
    "check_sources",
    "claims",
    "source",
]
