"""What a team runs: services, what they stand on, and how each is measured: availability, latency, saturation."""
