"""botocore's data, cut to the services and operations in use: the models are most of botocore, and of a cold start.

A service model keeps the operations that are called and the shapes that they reach, paginators and waiters those of
kept operations, the endpoints those of kept services; documentation and examples go. Endpoint rules stay as they are.
Everything is plain JSON, which botocore looks for first, and which needs no unpacking.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import Path as ZipPath

from botocore import xform_name
from botocore.loaders import ExtrasProcessor

from deploy import operations

# Read whatever the service: which regions there are, what may be retried, what defaults there are.
ALWAYS = ("_retry", "partitions", "sdk-default-configuration")
Json = dict[str, Any]


def cut(data: Path | ZipPath, sources: Iterable[str]) -> dict[str, bytes]:
    """Return what is left of the data of a botocore for some source code: files by their path in it.

    Args:
        data: botocore's folder `data`, installed or in its wheel.
        sources: the code that ships.
    """
    models, said = Models(data), operations.words(sources)
    services = {name: models.operations(name) for name in sorted(models.versions) if name in said.texts}
    # Many services are spoken of, since they report to us, and few are called.
    return models.cut({name: called for name, called in operations.called(said, services).items() if called})


class Models:
    """The data of a botocore."""

    def __init__(self, data: Path | ZipPath) -> None:
        self._data = data

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The latest API version of each service, which is the one that botocore takes."""
        return {
            folder.name: max(version.name for version in folder.iterdir() if _there(version, "service-2"))
            for folder in self._data.iterdir()
            if folder.is_dir()
        }

    def operations(self, service: str) -> dict[str, str]:
        """Return every operation of a service by its name in Python."""
        return {xform_name(operation): operation for operation in self._model(service)["operations"]}

    def cut(self, kept: Mapping[str, Iterable[str]]) -> dict[str, bytes]:
        """Return what the kept operations of some services need, by path."""
        files: dict[str, Json] = {name: self._read(name) for name in ALWAYS}
        prefixes: set[str] = set()
        for service, called in kept.items():
            folder, model = f"{service}/{self.versions[service]}", self._model(service)
            prefixes |= {service, model["metadata"]["endpointPrefix"]}
            wanted = frozenset(called)
            files[f"{folder}/service-2"] = _service(model, wanted)
            files[f"{folder}/endpoint-rule-set-1"] = self._read(f"{folder}/endpoint-rule-set-1")
            if pages := self._file(service, "paginators-1"):
                pages["pagination"] = {name: one for name, one in pages["pagination"].items() if name in wanted}
                files[f"{folder}/paginators-1"] = pages
            if waiters := self._file(service, "waiters-2"):
                waiters["waiters"] = {
                    name: one for name, one in waiters["waiters"].items() if one["operation"] in wanted
                }
                files[f"{folder}/waiters-2"] = waiters
        files["endpoints"] = _endpoints(self._read("endpoints"), prefixes)
        return {f"{name}.json": json.dumps(one, separators=(",", ":")).encode() for name, one in files.items()}

    def _model(self, service: str) -> Json:
        return self._file(service, "service-2")

    def _file(self, service: str, kind: str) -> Json:
        """Return a service's file of a kind with botocore's own additions merged in; empty where there is none."""
        folder = f"{service}/{self.versions[service]}"
        model = self._read(f"{folder}/{kind}")
        extras = self._read(f"{folder}/{kind}.sdk-extras")
        ExtrasProcessor().process(model, [extras] if extras else [])
        return model

    def _read(self, name: str) -> Json:
        file = _there(self._data, name)
        if file is None:
            return {}
        return dict(json.loads(gzip.decompress(file.read_bytes()) if file.name.endswith(".gz") else file.read_bytes()))


def _there(folder: Path | ZipPath, name: str) -> Path | ZipPath | None:
    """Return a file of botocore's, which may be packed."""
    for ending in (".json", ".json.gz"):
        file = folder / f"{name}{ending}"
        if file.is_file():
            return file
    return None


def _service(model: Json, kept: frozenset[str]) -> Json:
    operations = {name: one for name, one in model["operations"].items() if name in kept}
    reached: set[str] = set()
    ahead = list(_shapes(operations))
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += _shapes(model["shapes"][name])
    shapes = {name: one for name, one in model["shapes"].items() if name in reached}
    # What is said of the service as a whole stays: botocore reads some of its documentation.
    whole = {name: one for name, one in model.items() if name not in ("documentation", "examples")}
    return {**whole, "operations": _undocumented(operations), "shapes": _undocumented(shapes)}


def _shapes(value: Any) -> Iterable[str]:
    """Yield the names of the shapes that a piece of a model refers to."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "shape" and isinstance(one, str):
                yield one
            else:
                yield from _shapes(one)
    elif isinstance(value, list):
        for one in value:
            yield from _shapes(one)


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _undocumented(one)
            for name, one in value.items()
            # A member may well be called documentation; it is not a text.
            if not (name in ("documentation", "documentationUrl") and isinstance(one, str))
        }
    return [_undocumented(one) for one in value] if isinstance(value, list) else value


def _endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    partitions = [
        {**one, "services": {name: service for name, service in one["services"].items() if name in prefixes}}
        for one in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}
