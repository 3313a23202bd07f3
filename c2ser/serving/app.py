"""What `c2ser serve` answers: /v1/emotion, OpenAI's /v1/chat/completions and /v1/models, /health and /metrics."""

import asyncio
import base64
import binascii
import contextlib
import time
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, prepare
from c2ser.errors import InputError
from c2ser.jsonfile import parse_json
from c2ser.serving.batcher import Batcher
from c2ser.soundfiles import TooLong, decode

READ_SECONDS = 30.0
"""In which a request is to have come whole."""

DECODERS = 2
"""Files that are decoded at once: a minute of many channels at a high rate may unfold into a gigabyte."""

PATHS = ("/v1/emotion", "/v1/chat/completions", "/v1/models", "/health", "/metrics")
CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large", 429: "too_many_requests"}


@dataclass(frozen=True)
class Limits:
    """Bytes of a request, seconds of a recording, requests at work at once; the batches that they are answered in, and how
    many seconds the first of a batch waits for others."""

    bytes: int = 25 * 2**20
    seconds: float = 60.0
    queue: int = 64
    batch: int = 8
    wait: float = 0.02


class Refused(Exception):
    """A request that is not answered: status and, in words, why."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Bounded:
    """ASGI middleware: a request of more than `most` bytes ends in `Refused`, before all of it is in memory. counted: called
    with path, status and seconds of what was answered."""

    def __init__(self, app, most, counted):
        self.app, self.most, self.counted = app, most, counted

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        seen, start = 0, time.perf_counter()

        async def told(message):
            if message["type"] == "http.response.start":
                self.counted(scope["path"], message["status"], time.perf_counter() - start)
            await send(message)

        async def counted():
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise Refused(413, f"the request has more than {self.most} bytes")
            return message

        await self.app(scope, counted, told)


class Service:
    """The service of a `Predictor` that hears, and what it counts."""

    def __init__(self, predictor, limits=Limits()):
        self.predictor, self.limits, self.at_work = predictor, limits, 0
        self.decoders = asyncio.Semaphore(DECODERS)
        self.modes = [mode for mode in ("implicit", "explicit") if mode in predictor.bundle.modes]
        if any(predictor.reads_text(mode) for mode in self.modes):
            raise InputError("this system reads transcripts instead of hearing (text_only): there is nothing to send")
        name = predictor.bundle.name
        self.models = {name: self.modes[0]} | {f"{name}:{mode}": mode for mode in self.modes}
        self.registry = CollectorRegistry()
        self.requests = Counter("c2ser_requests", "Requests that were answered", ("path", "status"), registry=self.registry)
        self.seconds = Histogram("c2ser_request_seconds", "From a request to its answer", ("path",), registry=self.registry)
        self.batches = Histogram("c2ser_batch_size", "Recordings answered together", buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry)
        self.heard = Counter("c2ser_speech_seconds", "Speech that was heard", registry=self.registry)
        Gauge("c2ser_at_work", "Requests at work", registry=self.registry).set_function(lambda: self.at_work)

    @contextlib.contextmanager
    def admitted(self):
        """Inside, one request more is at work. Raises `Refused` where there are as many as may be."""
        if self.at_work >= self.limits.queue:
            raise Refused(429, f"{self.limits.queue} requests are at work already; come again in a second")
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    async def answer(self, data, mode, channel=None):
        """(`Prediction`, timings in s) of the bytes of a sound file."""
        if mode not in self.modes:
            raise Refused(400, f"mode {mode!r}: this system has {', '.join(self.modes)}")
        start = time.perf_counter()
        async with self.decoders:
            samples = await run_in_threadpool(self.read, data, channel)
        decoded = time.perf_counter() - start
        self.heard.inc(len(samples) / SAMPLE_RATE)
        prediction, waited, took = await self.batcher(samples, mode)
        seconds = {"speech": len(samples) / SAMPLE_RATE, "decoding": decoded, "waiting": waited, "answering": took}
        return prediction, {name: round(value, 6) for name, value in seconds.items()}

    def read(self, data, channel):
        """Bytes of a sound file → float32 `(samples,)` at 16 kHz. Nothing but these bytes is opened."""
        most = self.limits.seconds
        try:
            samples, rate = decode(data, "audio", most)
            if len(samples) > most * rate:
                raise TooLong(f"audio: {len(samples) / rate:.10g} s; at most {most:g} s are taken here")
        except TooLong as error:
            raise Refused(413, str(error)) from None
        samples = prepare(samples, rate, channel or None)
        if len(samples) < MIN_SAMPLES:
            raise Refused(400, f"audio: {len(samples)} samples at 16 kHz; at least {MIN_SAMPLES} (25 ms) are needed")
        return samples


def build_app(predictor, limits=Limits()):
    """A FastAPI app around a `Predictor`. It loads nothing from elsewhere and opens no file or address that is named to it."""
    service = Service(predictor, limits)

    @contextlib.asynccontextmanager
    async def at_work(app):
        service.batcher = Batcher(predictor, limits.batch, limits.wait, service.batches.observe)
        task = asyncio.create_task(service.batcher.run())
        yield
        task.cancel()

    app = FastAPI(title="C2SER", lifespan=at_work, docs_url=None, redoc_url=None, openapi_url=None)

    def count(path, status, seconds):
        path = path if path in PATHS else "other"
        service.requests.labels(path, status).inc()
        service.seconds.labels(path).observe(seconds)

    app.add_middleware(Bounded, most=limits.bytes, counted=count)

    def refuse(status, message):
        known = {"message": message, "type": "invalid_request_error", "param": None, "code": CODES.get(status, "error")}
        return JSONResponse({"error": known}, status, {"Retry-After": "1"} if status == 429 else None)

    app.exception_handler(Refused)(lambda request, error: refuse(error.status, str(error)))
    app.exception_handler(InputError)(lambda request, error: refuse(400, str(error)))
    app.exception_handler(ClientDisconnect)(lambda request, error: refuse(400, "the client went away"))
    app.exception_handler(Exception)(lambda request, error: refuse(500, "a fault of the service; its log says more"))
    app.exception_handler(HTTPException)(lambda request, error: refuse(error.status_code, str(error.detail)))

    async def whole(reading):
        try:
            return await asyncio.wait_for(reading, READ_SECONDS)
        except TimeoutError:
            raise Refused(408, f"the request did not come whole within {READ_SECONDS:g} s") from None

    @app.post("/v1/emotion")
    async def emotion(request: Request):
        """A form with the sound in `file`, and maybe `mode` and `channel`."""
        with service.admitted():
            form = await whole(request.form())
            file = form.get("file")
            if not hasattr(file, "read"):
                raise Refused(400, "expected a form (multipart/form-data) with the sound in `file`")
            data, mode, channel = await file.read(), form.get("mode", service.modes[0]), form.get("channel")
            await form.close()
            if not isinstance(channel, str | None):
                raise Refused(400, "channel: expected 1, 2, … or mean")
            prediction, seconds = await service.answer(data, mode, channel)
            return {"label": prediction.label, "posterior": prediction.posterior, "text": prediction.text,
                    "sound": prediction.sound, "seconds": seconds}  # fmt: skip

    @app.post("/v1/chat/completions")
    async def chat(request: Request):
        """One recording, the last `input_audio` of OpenAI's messages, answered by the system's own prompt."""
        with service.admitted():
            model, data = read_chat(await whole(request.body()), service.models)
            mode = service.models[model]
            prediction, seconds = await service.answer(data, mode)
            message = {"role": "assistant", "content": prediction.text if mode == "explicit" else prediction.label}
            return {
                "id": f"chatcmpl-{time.time_ns():x}", "object": "chat.completion", "created": int(time.time()), "model": model,
                "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 0, "completion_tokens": prediction.tokens, "total_tokens": prediction.tokens},
                "emotion": {"label": prediction.label, "posterior": prediction.posterior, "sound": prediction.sound, "seconds": seconds},
            }  # fmt: skip

    @app.get("/v1/models")
    async def models():
        return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "c2ser"} for name in service.models]}

    @app.get("/health")
    async def health():
        return {"status": "ok", "model": predictor.bundle.name, "labels": list(predictor.labels), "at_work": service.at_work}

    @app.get("/metrics")
    async def metrics():
        return Response(generate_latest(service.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def read_chat(body, models):
    """(name of the model, bytes of the sound) of the body of a chat completion. Raises `Refused`, saying why, for another.

    Text beside the recording is not read: the system was trained on one question.
    """
    try:
        asked = parse_json(body)
        sounds = [part for message in asked["messages"] if message["role"] == "user" and not isinstance(message["content"], str)
                  for part in message["content"] if part["type"] != "text"]  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise Refused(400, "expected the JSON of a chat completion: model, and messages with role and content") from None
    if not isinstance(asked.get("model"), str) or asked["model"] not in models:
        raise Refused(404, f"model {asked.get('model')!r}: there is {', '.join(models)}")
    for name in ("stream", "tools"):
        if asked.get(name):
            raise Refused(400, f"{name}: not offered here")
    if asked.get("n") not in (None, 1):
        raise Refused(400, "n: there is one answer")
    if len(sounds) != 1 or sounds[0].get("type") != "input_audio":
        kinds = ", ".join(str(part.get("type")) for part in sounds) or "none"
        raise Refused(400, f"expected one recording as input_audio, here {kinds}; addresses and files are not fetched")
    try:
        return asked["model"], base64.b64decode(sounds[0]["input_audio"]["data"], validate=True)
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise Refused(400, "input_audio: expected {data: base64 of a sound file, format}") from None
