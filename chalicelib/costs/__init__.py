"""What the account costs: read sparingly, compared honestly, told before the bill does."""
