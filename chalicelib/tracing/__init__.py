"""What X-Ray knows of requests: who calls whom, where it hurts, and single traces with their log lines."""
