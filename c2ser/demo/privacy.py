"""What keeps the demo's page to itself: gradio's HTML names fonts and a script of other hosts."""

import re

FOREIGN = re.compile(
    rb"<link\b[^>]*\bhref=\"https?://[^>]*>|<script\b[^>]*\bsrc=\"https?://[^>]*>\s*</script>|"
    rb"<meta\b[^>]*\bcontent=\"https?://[^>]*>"
)
POLICY = (
    b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; "
    b"frame-ancestors 'self'"
)
"""Content-Security-Policy: whatever the page's scripts may try, the browser asks this host alone."""


def without_foreign(html):
    """HTML, as bytes, without the tags that name resources of other hosts."""
    return FOREIGN.sub(b"", html)


class Private:
    """ASGI middleware: removes such tags from HTML and forbids the browser to ask other hosts; all else passes."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, body = None, b""

        async def keep(message):
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await _send_html(send, start, without_foreign(body))

        await self.app(scope, receive, keep)


def _is_html(message):
    return any(name.lower() == b"content-type" and b"text/html" in value for name, value in message["headers"])


async def _send_html(send, start, body):
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    headers += [(b"content-length", str(len(body)).encode()), (b"content-security-policy", POLICY)]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})
