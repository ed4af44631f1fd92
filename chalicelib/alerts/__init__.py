"""What AWS and the team's own rules report: from the message that arrived to a thread that people can act on."""
