"""EventBridge's event patterns, as the local account and its tests import them: chalicelib evaluates them."""

from __future__ import annotations

from chalicelib.patterns import PatternError, matches

__all__ = ["PatternError", "matches"]
