"""One file per guardrail, named `<service>_<violation>`; the docstring is its documentation."""
