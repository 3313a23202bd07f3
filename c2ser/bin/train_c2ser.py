"""Stages 10 and 11: C2SER training, through ESPnet2's trainer. Options: those of every ESPnet2 task and --help's own."""


def get_parser():
    from c2ser.tasks.c2ser import C2SERTask

    return C2SERTask.get_parser()


def main(argv=None):
    from c2ser.tasks.c2ser import C2SERTask

    C2SERTask.main(cmd=argv)
