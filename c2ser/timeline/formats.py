"""Time lines as files that other tools read: the suffix says which. Texts are the templates beside this module."""

import json
import os
from datetime import datetime
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path

from c2ser.errors import InputError
from c2ser.fileio import atomic_write

TEXTS = (".rttm", ".ctm", ".TextGrid", ".eaf", ".vtt")
PICTURES = (".png", ".svg", ".pdf")
SUFFIXES = (".json", *TEXTS, *PICTURES)


def check(path):
    """Raise InputError for a path of an unknown suffix, and for a picture where matplotlib is not installed."""
    if Path(path).suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")
    if Path(path).suffix in PICTURES and find_spec("matplotlib") is None:
        raise InputError(f"{path}: a picture needs the package matplotlib: pip install matplotlib; or write .json")


def write(timeline, path):
    """Write a `Timeline` in the format of the path's suffix. Raises InputError for another one."""
    check(path)
    if (suffix := Path(path).suffix) in PICTURES:
        from c2ser.timeline.picture import draw

        with atomic_write(path, "wb") as stream:
            return draw(timeline).savefig(stream, format=suffix[1:], dpi=150)
    if suffix == ".json":
        told = {name: value for name, value in timeline._asdict().items() if name != "peaks"}
        told["segments"] = [one._asdict() for one in timeline.segments]
        text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    else:
        text = _render(timeline, Path(path))
    with atomic_write(path) as stream:
        stream.write(text)


def tiers(segments):
    """Name of a tier → its segments, none of which overlap: "emotion", or a tier "emotion: SPEAKER" for each."""
    made = {}
    for one in segments:
        made.setdefault(f"emotion: {one.speaker}" if one.speaker else "emotion", []).append(one)
    return made or {"emotion": []}


def _render(timeline, path):
    import jinja2

    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters |= {
        "fixed": lambda value, digits: f"{value:.{digits}f}", "word": lambda text: "_".join(text.split()), "ms": _ms,
        "clock": lambda value: f"{_ms(value) // 3600000:02d}:{_ms(value) // 60000 % 60:02d}:{_ms(value) % 60000 / 1000:06.3f}",
    }  # fmt: skip
    audio = Path(timeline.audio).absolute()
    return jinja.get_template(f"{path.suffix[1:]}.j2").render(
        name="_".join(audio.stem.split()), segments=timeline.segments, seconds=timeline.seconds, url=audio.as_uri(),
        tiers=[(name, list(_filled(segments, timeline.seconds))) for name, segments in tiers(timeline.segments).items()],
        times=sorted({_ms(edge) for one in timeline.segments for edge in one[:2]}),
        beside=os.path.relpath(audio, path.absolute().parent), mime=guess_type(audio.name)[0] or "audio/*",
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
    )  # fmt: skip


def _ms(seconds):
    return round(1000 * seconds)


def _filled(segments, seconds):
    """(start, end, segment) of a tier without gaps: None where there is no segment. Less than a microsecond is no gap."""
    last = 0.0
    for one in [*segments, None]:
        start = seconds if one is None else one.start
        if start - last >= 1e-6:
            yield last, start, None
        if one is not None:
            yield one.start, one.end, one
            last = one.end
