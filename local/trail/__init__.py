"""The CloudTrail that moto lacks: every API call made over the wire becomes a CloudTrail record.

S3's account calls (`aws s3control ...`) need `HTTP_PROXY` set to the local endpoint, or a name service that
knows `*.localhost`: every AWS client puts the account id before the host, also before `127.0.0.1`.
"""

from local.trail.identities import Identities, Identity
from local.trail.middleware import Trail

__all__ = ["Identities", "Identity", "Trail"]
