"""botocore as the artefact has it: what the functions call in tests, the cut models must know."""

from __future__ import annotations

from pathlib import Path

import botocore
import botocore.session
from botocore.loaders import Loader

from deploy import models

ROOT = Path(__file__).parent.parent
FULL = Path(botocore.__file__).parent / "data"


def session(folder: Path) -> botocore.session.Session:
    """A session that knows of AWS what the artefact knows; its models are written into a folder."""
    sources = (path.read_text("utf-8") for path in (ROOT / "chalicelib").rglob("*.py"))
    for name, content in models.cut(FULL, sources).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    made = botocore.session.Session()
    made.register_component("data_loader", Loader([str(folder)], include_default_search_paths=False))
    return made
