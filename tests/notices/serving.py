"""A WSGI app on a port of its own, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """No log line per request, and no traceback for a connection that a test has cut."""

    def log(self, *_: Any, **__: Any) -> None:
        return


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an app; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    # It ends when it next looks whether it should.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
