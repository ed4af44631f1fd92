"""The services whose dashboards are shown where the settings name none: the sample systems, with made-up ids."""

from __future__ import annotations

import tomllib
from pathlib import Path
from string import Template

from chalicelib.section import Section
from chalicelib.services import chosen
from chalicelib.services.model import Service
from deploy.artefact import ROOT

FILE = ROOT / "local" / "systems" / "services.toml"
IDS = {
    "shop_alb": "app/shop/50dc6c495c0c9188",
    "shop_tg": "targetgroup/shop-web/943f017f100becff",
    "shop_nat": "nat-0a1b2c3d4e5f60718",
    "shop_cdn": "E2EXAMPLE1SHOP",
    "intake_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:intake",
    "platform_alb": "app/platform/3f1e9c7d5b2a8064",
    "platform_tg": "targetgroup/platform-web/73e2d6bc24d8a067",
    "saas_api": "a1b2c3d4e5",
    "saas_stage": "$default",
    "saas_cdn": "E2EXAMPLE1SAAS",
    "saas_pool": "eu-west-1_AbCdEfGhI",
    "saas_client": "1example23456789abcdefghij",
}


def services(file: Path = FILE) -> tuple[Service, ...]:
    """Return the sample systems as services; raises SettingsError, and KeyError for an id that has none here."""
    document = tomllib.loads(Template(file.read_text("utf-8")).substitute(IDS))
    return chosen.read(Section(file.name, "", document).tables("services"))
