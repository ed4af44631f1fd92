"""What traces and logs say, without what nobody should read: secrets, and the queries of addresses."""

from __future__ import annotations

from chalicelib.enrich.errors import concealed

LONGEST = 1000


def scrubbed(text: str, most: int = LONGEST) -> str:
    """Return a text without secrets, cut to be read."""
    found = concealed(text[: 4 * most])
    return found if len(found) <= most else f"{found[: most - 1]}…"


def address(url: str) -> str:
    """Return an address without its query and its user, which may hold secrets."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, there, rest = plain.partition("://")
    if there:
        host, slash, path = rest.partition("/")
        plain = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    return scrubbed(plain, 500)
