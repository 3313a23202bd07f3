"""Other systems on the same data directories, so that `c2ser score` and `c2ser compare` can set them beside ours.

majority: the most frequent class of training; transcription and cascade: the words alone, as Whisper hears them;
qwen2_audio: Qwen2-Audio asked for the emotion; emotion2vec_plus: emotion2vec+ with its own classifier. Each command
leaves what a probe or a decoding leaves: utt2pred, posteriors, labels, decode.json. Checkpoints are local files.
"""
