"""What Lambda does to a packaged function, in a process of its own.

`python -I -S lambda_process.py TASK HANDLER`, with the event on standard input: nothing but the artefact in the folder
TASK and the standard library is on the path. The last line of the output is a JSON object: the answer, how long the
function has time, and where every module that was imported came from.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import types

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:parapet-test-"


class Context:
    """What Lambda tells about an invocation."""

    def __init__(self, name: str) -> None:
        self.function_name = f"parapet-test-{name}"
        self.memory_limit_in_mb = 512
        self.aws_request_id = "00000000-0000-4000-8000-000000000001"
        self.invoked_function_arn = ARN + name
        self._ends = time.monotonic() + 90

    def get_remaining_time_in_millis(self) -> int:
        return int(max(0.0, self._ends - time.monotonic()) * 1000)


def origins(modules: dict[str, types.ModuleType]) -> dict[str, list[str | None]]:
    """The source and the compiled file of each module that has a file."""
    return {
        name: [module.__file__, getattr(module, "__cached__", None)]
        for name, module in modules.items()
        if getattr(module, "__file__", None) and name not in ("__main__", "__mp_main__")
    }


if __name__ == "__main__":
    task, handler = sys.argv[1:]
    sys.path.insert(0, task)
    name, _, attribute = handler.rpartition(".")
    function = getattr(importlib.import_module(name), attribute)
    answer = function(json.load(sys.stdin), Context(attribute))
    sys.stdout.write("\n" + json.dumps({"answer": answer, "modules": origins(dict(sys.modules))}) + "\n")
