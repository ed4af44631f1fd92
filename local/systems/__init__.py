"""The systems that the course builds, at work in the local account: traffic, numbers, log lines and traces of theirs.

Nothing runs behind them. A pure model (`traffic.py`) tells of any minute how many came, failed and waited, from a seed
and from the faults that somebody made (`faults.py`); each system is data (`shop.py` …): what it is made of, who calls
whom, and which metrics each part writes. What is worked out for a minute now is what was for it at the start.
"""

from __future__ import annotations

from collections.abc import Mapping

from local.systems.images import IMAGES
from local.systems.intake import INTAKE
from local.systems.model import System
from local.systems.platform import PLATFORM
from local.systems.saas import SAAS
from local.systems.shop import SHOP

SYSTEMS: Mapping[str, System] = {one.name: one for one in (SHOP, INTAKE, PLATFORM, IMAGES, SAAS)}
