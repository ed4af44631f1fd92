"""What happened: since when, how it looks, and what is most likely to have brought it."""
