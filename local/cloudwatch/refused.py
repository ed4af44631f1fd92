"""How the local CloudWatch says no."""


class Refused(Exception):
    """What CloudWatch refuses, or what cannot be evaluated here; at the API it is a ValidationError."""
