"""The HTTP API: reads the journal and records what people ask for; it never touches a guarded resource."""
