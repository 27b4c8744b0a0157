import os

# LangGraph reads this once, when it is imported. Unset, it would not tell the serializer, which is
# strict in any case (state/serde.py), which types a state declares.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
