"""The real `langgraph dev`, in a directory and on a port of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from support.cli import ROOT


class DevServer:
    """Serves this project's langgraph.json; its directory stays, so a restart sees its state."""

    def __init__(self, directory: Path, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "server.log"
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        self.env = {
            **kept,
            "BRAID_DB": str(directory / "braid.sqlite"),
            "BRAID_OFFLINE_LATENCY": "0.05",
            "LANGGRAPH_STRICT_MSGPACK": "true",
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "1",
            "LANGSMITH_TRACING": "false",
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
            **(env or {}),
        }
        (directory / "langgraph.json").write_text(json.dumps(_from_anywhere()))

    def start(self) -> DevServer:
        """Start it and wait until it answers."""
        for _ in range(3):  # a port can be lost between finding and using it
            if self._started(_free_port()):
                return self
        raise AssertionError(f"langgraph dev did not start:\n{self.log.read_text()[-4000:]}")

    def _started(self, port: int) -> bool:
        self.url = f"http://127.0.0.1:{port}"
        program = Path(sys.executable).with_name("langgraph")
        options = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(program), "dev", *options, "--n-jobs-per-worker", "10"],
                cwd=self.directory,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if "already in use" in self.log.read_text():
                break  # it has moved to another port by itself
            try:
                with urllib.request.urlopen(f"{self.url}/ok", timeout=1) as answer:
                    if answer.status == 200:
                        return True
            except OSError:
                time.sleep(0.05)
        self.kill()
        return False

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)  # a session of its own: the group is ours alone
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)


def _from_anywhere() -> dict[str, Any]:
    """Return langgraph.json with absolute paths: the server resolves them from its directory."""
    config: dict[str, Any] = json.loads((ROOT / "langgraph.json").read_text())

    def absolute(path: str) -> str:
        return str(ROOT / path.removeprefix("./"))

    for entry in config["graphs"].values():
        entry["path"] = absolute(entry["path"])
    for section, key in (("checkpointer", "path"), ("http", "app"), ("auth", "path")):
        if section in config:
            config[section][key] = absolute(config[section][key])
    config["dependencies"] = [str(ROOT)]
    return config


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
