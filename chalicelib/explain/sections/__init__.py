"""What an explanation looks at, a module for each kind of thing."""
