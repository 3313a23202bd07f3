"""The supervised baseline of stage 5: Emotion2Vec-S's backbone trained on labels alone, through ESPnet2's trainer.

It takes the data, the backbone_conf and the sampler of train_emotion2vec_s, and extract_features reads what it leaves.
Options: those of every ESPnet2 task and --help's own.
"""


def get_parser():
    from c2ser.tasks.emotion_classifier import EmotionClassifierTask

    return EmotionClassifierTask.get_parser()


def main(argv=None):
    from c2ser.tasks.emotion_classifier import EmotionClassifierTask

    EmotionClassifierTask.main(cmd=argv)
