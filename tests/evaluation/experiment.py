"""An experiment as a recipe leaves it: test sets of two corpora in two languages, and what several systems answered."""

import json

import numpy as np
import soundfile

from c2ser.bin import report, score
from c2ser.datadir import read_table, write_table
from c2ser.emotions import EMOTIONS

CORPORA = {"casia": ("zh", EMOTIONS[:6]), "emovo": ("it", EMOTIONS)}
TEXTS = {"zh": "今天的会议又推迟了，我真不知道该说什么。", "it": "Gli operai si alzano presto anche quando piove."}
SYSTEMS = {  # name → (folder, table, how often it is right, how sure it is)
    "C2SER implicit, label scoring": ("decode_implicit_test", "utt2scored", 0.66, 2.2),
    "C2SER implicit, free answer": ("decode_implicit_test", "utt2pred", 0.66, 2.2),
    "C2SER explicit, label scoring": ("decode_explicit_test", "utt2scored", 0.62, 2.0),
    "Probe on Emotion2Vec-S": ("probe_e2v_s", "utt2pred", 0.55, 1.2),
    "Probe on Whisper": ("probe_whisper", "utt2pred", 0.47, 1.0),
}


def write_experiment(root, folds=2, each=2, seconds=1.0, seed=0, speed=1.0):
    """Write data/, dump/ and exp/t of `folds` folds under `root`, each test set with two speakers a corpus.

    each: utterances of a speaker in a class; seconds: length of the first recording, the others are shorter; speed:
    factor on the seconds that decoding took, which no score depends on. Returns exp/t.
    """
    random = np.random.default_rng(seed)
    audio = {}
    for fold in range(1, folds + 1):
        data, tables = root / f"data/fold{fold}/test", {name: {} for name in ("emo", "spk", "lang", "corpus")}
        texts = {}
        for corpus, (language, classes) in CORPORA.items():
            for speaker in (f"{corpus}_f{fold}", f"{corpus}_m{fold}"):
                for number in range(each * len(classes)):
                    utterance = f"{speaker}_{number:03d}"
                    values = (classes[number % len(classes)], speaker, language, corpus)
                    for table, value in zip(tables.values(), values):
                        table[utterance] = value
                    texts[utterance] = TEXTS[language]
                    audio[utterance] = root / f"dump/{utterance}.wav"
        for name, table in tables.items():
            write_table(data / f"utt2{name}", table)
        write_table(data / "text", texts)
        for folder in dict.fromkeys(system[0] for system in SYSTEMS.values()):
            system = next(one for one in SYSTEMS.values() if one[0] == folder)
            answer(root / f"exp/t/fold{fold}/{folder}", tables["emo"], random, *system[2:], speed)
    for place, (utterance, path) in enumerate(audio.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(int(16000 * (seconds if place == 0 else 0.6 + 0.1 * (place % 5)))) / 16000
        soundfile.write(path, 0.2 * np.sin(2 * np.pi * (150 + 10 * (place % 20)) * time), 16000)
    write_table(root / "dump/wav.scp", {utterance: str(path) for utterance, path in audio.items()})
    return root / "exp/t"


def answer(folder, reference, random, right, sureness, speed):
    """Write what a system that is right so often, and so sure, answered."""
    posteriors = {}
    for utterance, truth in reference.items():
        logits = random.normal(0, sureness, len(EMOTIONS))
        wanted = EMOTIONS.index(truth) if random.random() < right else random.integers(len(EMOTIONS))
        logits[wanted] = logits.max() + random.exponential(sureness)
        posteriors[utterance] = np.exp(logits) / np.exp(logits).sum()
    chosen = {utterance: EMOTIONS[row.argmax()] for utterance, row in posteriors.items()}
    for table in ("utt2pred", "utt2scored"):
        write_table(folder / table, chosen)
    write_table(folder / "posteriors", {utt: " ".join(f"{p:.6g}" for p in row) for utt, row in posteriors.items()})
    (folder / "labels").write_text("\n".join(EMOTIONS) + "\n", encoding="utf-8")
    write_table(folder / "answers", {
        utt: "The speaker talks fast in a high-pitched, loud voice, saying: “…” "
             f"The voice is strained and unsteady towards the end. Emotion: {label}." for utt, label in chosen.items()
    })  # fmt: skip
    mode = folder.name.split("_")[1]
    cost = {"mode": mode, "seconds_per_utterance": 0.6 * speed, "audio_seconds_per_utterance": 0.8,
            "tokens_per_utterance": 5 if mode == "implicit" else 43, "peak_memory_bytes": 1.31e9 * speed,
            "device": "AMD EPYC, 2 threads"}  # fmt: skip
    if folder.name.startswith("decode"):
        (folder / "decode.json").write_text(json.dumps(cost), encoding="utf-8")


def score_experiment(root, folds=2, draws=200):
    """Score every system as stage 13 does. Returns row → score file."""
    made = {}
    for name, (folder, table, _, _) in SYSTEMS.items():
        made[name] = root / f"exp/t/scores/{folder}_{table}.json"
        score.main(["--data_dir", *(str(root / f"data/fold{fold}/test") for fold in range(1, folds + 1)),
                    "--decode_dir", *(str(root / f"exp/t/fold{fold}/{folder}") for fold in range(1, folds + 1)),
                    "--pred", table, "--draws", str(draws), "--out", str(made[name])])  # fmt: skip
    return made


def report_experiment(root, *more, folds=2, draws=200):
    """Score and report; `more` are further options of the report. Returns the texts of RESULTS.md and report.html."""
    rows = [f"--scores={name}={path}" for name, path in score_experiment(root, folds, draws).items()]
    report.main(["--exp_dir", str(root / "exp/t"), "--title", "all: t", "--command", "./run.sh --tag t", *rows,
                 "--hardest", next(iter(SYSTEMS)), *more])  # fmt: skip
    return [(root / f"exp/t/{name}").read_text(encoding="utf-8") for name in ("RESULTS.md", "report.html")]


def with_speech(root, folds=2):
    """Options that put recordings, transcripts and rationales into the page."""
    decoded = [str(root / f"exp/t/fold{fold}/decode_explicit_test") for fold in range(1, folds + 1)]
    return ["--audio_scp", str(root / "dump/wav.scp"), "--rationales", *decoded]


def write_stability(path):
    """Write what `c2ser stability` measures, of two ways of decoding."""
    scores = {"n": 104, "invalid": 2, "invalid_rate": 2 / 104, "ua": 0.6, "wa": 0.61, "macro_f1": 0.59, "ece": 0.1}
    pair = {"agreement": 0.5, "kappa": 0.4}
    prompts = {"prompts": 2, **pair, "unanimous": 0.5, "ua_mean": 0.6, "ua_std": 0.01}
    level = {"known": 104, "stated": 90, "right": 80, "accuracy": 0.77, "accuracy_stated": 0.89, "invented": 3}
    quote = {"utterances": 104, "cer": 0.1, "exact": 0.8, "missing": 2, "without_words": 0, "invented": 0}
    tables = ("utt2pred", "utt2scored", "utt2constrained")
    path.write_text(json.dumps({
        "decodings": {mode: {"tables": dict.fromkeys(tables, scores)} for mode in ("implicit", "explicit")},
        "modes": dict.fromkeys(tables, pair), "prompts": {"implicit": dict.fromkeys(tables, prompts)},
        "rationales": {"style": dict.fromkeys(("speed", "pitch", "volume"), level), "quote": quote},
    }), encoding="utf-8")  # fmt: skip
    return path


def utterances(root, fold=1):
    """The utterances of a test set."""
    return list(read_table(root / f"data/fold{fold}/test/utt2emo"))
