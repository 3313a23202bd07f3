"""Chain-of-thought data: prompts, rationales built from templates in several languages, and their checks.

prompts.py what the model is asked; templates/ the wording of each language; rationale.py builds the answers; check.py
reads them back: verdict, style levels, quote, language. rewrite.py lets a local language model put them into other
words, asked as rewrite_prompts.py says, with a journal.py of what is finished.
"""
