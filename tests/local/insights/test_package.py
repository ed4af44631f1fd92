"""The engine could be published as it is: nothing in it is of Parapet or of moto."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import local.insights

HERE = Path(local.insights.__file__).parent


def test_it_imports_only_itself_its_parser_and_python() -> None:
    modules = sorted(HERE.glob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = name.split(".")[0] in (*sys.stdlib_module_names, "lark") or name.startswith("local.insights")
                assert known, f"{module.name} imports {name}"


def test_what_is_public_is_there() -> None:
    assert all(getattr(local.insights, name) for name in local.insights.__all__)
