"""Parapet: guardrails and on-call observability for AWS, as Lambda functions."""

__version__ = "0.1.0"
