"""Checkpoints that others released: reading them without trusting them, and converting them from and to ours."""
