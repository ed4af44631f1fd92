"""Service level objectives: burn rates, error budgets, the words for both, and the alarms that page."""
