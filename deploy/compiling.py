"""Compiles what comes on standard input, by name, for `deploy.compiled`; runs alone, and so imports nothing of ours."""

import marshal
import sys

# Tracebacks name files as they lie in Lambda.
ROOT = "/var/task/"


def main() -> None:
    """Write every file's code; says which one does not compile."""
    found = {}
    for name, source in marshal.load(sys.stdin.buffer).items():
        try:
            # Docstrings stay: the guardrails' are read at run time.
            code = compile(source, ROOT + name, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError) as error:
            sys.exit(f"{name} does not compile: {error}")
        found[name] = marshal.dumps(code)
    sys.stdout.buffer.write(marshal.dumps(found))


if __name__ == "__main__":
    main()
