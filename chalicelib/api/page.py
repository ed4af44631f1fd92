"""The page: the files of `chalicelib/web/`, for anybody; there is no data in them, and without a token none comes."""

from __future__ import annotations

import functools
from pathlib import Path

from chalice import Response

from chalicelib.api import declared, problems
from chalicelib.api.declared import TEXT, Declared
from chalicelib.api.route import blueprint

WEB = Path(__file__).parent.parent / "web"
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from anywhere else, nothing inline, and in nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@functools.cache
def content(name: str) -> tuple[str, str]:
    """Return a file's text and its mark, read once."""
    text = (WEB / name).read_text("utf-8")
    return text, problems.mark(text)


def served(name: str) -> Response:
    """Return a file as a response."""
    request = blueprint.current_request
    path = request.context["path"]
    if name == INDEX and not path.endswith("/"):
        # What the page names lies beside it, and API Gateway answers at its stage without a slash, too.
        return Response("", {**HEADERS, "Location": f"./{path.rpartition('/')[2]}/"}, 308)
    text, mark = content(name)
    if problems.held(request.headers.get("if-none-match", ""), mark):
        return Response("", {**HEADERS, "ETag": mark}, 304)
    return Response(text, {**HEADERS, "ETag": mark, "Content-Type": TYPES[Path(name).suffix]}, 200)


for _file in sorted(WEB.iterdir()):
    _path = "/" if _file.name == INDEX else f"/{_file.name}"

    def _view(name: str = _file.name) -> Response:
        """Serve a file of the page."""
        return served(name)

    declared.ROUTES.append(
        Declared("GET", _path, (), "A file of the page.", TEXT, content=TYPES[_file.suffix], door="open")
    )
    blueprint.route(_path, methods=["GET"], content_types=["*/*"], name=f"page_{_file.stem}")(_view)
