"""Scores with intervals, paired tests, results tables, pictures and the report."""
