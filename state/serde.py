"""How values become bytes: LangGraph's serializer, encrypted when there is a key."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from state.database import Unreadable, UnusableDatabase


class SharedSerializer(JsonPlusSerializer):
    """LangGraph's serializer, one for all graphs: what one declares is allowed from then on.

    LangGraph would copy it, and the saver around it, in every run under strict msgpack. The
    server's wrapper of a custom checkpointer does not survive being copied (langgraph-api 0.16.7:
    endless recursion as soon as a node runs a subgraph).
    """

    def with_msgpack_allowlist(
        self, extra_allowlist: Iterable[tuple[str, ...] | type]
    ) -> JsonPlusSerializer:
        """Allow more types, and stay the same object."""
        grown = super().with_msgpack_allowlist(extra_allowlist)
        vars(self).update(vars(grown))
        return self


def serializer() -> SerializerProtocol:
    """Return what turns checkpoints and results into bytes.

    It never unpickles, and of the types that the bytes name it makes only LangGraph's list of
    harmless ones and those that a graph's state declares: LangGraph's own default would call any
    function, so that whoever can write to the database could run programs here.

    With LANGGRAPH_AES_KEY (16, 24 or 32 bytes) every value is encrypted by AES in EAX mode, which
    also detects tampering. Thread ids, channel names and metadata (which workflow, which options)
    stay readable, and so does what was kept before there was a key.
    """
    plain = SharedSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
    if not os.environ.get("LANGGRAPH_AES_KEY"):
        return plain
    try:
        return EncryptedSerializer.from_pycryptodome_aes(plain)
    except ImportError:
        raise UnusableDatabase(
            "LANGGRAPH_AES_KEY asks for encryption, which needs a library: pip install pycryptodome"
        ) from None
    except ValueError:
        raise UnusableDatabase("LANGGRAPH_AES_KEY must be 16, 24 or 32 bytes long.") from None


@contextmanager
def decoding(database: object) -> Iterator[None]:
    """Say in one sentence that kept bytes cannot be turned into values again."""
    try:
        yield
    except UnusableDatabase:
        raise
    except (ValueError, NotImplementedError) as error:
        raise Unreadable(
            f"What {database} keeps cannot be read ({error}): it was damaged, or written with "
            "another LANGGRAPH_AES_KEY."
        ) from error
