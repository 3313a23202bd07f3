"""Stage 9, with --normalise speaker: the means of each speaker's recordings, which training and decoding take off.

frames.scp: of the Whisper encoder's frames; emotion.scp: of the Emotion2Vec-S tokens, each only where asked for; utterance
→ the vector of its speaker. No label is read. Every recording of a speaker counts alike.
"""

import argparse
from pathlib import Path

from c2ser.options import blocks_or_mix


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="With utt2spk; all recordings of the speakers")
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio, dump/all/wav.scp")
    parser.add_argument("--num_samples", type=Path, required=True, help="Table utt2num_samples of the dumped audio")
    parser.add_argument("--whisper", help="Whisper checkpoint of the system; default: it hears none")
    parser.add_argument("--config", type=Path, help="Its training configuration, for whisper_blocks")
    parser.add_argument("--whisper_blocks", type=blocks_or_mix, help="In place of what --config says")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features of all utterances; default: none are heard")
    parser.add_argument("--batch_seconds", type=float, default=60.0, help="Audio in a batch; changes nothing but speed")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the tables")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import yaml
    from tqdm import tqdm

    from c2ser.ark import read_ark
    from c2ser.audio import SAMPLE_RATE
    from c2ser.datadir import DataDir, read_entries
    from c2ser.encodings import read_text
    from c2ser.inference.extraction import Audio, extract
    from c2ser.inference.speakers import FrameMeans

    speakers = DataDir(args.data_dir).read("utt2spk")
    if args.whisper:
        configured = yaml.safe_load(read_text(args.config)) if args.config else {}
        blocks = args.whisper_blocks or configured.get("whisper_blocks")
        options = argparse.Namespace(whisper=args.whisper, whisper_blocks=blocks)
        audio = Audio.read(args.audio_scp, args.num_samples)
        longest = max(map(audio.samples.get, speakers))  # no chunks: the encoder has windows of its own
        extractor = FrameMeans(options, "cuda" if args.ngpu else "cpu")
        made = extract(extractor, audio, speakers, longest, args.batch_seconds * SAMPLE_RATE)
        bar = tqdm(made, total=len(speakers), unit="utt", mininterval=2)
        write(args.out_dir / "frames", ((utterance, values["frames"]) for utterance, values in bar), speakers)
    if args.emotion_scp:
        tokens = read_entries(args.emotion_scp, speakers)
        write(args.out_dir / "emotion", ((utt, read_ark(entry).mean(axis=0)) for utt, entry in tokens.items()), speakers)


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
