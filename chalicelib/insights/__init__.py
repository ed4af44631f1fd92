"""Logs Insights: named queries, whose logs they read, what that costs, and running them."""
