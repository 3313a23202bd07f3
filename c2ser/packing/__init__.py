"""A trained system as one folder: its parts without pickles and without paths, and a model card."""
