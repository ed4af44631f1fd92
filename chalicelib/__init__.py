"""Parapet: guardrails and on-call observability for AWS, as Lambda functions."""
