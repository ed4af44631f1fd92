"""What `./parapet doctor` looks at: one module per subject, each check a function from the patient to a verdict."""
