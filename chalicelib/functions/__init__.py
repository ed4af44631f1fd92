"""One module per Lambda function, each a Blueprint, so that a function imports nothing that is not its own."""
