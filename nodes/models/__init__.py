"""The chat models that every node asks, and the one way of asking them.

`write` asks for text and `fill` for a value of a pydantic model; `chat` gives the LangChain model
itself, for anything else. All three answer with OpenAI, with any server that speaks its protocol,
or, where neither a key nor an endpoint is set, with the offline model.

Text that comes from outside (documents, questions, search results) is data: it travels in
delimited blocks of one user message and never in the instructions.
"""

from nodes.models.asking import Image, UnusableAnswer, fill, write
from nodes.models.choosing import chat, model_name

__all__ = ["Image", "UnusableAnswer", "chat", "fill", "model_name", "write"]
