"""Lookups as the tests ask them, and web servers on loopback for them to ask."""

import http.server
import json

from enrich.contract import LOOKUP_COLUMNS, check
from enrich.lookups.cache import Cache
from enrich.lookups.registry import make
from enrich.lookups.run import enrich
from tests.support.findings import to

KEY = "key-that-nobody-may-see-4711"


def web(serve, answer):
    """Serve answer(path) -> (status, JSON or None for a lost connection); return port and paths."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            status, content = answer(self.path)
            if content is None:
                self.connection.close()
                return
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)), paths


def made(module, **settings):
    """Make lookups that ask at full speed, without retries."""
    settings = {"enabled": True, "per_second": 1e6, "lifetime_days": 1} | settings
    lookups = make(module.KIND, module.Settings(**settings))
    for lookup in lookups:
        lookup.retries = 0
    return lookups


def looked_up(lookups, *addresses, cache=None):
    rows, outcomes = enrich(to(*addresses), lookups, cache or Cache(None))
    for row in rows:
        check({name: row.get(name) for name in LOOKUP_COLUMNS}, "row", LOOKUP_COLUMNS)
    return rows, outcomes
