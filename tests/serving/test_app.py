"""The service over HTTP: by the real openai client and plain requests, 64 at once, what is refused, how it ends."""

import asyncio
import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("prometheus_client", reason="prometheus-client is not installed: tools/install.sh --test")
httpx = pytest.importorskip("httpx")
uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed: tools/install.sh --test")

from c2ser.bin import pack  # noqa: E402
from c2ser.inference.predictor import Decoding, Predictor  # noqa: E402
from c2ser.serving import app as serving  # noqa: E402
from tests.closeness import nearly  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LIMITS = serving.Limits(bytes=400_000, seconds=5.0, queue=64, batch=8, wait=0.02)


def wav(seconds=0.5, seed=0, rate=16000, form="WAV", channels=1):
    """The bytes of a sound file of noise."""
    stream = io.BytesIO()
    noise = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * rate), channels))
    soundfile.write(stream, noise, rate, format=form)
    return stream.getvalue()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def packed(system_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "tiny"
    pack.main(["--model", str(system_dir), "--out_dir", str(out)])
    return out


@pytest.fixture(scope="module")
def predictor(packed):
    return Predictor(packed, decoding=Decoding(batch_size=8, max_new_tokens={"implicit": 4, "explicit": 8}))


@pytest.fixture(scope="module")
def address(predictor):
    """Where the service listens, in a thread of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(serving.build_app(predictor, LIMITS), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


def post(address, data, **form):
    return httpx.post(f"{address}/v1/emotion", files={"file": ("a.wav", data)}, data=form, timeout=60)


def chat(address, **changes):
    part = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"}}
    body = {"model": "system", "messages": [{"role": "user", "content": [part]}], **changes}
    return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=60)


def refused(answer, status):
    """The message of a refusal of that status, in OpenAI's form."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["code"] == serving.CODES[status]
    return error["message"]


def test_emotion(address, predictor):
    for form, rate in (("WAV", 16000), ("FLAC", 44100), ("OGG", 8000), ("MP3", 22050)):
        data = wav(1.0, 3, rate, form)
        (alone,) = predictor([io.BytesIO(data)])
        told = post(address, data).json()
        assert told["label"] == alone.label and told["posterior"] == nearly(alone.posterior) and told["sound"]
        assert told["seconds"]["speech"] == pytest.approx(1.0, abs=0.2) and set(told["seconds"]) == {"speech", "decoding", "waiting", "answering"}
    assert post(address, wav(channels=2), channel="mean").status_code == 200
    assert post(address, wav(), mode="explicit").json()["text"]


def test_the_openai_client(address, predictor):
    openai = pytest.importorskip("openai", reason="openai is not installed: tools/install.sh --test")
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    assert [model.id for model in client.models.list()] == ["system", "system:implicit", "system:explicit"]
    sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav(seed=5)).decode(), "format": "wav"}}
    content = [{"type": "text", "text": "What does the speaker feel?"}, sound]
    (alone,), (told,) = predictor([io.BytesIO(wav(seed=5))]), predictor([io.BytesIO(wav(seed=5))], "explicit")
    for model, expected in (("system", alone.label), ("system:explicit", told.text)):
        made = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
        assert made.choices[0].message.content == expected and made.choices[0].finish_reason == "stop"
        assert made.model_extra["emotion"]["label"] in predictor.labels
    assert made.usage.completion_tokens == told.tokens > 0
    with pytest.raises(openai.NotFoundError, match="gpt-9"):
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": content}])
    with pytest.raises(openai.BadRequestError, match="stream: not offered"):
        client.chat.completions.create(model="system", messages=[{"role": "user", "content": content}], stream=True)


def test_64_clients_at_once_get_what_they_would_get_alone(address, predictor):
    """Lengths differ, so that batches are padded; as many as possible are answered together."""
    openai = pytest.importorskip("openai", reason="openai is not installed: tools/install.sh --test")
    sounds = [wav(0.05 + 0.003 * number, number) for number in range(64)]

    async def session():
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
            parts = [{"data": base64.b64encode(sound).decode(), "format": "wav"} for sound in sounds]
            messages = [[{"role": "user", "content": [{"type": "input_audio", "input_audio": part}]}] for part in parts]
            return await asyncio.gather(*(client.chat.completions.create(model="system", messages=one) for one in messages))

    made = asyncio.run(session())
    for sound, answer in zip(sounds, made):
        (alone,) = predictor([io.BytesIO(sound)])
        assert answer.choices[0].message.content == alone.label
        assert answer.model_extra["emotion"]["posterior"] == nearly(alone.posterior)
    metrics = httpx.get(f"{address}/metrics").text
    count, total = (float(metrics.partition(f"\nc2ser_batch_size_{name} ")[2].split()[0]) for name in ("count", "sum"))
    assert total >= 64 and total / count > 1.5


def test_health_and_metrics(address, predictor):
    told = httpx.get(f"{address}/health").json()
    assert told == {"status": "ok", "model": "system", "labels": predictor.labels, "at_work": 0}
    post(address, wav()), post(address, b"no sound"), httpx.get(f"{address}/secret/path")
    from prometheus_client.parser import text_string_to_metric_families

    found = list(text_string_to_metric_families(httpx.get(f"{address}/metrics").text))
    samples = {(sample.name, *sorted(sample.labels.values())): sample.value for family in found for sample in family.samples}
    assert samples["c2ser_requests_total", "/v1/emotion", "200"] >= 1 <= samples["c2ser_requests_total", "/v1/emotion", "400"]
    assert samples["c2ser_requests_total", "404", "other"] >= 1 and not any("secret" in part for key in samples for part in key)
    assert samples["c2ser_speech_seconds_total",] >= 0.5 and samples["c2ser_at_work",] == 0


def test_what_is_refused(address):
    assert "more than 400000 bytes" in refused(post(address, bytes(500_000)), 413)
    assert "at most 5 s are taken here" in refused(post(address, wav(6.0, form="FLAC")), 413)
    assert "audio: " in refused(post(address, b"no sound at all"), 400)
    assert "2 channels" in refused(post(address, wav(channels=2)), 400)
    assert "at least 400" in refused(post(address, wav(0.01)), 400)
    assert "mode 'loud'" in refused(post(address, wav(), mode="loud"), 400)
    files = {"file": wav(channels=2), "channel": b"mean"}
    assert "channel: expected" in refused(httpx.post(f"{address}/v1/emotion", files=files), 400)
    assert "channel 'x'" in refused(post(address, wav(), channel="x"), 400)
    assert "in `file`" in refused(httpx.post(f"{address}/v1/emotion", data={"file": "/etc/passwd"}), 400)
    assert "in `file`" in refused(httpx.post(f"{address}/v1/emotion", content=b"x"), 400)
    assert "Not Found" in refused(httpx.get(f"{address}/docs"), 404)
    assert "Method Not Allowed" in refused(httpx.get(f"{address}/v1/emotion"), 405)


def test_a_small_file_of_much_sound_is_not_unfolded(address):
    """Two hours of silence are some kB of FLAC."""
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", 8000, 1, format="FLAC") as sound:
        for _ in range(120):
            sound.write(np.zeros(480_000, np.int16))
    assert len(stream.getvalue()) < LIMITS.bytes
    assert "longer than 5 s" in refused(post(address, stream.getvalue()), 413)


def test_bodies_of_chats_that_are_refused(address):
    part = {"type": "input_audio", "input_audio": {"data": "!!", "format": "wav"}}
    for changes, status, words in (
        ({"model": None}, 404, "model None: there is system"),
        ({"messages": "hello"}, 400, "expected the JSON of a chat completion"),
        ({"messages": [{"role": "user", "content": "hello"}]}, 400, "one recording as input_audio, here none"),
        ({"messages": [{"role": "user", "content": [part]}]}, 400, "base64 of a sound file"),
        ({"messages": [{"role": "user", "content": [part, part]}]}, 400, "one recording"),
        ({"messages": [{"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": "file:///etc/passwd"}}]}]}, 400, "not fetched"),
        ({"model": ["system"]}, 404, "there is system"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": "x"}]}]}, 400, "base64 of a sound file"),
        ({"messages": [{"role": "user", "content": [3]}]}, 400, "expected the JSON"),
        ({"n": 2}, 400, "n: there is one answer"),
        ({"tools": [1]}, 400, "tools: not offered here"),
    ):  # fmt: skip
        assert words in refused(chat(address, **changes), status)
    for body in (b"{", b"7", b"[" * 100_000):
        assert "expected the JSON" in refused(httpx.post(f"{address}/v1/chat/completions", content=body), 400)


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile secret.ts\n", "#EXTM3U\n#EXTINF:1.0,\nsecret.ts\n#EXT-X-ENDLIST\n"])
def test_no_file_is_read_that_was_not_uploaded(address, tmp_path, monkeypatch, text):
    """FFmpeg takes such a text for a list of files, and would give what lies in the folder of the service."""
    from tests.media import encode

    pytest.importorskip("av", reason="PyAV is not installed")
    encode(tmp_path / "secret.ts", "mono", picture=False, rate=16000)
    monkeypatch.chdir(tmp_path)
    assert "a list of other files" in refused(post(address, text.encode()), 400)


def test_more_than_may_wait_get_429(predictor):
    """A service of two at once, one of them held up; what is refused says when to come again."""
    release = threading.Event()

    class Slow:
        bundle, labels, reads_text = predictor.bundle, predictor.labels, predictor.reads_text

        def __call__(self, *args):
            release.wait(30)
            return predictor(*args)

    async def session():
        app = serving.build_app(Slow(), serving.Limits(queue=2))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://it") as client:
                held = [asyncio.create_task(client.post("/v1/emotion", files={"file": wav(seed=seed)})) for seed in range(2)]
                while (await client.get("/health")).json()["at_work"] < 2:
                    await asyncio.sleep(0.01)
                third = await client.post("/v1/emotion", files={"file": wav()})
                release.set()
                return third, [answer.status_code for answer in await asyncio.gather(*held)], (await client.get("/health")).json()

    third, held, health = asyncio.run(session())
    assert "2 requests are at work" in refused(third, 429) and third.headers["retry-after"] == "1"
    assert held == [200, 200] and health["at_work"] == 0


def test_a_request_that_does_not_come_whole_is_ended(address, monkeypatch):
    monkeypatch.setattr(serving, "READ_SECONDS", 0.2)
    host, port = address.rpartition("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        assert b" 408 " in slow.recv(100)


def test_the_benchmark_of_the_service(address):
    """Its load, short: each request answered, each timed."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("benchmark_serving", ROOT / "benchmarks/serving.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    counts = []
    taken = asyncio.run(benchmark.load(address, 12, 4, benchmark.sounds(0.2), counts.append))
    assert sorted(counts) == list(range(1, 13)) and len(taken) == 12 and all(0 < one < 60 for one in taken)
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        asyncio.run(benchmark.load(address, 1, 1, [b"no sound"]))


def test_sigterm_lets_what_is_at_work_finish(packed, tmp_path):
    """`c2ser serve` as a process: one request waits for its batch as the signal comes, and is answered; then it ends, with 0."""
    port = free_port()
    command = [sys.executable, "-m", "c2ser", "serve", "--model", str(packed), "--port", str(port), "--max_wait", "2500"]
    with open(tmp_path / "log", "w") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            for _ in range(6000):  # imports take minutes on a busy machine
                try:
                    told = httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).json()
                    break
                except httpx.ConnectError:
                    assert process.poll() is None, (tmp_path / "log").read_text()
                    time.sleep(0.1)
            answers = []
            asking = threading.Thread(target=lambda: answers.append(post(f"http://127.0.0.1:{port}", wav())))
            asking.start()
            while not told["at_work"] and not answers:
                told = httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).json()
            os.kill(process.pid, signal.SIGTERM)
            asking.join(60)
            assert process.wait(60) == 0, (tmp_path / "log").read_text()
            assert answers[0].status_code == 200 and answers[0].json()["seconds"]["waiting"] > 1
        finally:
            process.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health")
    assert json.dumps(answers[0].json()["posterior"])
