"""What the tables of one directory must agree on: utterances, recordings, speakers, durations."""

from c2ser.datadir.datadir import PARTIAL_TABLES, UTTERANCE_TABLES, invert
from c2ser.datadir.faults import Fault, some

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sample rates, in Hz, that recordings come in."""

FIX = "utils/fix_data_dir.sh leaves out what is not in every table"
RENAME = "rename it in every table, as utils/copy_data_dir.sh does for all"
REBUILD = "utils/fix_data_dir.sh writes spk2utt anew from utt2spk"


def agreement_faults(scans, spk_sort=True):
    """Faults between tables, given as name → Scan. `spk_sort`: utterance ids must start with their speaker's id."""
    if "utt2spk" not in scans:
        return []
    utterances = scans["utt2spk"].by_key
    found = []
    for table in (*UTTERANCE_TABLES, "segments"):
        if table in scans and table != "utt2spk":
            found += _same_ids(scans[table], utterances, "utt2spk")
    for table in PARTIAL_TABLES:
        if table in scans:
            found += _only_known(scans[table], utterances, "utt2spk")
    found += _recordings(scans, utterances)
    found += _speakers(scans, utterances, spk_sort)
    return found + _durations(scans)


def _same_ids(scan, wanted, source):
    """Ids that a table lacks, as one fault, and ids that only it holds, one fault each."""
    found, rows = [], scan.by_key
    missing = [key for key in wanted if key not in rows]
    if missing:
        message = f"lacks {len(missing)} ids of {source}: {some(missing)}; {FIX}"
        found.append(Fault("missing-id", str(scan.path), None, message))
    return found + _only_known(scan, wanted, source)


def _only_known(scan, wanted, source):
    """Ids of a table that are not among the wanted ones."""
    path = str(scan.path)
    return [
        Fault("extra-id", path, row.line, f"{key} is not in {source}; {FIX}")
        for key, row in scan.by_key.items()
        if key not in wanted
    ]


def _recordings(scans, utterances):
    """wav.scp against segments, or against the utterances where there are none; reco2channel against wav.scp."""
    found = []
    wav_scp = scans.get("wav.scp")
    if wav_scp and "segments" in scans:
        known = wav_scp.by_key
        used = {row.value.split()[0]: row for row in scans["segments"].rows if row.value}
        for recording, row in used.items():
            if recording not in known:
                message = f"{row.key}: recording {recording} is not in wav.scp; {FIX}"
                found.append(Fault("unknown-recording", str(scans["segments"].path), row.line, message))
        found += _only_known(wav_scp, used, "segments")
    elif wav_scp:
        found += _same_ids(wav_scp, utterances, "utt2spk")
    if wav_scp and "reco2channel" in scans:
        found += _only_known(scans["reco2channel"], wav_scp.by_key, "wav.scp")
    return found


def _speakers(scans, utterances, spk_sort):
    found = []
    utt2spk = {key: row.value for key, row in utterances.items() if row.value}
    if spk_sort:
        for key, speaker in utt2spk.items():
            if not key.startswith(speaker):
                message = f"{key} does not start with its speaker's id {speaker}; {RENAME}"
                found.append(Fault("spk-prefix", str(scans["utt2spk"].path), utterances[key].line, message))
    speakers = invert(utt2spk)
    if "spk2utt" in scans:
        found += _inverse(scans["spk2utt"], speakers)
    if "spk2gender" in scans:
        found += _only_known(scans["spk2gender"], speakers, "utt2spk")
    return found


def _inverse(scan, expected):
    """spk2utt against the one that follows from utt2spk."""
    path, rows, found = str(scan.path), scan.by_key, []
    missing = [speaker for speaker in expected if speaker not in rows]
    if missing:
        message = f"lacks {len(missing)} speakers of utt2spk: {some(missing)}; {REBUILD}"
        found.append(Fault("spk2utt", path, None, message))
    for speaker, row in rows.items():
        if speaker not in expected:
            found.append(Fault("spk2utt", path, row.line, f"speaker {speaker} is not in utt2spk; {REBUILD}"))
        elif row.value is not None and row.value != expected[speaker]:
            difference = sorted(set(row.value.split()) ^ set(expected[speaker].split()))
            what = f"differ in {some(difference)}" if difference else "hold the same utterances in another order"
            found.append(Fault("spk2utt", path, row.line, f"speaker {speaker}: utt2spk and spk2utt {what}; {REBUILD}"))
    return found


def _durations(scans):
    """utt2dur against utt2num_samples: some usual sample rate must explain both within 10 ms."""
    if "utt2dur" not in scans or "utt2num_samples" not in scans:
        return []
    found, counts = [], scans["utt2num_samples"].by_key
    for key, row in scans["utt2dur"].by_key.items():
        try:
            seconds, samples = float(row.value), int(counts[key].value)
        except (KeyError, TypeError, ValueError):
            continue  # reported as a fault of its own
        if not any(abs(samples - seconds * rate) <= 0.01 * rate + 1 for rate in RATES):
            message = f"{key}: {row.value} s, but utt2num_samples says {samples}: no usual sample rate fits both"
            found.append(Fault("dur-samples", str(scans["utt2dur"].path), row.line, f"{message}; measure them again"))
    return found
