"""The CloudTrail that moto lacks: every API call made over the wire becomes a CloudTrail record."""

from local.trail.identities import Identities, Identity
from local.trail.middleware import Trail

__all__ = ["Identities", "Identity", "Trail"]
