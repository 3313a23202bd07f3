"""Silver labels: unlabelled utterances get a label where a speech teacher and a text teacher agree.

text_teacher.py lets a local language model judge transcripts; agreement.py keeps what both teachers say with enough
confidence; precision.py measures that rule on labelled utterances and chooses its thresholds.
"""
