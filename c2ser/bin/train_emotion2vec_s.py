"""Stage 5: Emotion2Vec-S pretraining, through ESPnet2's trainer. Options: those of every ESPnet2 task and --help's own."""


def get_parser():
    from c2ser.tasks.emotion2vec_s import Emotion2VecSTask

    return Emotion2VecSTask.get_parser()


def main(argv=None):
    from c2ser.tasks.emotion2vec_s import Emotion2VecSTask

    Emotion2VecSTask.main(cmd=argv)
