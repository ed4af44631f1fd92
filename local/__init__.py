"""The account on the laptop: moto, and what moto lacks, around the very handlers that are deployed."""
