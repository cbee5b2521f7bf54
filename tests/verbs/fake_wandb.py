"""As much of a W&B server as takes runs and a report: what `wandb` itself is tested against."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeWandb(ThreadingHTTPServer):
    """Keeps what it is told.

    Attributes:
        refused: substrings of W&B ids whose runs are refused.
        stream_status: what it answers to lines of history, 403 for a store that refuses them.
        runs: every run that was begun, as "entity/project/id".
        history: lines of history that were sent, by W&B id.
        reports: variables of every report that was saved.
        unknown: queries that it had no answer to.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refused: tuple[str, ...] = ()
        self.stream_status = 200
        self.runs: list[str] = []
        self.history: dict[str, int] = {}
        self.reports: list[dict[str, Any]] = []
        self.unknown: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients hang up as they end."""

    def answer(self, query: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """The data for a query; None where it is refused."""
        if "upsertBucket" in query:
            return self._run(values)
        if "mutation CreateArtifact " in query:
            latest = {"latestArtifact": {"id": "a"}}
            artifact = {"id": "a", "state": "COMMITTED", "artifactSequence": latest}
            return {"createArtifact": {"artifact": artifact}}
        if "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": f"{self.url}/put"} for name in values["files"]]
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
        if "upsertView" in query:
            return self._report(values)
        if "viewer" in query:
            teams = {"edges": []}
            viewer = {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": teams}
            return {"viewer": viewer}
        if "GetProjects" in query:
            return {"models": self._projects(str(values["entity"]))}
        if "ProjectInternalId" in query:
            return {"project": {"id": "p", "internalId": "UHJvamVjdA=="}}
        if "ServerFeatures" in query:
            return {"serverInfo": {"features": []}}
        self.unknown.append(query)
        return {}

    def _run(self, values: dict[str, Any]) -> dict[str, Any] | None:
        name = str(values.get("name") or values.get("id"))
        if any(part in name for part in self.refused):
            return None
        entity, project = values.get("entity") or "me", values.get("project")
        self.runs.append(f"{entity}/{project}/{name}")
        where = {"id": "p", "name": project, "entity": {"id": "e", "name": entity}}
        bucket = {"id": "r", "name": name, "displayName": name, "project": where, "config": "{}"}
        return {"upsertBucket": {"bucket": {**bucket, "historyLineCount": 0}, "inserted": True}}

    def _projects(self, entity: str) -> dict[str, Any]:
        names = {run.split("/")[1] for run in self.runs if run.startswith(f"{entity}/")}
        rest = {"__typename": "Project", "entityName": entity, "isBenchmark": False, "user": None}
        made = {"id": "p", "createdAt": "2026-01-01T00:00:00"}
        nodes = [{"node": {**rest, **made, "name": name}} for name in sorted(names)]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"pageInfo": page, "edges": nodes}

    def _report(self, values: dict[str, Any]) -> dict[str, Any]:
        self.reports.append(values)
        project = {"id": "p", "name": values["projectName"], "entityName": values["entityName"]}
        view = {"id": "view", "type": "runs", "name": values["name"], "project": project}
        shown = {key: values[key] for key in ("displayName", "description", "spec")}
        return {"upsertView": {"view": {**view, **shown}, "inserted": True}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeWandb

    def do_GET(self) -> None:
        self._reply({})

    def do_PUT(self) -> None:
        self._body()
        self._reply({})

    def do_POST(self) -> None:
        body = self._body()
        if self.path.endswith("/file_stream"):
            if self.server.stream_status == 200:
                self._count(body)
            self._reply({}, self.server.stream_status)
        elif self.path.endswith("/graphql"):
            asked = json.loads(body)
            data = self.server.answer(asked["query"], asked.get("variables") or {})
            refused = {"errors": [{"message": "permission denied"}]}
            self._reply(refused if data is None else {"data": data}, 403 if data is None else 200)
        else:
            self._reply({})

    def _count(self, body: bytes) -> None:
        lines = json.loads(body).get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
        wandb_id = self.path.split("/")[-2]
        self.server.history[wandb_id] = self.server.history.get(wandb_id, 0) + len(lines)

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _reply(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is kept."""


@contextmanager
def fake_wandb() -> Iterator[FakeWandb]:
    """A server on a free port of this machine, for the length of a `with` block."""
    with FakeWandb() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
