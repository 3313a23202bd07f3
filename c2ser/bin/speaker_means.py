"""Stage 9, with --normalise speaker: the means of each speaker's recordings, which training and decoding take off.

frames.scp: of the Whisper encoder's frames (`c2ser whisper-frames`); emotion.scp: of the Emotion2Vec-S tokens, each only where
asked for; utterance → the vector of its speaker. No label is read. Every recording of a speaker counts alike.
"""

import argparse
from pathlib import Path


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="With utt2spk; all recordings of the speakers")
    parser.add_argument("--frames_scp", type=Path, help="What whisper-frames wrote; default: Whisper is not heard")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features of all utterances; default: none are heard")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the tables")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.ark import read_ark
    from c2ser.datadir import DataDir, read_entries

    speakers = DataDir(args.data_dir).read("utt2spk")
    for name, table in (("frames", args.frames_scp), ("emotion", args.emotion_scp)):
        if table:
            entries = read_entries(table, speakers)
            means = ((utt, read_ark(entries[utt]).mean(axis=0, dtype="float64")) for utt in speakers)
            write(args.out_dir / name, means, speakers)


def write(path, features, speakers):
    """Write path.ark, a vector a speaker, and path.scp, utterance → the place of its speaker's."""
    from c2ser.ark import ArkWriter
    from c2ser.datadir import read_table, write_table
    from c2ser.inference.speakers import means_of_speakers

    ark, by_speaker = path.with_suffix(".ark"), path.with_suffix(".speakers.scp")
    with ArkWriter(ark, by_speaker) as writer:
        for speaker, mean in means_of_speakers(features, speakers).items():
            writer[speaker] = mean
    places = read_table(by_speaker)
    write_table(path.with_suffix(".scp"), {utterance: places[speaker] for utterance, speaker in speakers.items()})
