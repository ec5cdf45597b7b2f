"""A server on loopback that takes logs as Azure Monitor's ingestion endpoint does."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RULE = "dcr-0123456789abcdef"
TABLE = "network_beaconing_anomalies_CL"
RUNS_TABLE = "network_beaconing_runs_CL"
PATHS = {
    f"/dataCollectionRules/{RULE}/streams/Custom-{table}?api-version=2023-01-01": table
    for table in (TABLE, RUNS_TABLE)
}
LARGEST_REQUEST = 1_000_000
LARGEST_FIELD = 32 * 1024

# What a request can meet instead of a plain 204.
FAULTS = {
    "429": "too many requests",
    "503": "overloaded",
    "500": "internal error",
    "drop before": "the connection ends before the rows are taken",
    "drop after": "the rows are taken, the connection ends without an answer",
    "half answer": "the rows are taken, the connection ends within the status line",
    "slow": "the rows are taken, the answer comes after the client's patience",
}


def key_of(row: dict) -> tuple[str, str, str]:
    return row["RunId"], row.get("BeaconId", "run"), row["EndDate"]


@dataclass
class IngestionServer:
    """What was sent, and what goes wrong next. Use as a context manager.

    `fault` is called once per request and returns a name of FAULTS, another status such as "403",
    or None. `refuses` is called with the rows of a request, and returns True for a 400. `watch` is
    called with "received", "accepted" or "confirmed" and the keys of the rows.
    """

    fault: Callable[[], str | None] = lambda: None
    refuses: Callable[[list], bool] = lambda rows: False
    watch: Callable[[str, list], None] = lambda phase, keys: None
    retry_after: str = "0"
    slow_seconds: float = 1.0
    error_text: str = "made by the test"
    requests: int = 0
    faults_met: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)  # as accepted, copies included
    runs: list[dict] = field(default_factory=list)  # the same, of the table of runs
    accepted: list[tuple] = field(default_factory=list)
    confirmed: list[tuple] = field(default_factory=list)
    headers: list[dict] = field(default_factory=list)

    def __enter__(self):
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                recorder.answer(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):  # clients that died are the point of these tests
                pass

        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self.lock:
            self.requests += 1
            self.headers.append(dict(request.headers))
            fault = self.fault()
            if fault:
                self.faults_met.append(fault)
        status, rows = self.judged(request, body)
        keys = [key_of(row) for row in rows]
        self.watch("received", keys)
        if fault and fault.isdigit():
            return self.respond(request, int(fault))
        if fault == "drop before":
            return self.drop(request)
        if status != 204:
            return self.respond(request, status)
        with self.lock:
            self.sizes.append(len(body))
            if PATHS[request.path] == RUNS_TABLE:
                self.runs += rows
            else:
                self.rows += rows
                self.accepted += keys
        self.watch("accepted", keys)
        if fault == "slow":
            time.sleep(self.slow_seconds)
            return self.drop(request)
        if fault == "half answer":
            request.wfile.write(b"HTTP/1.1 20")
            request.wfile.flush()
        if fault in ("drop after", "half answer"):
            return self.drop(request)
        self.respond(request, 204)
        with self.lock:
            self.confirmed += keys if PATHS[request.path] == TABLE else []
        self.watch("confirmed", keys)

    def judged(self, request, body):
        """Return the status that the service would answer, and the rows."""
        if len(body) > LARGEST_REQUEST:
            return 413, []
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return 401, []
        if request.path not in PATHS:
            return 404, []
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if len(body) > LARGEST_REQUEST:
            return 413, []

        def refuse(constant):
            raise ValueError(constant)  # NaN and Infinity are no JSON

        try:
            rows = json.loads(body.decode(), parse_constant=refuse)
        except ValueError:
            return 400, []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return 400, []
        for row in rows:
            for value in row.values():
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                # The real service truncates silently; here a field that is too long is an error.
                if len(text.encode()) > LARGEST_FIELD:
                    return 400, []
        if self.refuses(rows):
            return 400, []
        return 204, rows

    def respond(self, request, status):
        body = b""
        if status != 204:
            error = {"error": {"code": "MadeUp", "message": self.error_text}}
            body = json.dumps(error).encode()
        request.send_response(status)
        if status in (429, 503):
            request.send_header("Retry-After", self.retry_after)
        if body:
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
        request.wfile.flush()

    def drop(self, request):
        """End the connection with a reset, as a load balancer does."""
        linger = struct.pack("ii", 1, 0)
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.close_connection = True
        request.connection.close()
