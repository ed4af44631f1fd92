"""The command line: what a person asks Parapet, and asks it to do, from a terminal."""
