"""Classifiers on frozen features, and what the features look like without one."""
