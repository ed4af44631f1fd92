"""Rehearsed incidents whose cause is known: what `explain` makes of them, over the local account's engines alone."""
