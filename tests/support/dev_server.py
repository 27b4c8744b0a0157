"""The real `langgraph dev`, in a directory and on a port of its own.

server = DevServer(tmp_path, extra_graphs={"asking": f"{file}:graph"}).start()
client = get_client(url=server.url)
server.kill()
server.start()                             # sees what the killed one kept
server.stop()
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.cli import ROOT, inherited


class DevServer:
    """Serves a project's langgraph.json; its directory stays, so a restart sees its state.

    `directory` must be no other server's: two would overwrite each other's state. `env` is added
    to a clean environment without a key. `extra_graphs` are served beside the project's own:
    a name, and where its graph is, "FILE.py:NAME" or "package.module:NAME" (`support.…` too).
    `url` is known once it has started, `log` is the file with all that it prints.
    """

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str] | None = None,
        *,
        extra_graphs: Mapping[str, str] | None = None,
        project: Path = ROOT,
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "server.log"
        self.env = {
            **inherited(),
            "BRAID_DB": str(directory / "braid.sqlite"),
            "BRAID_OFFLINE_LATENCY": "0.05",
            "LANGGRAPH_STRICT_MSGPACK": "true",
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "1",
            "LANGSMITH_TRACING": "false",
            "PYTHONPATH": os.pathsep.join(map(str, (project, ROOT, ROOT / "tests"))),
            "NO_COLOR": "1",
            **(env or {}),
        }
        config = _from_anywhere(project, extra_graphs or {})
        (directory / "langgraph.json").write_text(json.dumps(config))

    def start(self) -> DevServer:
        """Start it, on a new port each time, and wait until it answers."""
        for _ in range(3):  # a port can be lost between finding and using it
            if self._started(_free_port()):
                return self
            if "already in use" not in self.log.read_text():
                break
        raise AssertionError(f"langgraph dev did not start:\n{self.log.read_text()[-4000:]}")

    def _started(self, port: int) -> bool:
        self.url = f"http://127.0.0.1:{port}"
        program = Path(sys.executable).with_name("langgraph")
        options = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                # Without the number it runs one run at a time, whatever its help says.
                [str(program), "dev", *options, "--n-jobs-per-worker", "10"],
                cwd=self.directory,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            said = self.log.read_text()
            if "already in use" in said:
                break  # it has moved to another port by itself
            # Until it has said where it serves, whoever answers there is somebody else.
            if self.url in said and self._answers():
                return True
            time.sleep(0.05)
        self.kill()
        return False

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ok", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL; what it had not yet kept is lost."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)  # a session of its own: the group is ours alone
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)


def _from_anywhere(project: Path, extra_graphs: Mapping[str, str]) -> dict[str, Any]:
    """Return langgraph.json with absolute paths: the server resolves them from its directory."""
    config: dict[str, Any] = json.loads((project / "langgraph.json").read_text())

    def absolute(place: str) -> str:
        path, _, name = place.rpartition(":")
        return f"{project / path}:{name}" if path.endswith(".py") else place

    graphs = {**config["graphs"], **extra_graphs}
    for name, entry in graphs.items():
        if isinstance(entry, str):
            graphs[name] = absolute(entry)
        else:
            graphs[name] = {**entry, "path": absolute(entry["path"])}
    for section, key in (("checkpointer", "path"), ("http", "app"), ("auth", "path")):
        if key in config.get(section, {}):
            config[section][key] = absolute(config[section][key])
    return {**config, "graphs": graphs, "dependencies": [str(project)]}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
