"""CloudWatch on the laptop: what moto lacks of it. What it cannot evaluate as CloudWatch does, it refuses."""
