"""An Airbyte server for the tests: it keeps sources, destinations, connections and jobs, and writes to PostgreSQL.

Every answer of the public API is checked against the official models (``airbyte-api``) before it is sent. What goes
wrong is planned with :class:`Trouble`. Lists are cut into pages whose next address names a host that does not exist,
as a server behind a proxy does.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airbyte_api import models

from udb_pipelines_tests.connectors.airbyte_server.writing import write

CLIENT_ID, CLIENT_SECRET = "udb-tests", "planted-client-secret"
ENDED = ("succeeded", "failed", "cancelled")
FAKER = "dfd88b22-b603-4c3d-aad7-3701784586b1"
POSTGRES = "25c5221d-dce2-4163-ade9-739ef790f503"

ORDERS: dict[str, Any] = {
    "name": "Orders",
    "jsonSchema": {"properties": {
        "id": {"type": "integer"},
        "unitPrice": {"type": ["null", "number"]},
        "ordered_at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
        "note": {"type": "string"},
    }},
    "supportedSyncModes": ["full_refresh", "incremental"],
    "sourceDefinedCursor": True,
    "defaultCursorField": ["ordered_at"],
    "sourceDefinedPrimaryKey": [["id"]],
}  # fmt: skip
NOTES: dict[str, Any] = {
    "name": "notes",
    "jsonSchema": {"properties": {"text": {"type": "string"}}},
    "supportedSyncModes": ["full_refresh"],
}


@dataclass
class Trouble:
    """What goes wrong with the next ``times`` requests that match."""

    method: str
    path: str
    status: int = 500
    """0: the answer is lost, the connection just ends."""
    times: int = 1
    done: bool = False
    """The request is carried out before."""
    headers: dict[str, str] = field(default_factory=dict)
    problem: dict[str, Any] = field(default_factory=lambda: {"type": "about:blank", "title": "unexpected-problem"})


class ProblemError(Exception):
    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(title)
        self.status, self.title, self.detail = status, title, detail


@dataclass
class State:
    """What the server keeps, and how it behaves."""

    applications: dict[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    token_seconds: float = 180
    page: int = 2
    configuration_api: bool = True
    check: dict[str, Any] = field(default_factory=lambda: {"status": "succeeded"})
    script: tuple[str, ...] = ("queued", "pending", "running", "succeeded")
    """The statuses that each job goes through, one for each look at it."""
    failure: str = ""
    counts_off: int = 0
    writes: bool = True
    catalog: list[dict[str, Any]] = field(default_factory=lambda: [ORDERS, NOTES])
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    workspaces: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    destinations: list[dict[str, Any]] = field(default_factory=list)
    connections: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Configurations as they were sent, by id; answers have asterisks."""
    requests: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.add_workspace("main")

    def add_workspace(self, name: str) -> None:
        about = {"workspaceId": str(uuid.uuid4()), "name": name, "dataResidency": "auto", "notifications": {}}
        self.workspaces.append(about)

    @property
    def workspace(self) -> str:
        return str(self.workspaces[0]["workspaceId"])

    def count(self, pattern: str) -> int:
        return sum(1 for request in self.requests if re.fullmatch(pattern, request))


class FakeAirbyte:
    """The routes, by method and path."""

    def __init__(self) -> None:
        self.state = State()
        self.url = ""
        public, key = "/api/public/v1", "(?P<key>[^/]+)"
        self.routes: list[tuple[str, str, Callable[..., Any], Any]] = [
            ("GET", f"{public}/health", lambda **_: {}, None),
            ("GET", f"{public}/workspaces", self._list("workspaces"), models.WorkspacesResponse),
            ("GET", f"{public}/workspaces/{key}/definitions/sources", self._definitions, models.DefinitionsResponse),
            ("GET", f"{public}/sources", self._list("sources"), models.SourcesResponse),
            ("GET", f"{public}/destinations", self._list("destinations"), models.DestinationsResponse),
            ("GET", f"{public}/connections", self._list("connections"), models.ConnectionsResponse),
            ("GET", f"{public}/jobs", self._jobs, models.JobsResponse),
            ("POST", f"{public}/sources", self._new_actor("source"), models.SourceResponse),
            ("POST", f"{public}/destinations", self._new_actor("destination"), models.DestinationResponse),
            ("PATCH", f"{public}/sources/{key}", self._patch_actor("source"), models.SourceResponse),
            ("PATCH", f"{public}/destinations/{key}", self._patch_actor("destination"), models.DestinationResponse),
            ("GET", f"{public}/destinations/{key}", self._one("destination"), models.DestinationResponse),
            ("POST", f"{public}/connections", self._new_connection, models.ConnectionResponse),
            ("PATCH", f"{public}/connections/{key}", self._patch_connection, models.ConnectionResponse),
            ("GET", f"{public}/connections/{key}", self._one("connection"), models.ConnectionResponse),
            ("GET", f"{public}/streams", self._streams, None),
            ("POST", f"{public}/jobs", self._new_job, models.JobResponse),
            ("GET", f"{public}/jobs/{key}", self._look, models.JobResponse),
            ("DELETE", f"{public}/jobs/{key}", self._cancel, models.JobResponse),
            ("POST", "/api/v1/sources/check_connection", lambda **_: {**self.state.check, "jobInfo": {}}, None),
            ("POST", "/api/v1/sources/discover_schema", self._discover, None),
            ("POST", "/api/v1/jobs/get", self._details, None),
            ("POST", "/api/v1/connections/get", self._configured_connection, None),
            ("GET", f"{public}/workspaces/{key}", self._one("workspace"), models.WorkspaceResponse),
        ]  # fmt: skip

    # --- requests -----------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], Any] | None:
        """Status, headers and content; None when the answer is lost."""
        path, query = urlsplit(target).path, {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
        state = self.state
        with state.lock:
            state.requests.append(f"{method} {path}")
            trouble = self._trouble(method, path)
            if trouble and not trouble.done:
                return self._troubled(trouble)
            try:
                content = self._handle(method, path, query, headers, body)
            except ProblemError as problem:
                about = {
                    "type": "about:blank",
                    "title": problem.title,
                    "detail": problem.detail,
                    "status": problem.status,
                }
                return problem.status, {"Content-Type": "application/problem+json"}, about
            return self._troubled(trouble) if trouble else (200, {"Content-Type": "application/json"}, content)

    def _trouble(self, method: str, path: str) -> Trouble | None:
        for trouble in self.state.troubles:
            if trouble.times and trouble.method == method and re.search(trouble.path, path):
                trouble.times -= 1
                return trouble
        return None

    @staticmethod
    def _troubled(trouble: Trouble) -> tuple[int, dict[str, str], Any] | None:
        headers = {"Content-Type": "application/problem+json", **trouble.headers}
        return (trouble.status, headers, trouble.problem) if trouble.status else None

    def _handle(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Any:
        if path == "/api/public/v1/applications/token":
            return self._token(headers, body)
        if not path.endswith("/health"):
            self._admit(headers.get("Authorization", ""))
        if path.startswith("/api/v1/") and not self.state.configuration_api:
            raise ProblemError(404, "not-found", "no such path")
        for known, pattern, handler, model in self.routes:
            match = re.fullmatch(pattern, path)
            if match and known == method:
                content = handler(query=query, body=json.loads(body or b"{}"), **match.groupdict())
                if model is not None and not self._has_new_status(content):
                    model.model_validate(content)
                return content
        raise ProblemError(404, "not-found", "no such path")

    @staticmethod
    def _has_new_status(content: Any) -> bool:
        """A status that the published models do not know yet, which is what some tests are about."""
        return content.get("status") == "rebalancing"

    def _token(self, headers: Any, body: bytes) -> Any:
        form = "x-www-form-urlencoded" in headers.get("Content-Type", "")
        given = {k: v[0] for k, v in parse_qs(body.decode()).items()} if form else json.loads(body)
        if given.get("client_secret") is None or (
            self.state.applications.get(given.get("client_id", "")) != given["client_secret"]
        ):
            raise ProblemError(
                401, "unauthorized", f"no application {given.get('client_id')}/{given.get('client_secret')}"
            )
        token = f"planted-token-{uuid.uuid4().hex}"
        self.state.tokens[token] = time.monotonic() + self.state.token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self.state.token_seconds)}

    def _admit(self, authorization: str) -> None:
        until = self.state.tokens.get(authorization.removeprefix("Bearer "), 0)
        if until < time.monotonic():
            raise ProblemError(401, "unauthorized", f"the token is not valid: {authorization}")

    # --- lists, actors ------------------------------------------------------------------------------------

    def _list(self, what: str) -> Callable[..., Any]:
        def listed(query: dict[str, str], **_: Any) -> Any:
            return self._paged(what, getattr(self.state, what), query)

        return listed

    def _paged(self, what: str, items: list[dict[str, Any]], query: dict[str, str]) -> Any:
        limit, offset = min(int(query.get("limit", 20)), self.state.page), int(query.get("offset", 0))
        answer: dict[str, Any] = {"data": items[offset : offset + limit]}
        if offset + limit < len(items):
            answer["next"] = (
                f"https://airbyte-server-svc.invalid:8001/public/v1/{what}?limit={limit}&offset={offset + limit}"
            )
        return answer

    def _find(self, what: str, key: str) -> dict[str, Any]:
        for item in getattr(self.state, f"{what}s"):
            if str(item[f"{what}Id"]) == key:
                return item  # type: ignore[no-any-return]
        raise ProblemError(404, "resource-not-found", f"there is no {what} {key}")

    def _one(self, what: str) -> Callable[..., Any]:
        return lambda key, **_: self._find(what, key)

    def _definitions(self, **_: Any) -> Any:
        names = {"Sample Data (Faker)": ("faker", FAKER), "GitHub": ("github", str(uuid.uuid4()))}
        return {
            "data": [
                {"id": key, "name": name, "dockerRepository": f"airbyte/source-{image}", "dockerImageTag": "7"}
                for name, (image, key) in names.items()
            ]
        }

    def _new_actor(self, role: str) -> Callable[..., Any]:
        def made(body: dict[str, Any], **_: Any) -> Any:
            kind = body["configuration"].get(f"{role}Type", "faker")
            item = {
                f"{role}Id": str(uuid.uuid4()), "name": body["name"], f"{role}Type": kind, "createdAt": 1,
                "definitionId": body.get("definitionId", POSTGRES), "workspaceId": body["workspaceId"],
            }  # fmt: skip
            getattr(self.state, f"{role}s").append(item)
            return self._configured(role, item, body["configuration"])

        return made

    def _patch_actor(self, role: str) -> Callable[..., Any]:
        def patched(key: str, body: dict[str, Any], **_: Any) -> Any:
            return self._configured(role, self._find(role, key), body["configuration"])

        return patched

    def _configured(self, role: str, item: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
        self.state.secrets[item[f"{role}Id"]] = configuration
        hidden = {k: "**********" if re.search("password|token", k) else v for k, v in configuration.items()}
        item["configuration"] = hidden
        return item

    def _discover(self, body: dict[str, Any], **_: Any) -> Any:
        self._find("source", body["sourceId"])
        return {
            "catalog": {"streams": [{"stream": stream, "config": {}} for stream in self.state.catalog]},
            "jobInfo": {},
        }

    def _streams(self, **_: Any) -> Any:
        found = [
            {
                "streamName": stream["name"], "streamnamespace": stream.get("namespace"),
                "syncModes": ["full_refresh_overwrite", "incremental_append", "incremental_deduped_history"]
                if "incremental" in stream["supportedSyncModes"] else ["full_refresh_overwrite"],
                "defaultCursorField": stream.get("defaultCursorField", []),
                "sourceDefinedPrimaryKey": stream.get("sourceDefinedPrimaryKey", []),
                "propertyFields": [[name] for name in stream["jsonSchema"]["properties"]],
            }
            for stream in self.state.catalog
        ]  # fmt: skip
        for item in found:
            models.StreamProperties.model_validate(item)
        return found

    # --- connections, jobs --------------------------------------------------------------------------------

    def _new_connection(self, body: dict[str, Any], **_: Any) -> Any:
        models.ConnectionCreateRequest.model_validate(body)
        self._find("source", body["sourceId"])
        self._find("destination", body["destinationId"])
        item = {
            **body, "connectionId": str(uuid.uuid4()), "workspaceId": self.state.workspace, "createdAt": 1, "tags": [],
            "schedule": {"scheduleType": "manual"}, "status": "active",
        }  # fmt: skip
        self.state.connections.append(item)
        return item

    def _patch_connection(self, key: str, body: dict[str, Any], **_: Any) -> Any:
        models.ConnectionPatchRequest.model_validate(body)
        item = self._find("connection", key)
        item.update(body)
        return item

    def _configured_connection(self, body: dict[str, Any], **_: Any) -> Any:
        """As the configuration API describes a connection."""
        item = self._find("connection", body["connectionId"])
        known = {stream["name"]: stream for stream in self.state.catalog}
        streams = [
            {"stream": known[setup["name"]], "config": {"selected": True, "syncMode": "full_refresh"}}
            for setup in item["configurations"]["streams"]
        ]
        return {**item, "syncCatalog": {"streams": streams}, "prefix": ""}

    def _jobs(self, query: dict[str, str], **_: Any) -> Any:
        found = [self._shown(job) for job in self.state.jobs if job["connectionId"] == query["connectionId"]]
        return self._paged("jobs", found[::-1], query)

    def _new_job(self, body: dict[str, Any], **_: Any) -> Any:
        models.JobCreateRequest.model_validate(body)
        connection = self._find("connection", body["connectionId"])
        own = connection["connectionId"]
        if any(job["connectionId"] == own and job["status"] not in ENDED for job in self.state.jobs):
            raise ProblemError(409, "try-again-later", f"A sync is already running for: {own}")
        job = {
            "jobId": len(self.state.jobs) + 11, "jobType": "sync", "connectionId": own,
            "startTime": "2026-03-01T10:00:00Z", "status": self.state.script[0], "left": list(self.state.script[1:]),
            "streams": [],
        }  # fmt: skip
        self.state.jobs.append(job)
        return self._shown(job)

    def _look(self, key: str, **_: Any) -> Any:
        job = self._find("job", key)
        if job["status"] not in ENDED and job["left"]:
            job["status"] = job["left"].pop(0)
            if job["status"] == "succeeded":
                self._copy(job)
        return self._shown(job)

    def _cancel(self, key: str, **_: Any) -> Any:
        job = self._find("job", key)
        if job["status"] in ENDED:
            raise ProblemError(409, "state-conflict", "Job is not currently running")
        job["status"] = "cancelled"
        return self._shown(job)

    @staticmethod
    def _shown(job: dict[str, Any]) -> dict[str, Any]:
        rows = sum(item["recordsCommitted"] for item in job["streams"])
        shown = {key: value for key, value in job.items() if key not in ("left", "streams")}
        return {**shown, "rowsSynced": rows, "bytesSynced": rows * 100}

    def _copy(self, job: dict[str, Any]) -> None:
        """What the connector reads, into the destination."""
        connection = self._find("connection", job["connectionId"])
        destination = self.state.secrets[connection["destinationId"]]
        for setup in connection["configurations"]["streams"]:
            space = setup.get("namespace")
            stream = next(
                item for item in self.state.catalog if (item.get("namespace"), item["name"]) == (space, setup["name"])
            )
            rows = self.state.records.get(f"{space}.{setup['name']}" if space else setup["name"], [])
            schema = destination.get("schema", "public")
            if connection.get("namespaceDefinition") == "custom_format":
                schema = connection["namespaceFormat"].replace("${SOURCE_NAMESPACE}", space or "") or schema
            if self.state.writes:
                write({**destination, "schema": schema}, stream, rows, setup["syncMode"])
            job["streams"].append(
                {"streamName": setup["name"], "streamNamespace": space, "recordsEmitted": len(rows),
                 "recordsCommitted": len(rows) + self.state.counts_off}
            )  # fmt: skip

    def _details(self, body: dict[str, Any], **_: Any) -> Any:
        job = self._find("job", str(body["id"]))
        reason = {"failureOrigin": "source", "failureType": "config_error", "externalMessage": self.state.failure,
                  "internalMessage": "not for people", "stacktrace": "...", "timestamp": 1}  # fmt: skip
        attempt: dict[str, Any] = {"id": 0, "status": job["status"]}
        if self.state.failure:
            attempt["failureSummary"] = {"failures": [reason], "partialSuccess": False}
        return {
            "job": {"id": job["jobId"], "status": job["status"], "streamAggregatedStats": job["streams"]},
            "attempts": [{"attempt": attempt, "logs": {"logLines": ["planted-value-in-a-log"]}}],
        }


@contextmanager
def serving() -> Iterator[FakeAirbyte]:
    """A server on the loopback interface, for the enclosed work."""
    fake = FakeAirbyte()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = fake.answer(self.command, self.path, self.headers, body)
            if found is None:
                self.close_connection = True
                return
            status, headers, content = found
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
