"""The bill of materials of the artefact (CycloneDX), and the licences of what is in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

from deploy.wheels import PackageError, Wheel

# What metadata says that is not an SPDX expression; the texts in the wheels were read.
SPDX: Mapping[tuple[str, str], str] = {
    ("chalice", "Apache License 2.0"): "Apache-2.0",
    ("python-dateutil", "Dual License"): "Apache-2.0 OR BSD-3-Clause",
    ("s3transfer", "Apache License 2.0"): "Apache-2.0",
}


def licence(wheel: Wheel) -> str:
    """Return the SPDX expression of a wheel's licence; raises PackageError for one that nobody has looked at."""
    said = str(wheel.metadata["License-Expression"] or wheel.metadata["License"] or "")
    try:
        return str(canonicalize_license_expression(SPDX.get((wheel.pin.name, said), said)))
    except InvalidLicenseExpression:
        raise PackageError(
            f"{wheel.pin} says its licence is {said!r}, which is not an SPDX expression: read it, and put it into "
            "SPDX of deploy/sbom.py"
        ) from None


def licences(wheels: Iterable[Wheel]) -> str:
    """Return the list of licences, with their texts; raises PackageError for a wheel that comes without."""
    ordered = sorted(wheels, key=lambda wheel: wheel.pin.name)
    lines = ["What Parapet's artefact contains beside Parapet itself (Apache-2.0).", ""]
    lines += [f"{wheel.pin}: {licence(wheel)}" for wheel in ordered]
    for wheel in ordered:
        if not wheel.licences:
            raise PackageError(f"{wheel.pin} comes without the text of its licence")
        lines += ["", "=" * 80, str(wheel.pin), "=" * 80, "", *(text.strip() for text in wheel.licences)]
    return "\n".join(lines) + "\n"


def document(wheels: Iterable[Wheel], version: str, at: datetime, sha256: str) -> str:
    """Return the bill of materials as CycloneDX JSON: of the same artefact, always the same.

    Args:
        wheels: what was packaged.
        version: Parapet's.
        at: when what was packaged was written.
        sha256: the artefact's.
    """
    ours = Component(
        name="parapet", version=version, type=ComponentType.APPLICATION, bom_ref="parapet",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
    )  # fmt: skip
    parts = {wheel.pin.name: _component(wheel) for wheel in wheels}
    bom = Bom(
        components=parts.values(),
        metadata=BomMetaData(component=ours, timestamp=at),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, sha256),
    )
    bom.register_dependency(ours, parts.values())
    for wheel in wheels:
        needs = (parts.get(canonicalize_name(need.name)) for need in wheel.needs)
        bom.register_dependency(parts[wheel.pin.name], [part for part in needs if part])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(wheel: Wheel) -> Component:
    pin = wheel.pin
    return Component(
        name=pin.name,
        version=pin.version,
        bom_ref=str(pin),
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        licenses=[LicenseFactory().make_from_string(licence(wheel))],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        # The hash is the wheel's, as in the lock file; what is packaged of it is its code.
        properties=[Property(name="parapet:wheel", value=wheel.path.name)],
    )
