"""Long recordings: who speaks when, how each stretch sounds, and that as files which other tools read."""
