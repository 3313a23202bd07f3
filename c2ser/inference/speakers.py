"""What is known of speakers without labels: the means of their own recordings, which `standardize: speaker` takes off.

As Kaldi's cepstral mean normalisation with utt2spk, on what frozen encoders give. The means must not be those of one mood
alone, or they take the mood off with the speaker. Every recording counts alike, however long it is.
"""

import numpy as np


def means_of_speakers(features, speakers):
    """Speaker → float32 `(dim,)`. features: pairs of an utterance and its mean `(dim,)`; speakers: utterance → speaker."""
    sums, counts = {}, {}
    for utterance, mean in features:
        speaker = speakers[utterance]
        sums[speaker] = sums.get(speaker, 0.0) + np.asarray(mean, np.float64)
        counts[speaker] = counts.get(speaker, 0) + 1
    return {speaker: (total / counts[speaker]).astype(np.float32) for speaker, total in sums.items()}
