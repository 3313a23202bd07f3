"""The HTTP service: requests gathered into batches, and the two ways to ask for an emotion."""
