"""Chain-of-thought data: prompts, rationales built from templates in several languages, and their checks.

prompts.py what the model is asked; templates/ the wording of each language; rationale.py builds the answers; check.py
reads them back: verdict, style levels, quote, language.
"""
