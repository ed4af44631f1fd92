"""One guard function as Lambda runs it: imported, then handed events; the counterpart of `bare.py`.

`ours.py PATH EVENTS.json`, with nothing but PATH and the standard library on the path.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:guard_ec2"

if __name__ == "__main__":
    path, file = sys.argv[1:]
    sys.path.insert(0, path)
    from chalicelib.functions.guard_ec2 import guard_ec2

    spent = []
    for number, event in enumerate(json.loads(Path(file).read_text("utf-8"))):
        before = time.process_time()
        guard_ec2(event, SimpleNamespace(invoked_function_arn=ARN, aws_request_id=f"bench-{number}"))
        spent.append((time.process_time() - before) * 1000)
    sys.path.append(str(Path(__file__).parent.parent))
    from benchmarks.peak import peak

    # The last line: the function logs to the same place.
    print("\n" + json.dumps([*spent, peak()]))
