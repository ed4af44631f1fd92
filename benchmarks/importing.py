"""What Lambda does before the first event: a function's module is imported, and nothing else.

`importing.py PATH MODULE`, with nothing but PATH and the standard library on the path; the module `client` is a bare
botocore client of EC2.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    path, module = sys.argv[1:]
    sys.path.insert(0, path)
    if module == "client":
        import botocore.session

        botocore.session.get_session().create_client("ec2")
    else:
        importlib.import_module(module)
    sys.path.append(str(Path(__file__).parent.parent))
    from benchmarks.peak import peak

    print(json.dumps([peak()]))
