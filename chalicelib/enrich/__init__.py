"""Evidence for an alert: what the person who is woken would look up first, gathered by the function `enrich`."""
