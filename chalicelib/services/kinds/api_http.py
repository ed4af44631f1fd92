"""A stage of an HTTP API of API Gateway: as a REST API's, by its id, and with other names for errors.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind
from chalicelib.services.kinds.api_rest import REQUESTS, STAGE, of_stage
from chalicelib.services.model import Measures, Target


def measures(target: Target) -> Measures:
    """Return what is measured of a stage of an HTTP API."""
    return of_stage(target, "5xx", ("ApiId", str(target.given["api"])), ("Stage", str(target.given["stage"])))


API = Field("the id of the API, such as a1b2c3d4e5", r"[a-z0-9]{8,12}")
KIND = Kind("api_http", "HTTP API", {"api": API, "stage": STAGE, "requests": REQUESTS}, measures, "api")
