"""Puts Parapet into an account: what follows from the guardrails, the artefact, the template, the stack."""
