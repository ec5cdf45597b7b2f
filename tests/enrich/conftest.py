"""Fixtures of the lookups: servers on loopback, and a configuration of msticpy."""

import threading

import pytest

from tests.support.lookups import KEY


@pytest.fixture
def serve():
    """Start servers on loopback; each is a list of what it was asked, with its port."""
    running = []

    def start(server):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.append(server)
        return server.server_address[1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def msticpy_config(tmp_path, monkeypatch):
    """Point msticpy at a configuration with one provider, whose key comes from the environment."""
    file = tmp_path / "msticpyconfig.yaml"
    file.write_text(
        "TIProviders:\n  OTX:\n    Args:\n      AuthKey:\n        EnvironmentVar: OTX_SECRET\n"
        "    Primary: true\n    Provider: OTX\n"
    )
    monkeypatch.setenv("MSTICPYCONFIG", str(file))
    monkeypatch.setenv("OTX_SECRET", KEY)
    from msticpy.common import pkg_config

    pkg_config.refresh_config()
    yield file
    monkeypatch.delenv("MSTICPYCONFIG")
    pkg_config.refresh_config()
