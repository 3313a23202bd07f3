"""What recipes run on: jobs and stage markers. Standard library only, since every stage starts it."""
