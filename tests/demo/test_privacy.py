"""Nothing of other hosts in the page; what is no HTML passes as it is, piece by piece."""

import asyncio

from c2ser.demo.privacy import POLICY, Private, without_foreign

HTML = b"""<head><link rel="preconnect" href="https://fonts.example" />
<link rel="stylesheet" href="./own.css"><script
  src="https://cdn.example/a.js" async></script><script src="./own.js"></script><script>var a = "https://x.example";</script>
<meta property="og:image" content="https://raw.example/a.jpg"/><a href="https://kept.example">kept</a></head>"""


def ask(kind, pieces, scope="http"):
    """What leaves the middleware when the page behind it sends these pieces."""

    async def page(scope, receive, send):
        headers = [(b"content-type", kind), (b"content-length", b"7")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": piece is not pieces[-1]})

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Private(page)({"type": scope}, None, send))
    return sent


def test_tags_of_other_hosts_go():
    left = without_foreign(HTML)
    for gone in (b"fonts.example", b"cdn.example", b"raw.example"):
        assert gone not in left
    for kept in (b"./own.css", b"./own.js", b"x.example", b"kept.example"):
        assert kept in left


def test_html_is_cleaned_as_a_whole():
    start, body = ask(b"text/html; charset=utf-8", [HTML[:60], HTML[60:]])
    headers = dict(start["headers"])
    assert headers[b"content-length"] == str(len(body["body"])).encode() and headers[b"content-security-policy"] == POLICY
    assert body["body"] == without_foreign(HTML)


def test_all_else_passes_piece_by_piece():
    assert [message.get("body") for message in ask(b"text/event-stream", [b"a", b"b"])] == [None, b"a", b"b"]
    assert ask(b"application/json", [HTML])[1]["body"] == HTML
    assert ask(b"text/html", [HTML], "websocket")[1]["body"] == HTML
