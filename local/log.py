"""Where the functions' log lines go on the laptop: the terminal is for the live lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable


class Log(io.TextIOBase):
    """Shows every line when asked to, otherwise only what nothing else tells: a notice that did not get through."""

    def __init__(self, say: Callable[[str], None], *, verbose: bool = False) -> None:
        self._say, self._verbose = say, verbose

    def write(self, text: str) -> int:
        """Take one line of JSON."""
        line = json.loads(text)
        if self._verbose:
            self._say(text.rstrip("\n"))
        elif line["level"] == "ERROR" and "message_id" in line:
            self._say(f"{line['service']}: {line['message']}")
        return len(text)
