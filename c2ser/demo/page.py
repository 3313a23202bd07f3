"""How the demo looks: a gradio page around an `Analyst`. It asks no other machine for anything."""

import os

from c2ser.demo.curves import describe, draw
from c2ser.demo.privacy import Private
from c2ser.errors import InputError

CHANNELS = {"all channels together": "mean", "channel 1": 1, "channel 2": 2}
UPLOAD, WAITING = "50mb", 16
"""How large a recording may be, and how many may wait for their answer; more are refused at once."""
MODES = {"explicit": "explain, then name (explicit)", "implicit": "name at once (implicit)"}
FONTS = ["system-ui", "sans-serif"]
ABOUT = """\
# {title}

Record speech or upload a file, and this system names its emotion, one of: {labels}. It knows no others. What it says is a
guess about a voice, not about a person. Recordings stay on the machine that runs this page and are deleted when it ends.
"""


def import_gradio():
    """gradio, with its telemetry off. Raises InputError where it is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise InputError(
            f"the demo page needs the package gradio ({error}): pip install 'gradio>=6.15' (the project's extra `demo`)"
        ) from None
    return gradio


def build_page(analyst, title):
    """A `gradio.Blocks` for an `Analyst`. Raises InputError where gradio is not installed."""
    gradio = import_gradio()
    labels = ", ".join(analyst.predictor.labels)
    with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gradio.Markdown(ABOUT.format(title=title, labels=labels))
        with gradio.Row():
            with gradio.Column():
                audio = gradio.Audio(
                    sources=["microphone", "upload"], type="filepath", label="Speech", buttons=[], elem_id="speech"
                )
                refuse_addresses(audio)
                mode = gradio.Radio(
                    [(MODES[name], name) for name in analyst.modes], value=analyst.modes[0], label="How to answer",
                    elem_id="mode",
                )  # fmt: skip
                channel = gradio.Dropdown(
                    list(CHANNELS.items()), value="mean", label="Of files with several channels", elem_id="channel"
                )
                button = gradio.Button("Listen", variant="primary", elem_id="listen")
            with gradio.Column():
                facts = gradio.Markdown(elem_id="facts")
                answer = gradio.Textbox(label="Answer", lines=4, max_lines=30, interactive=False, elem_id="answer")
                posterior = gradio.Label(label="Posterior", elem_id="posterior")
                curves = gradio.Plot(label="Pitch and loudness", show_label=False, elem_id="curves")

        def listen(path, chosen, part):
            """What the components on the right show, again and again until the answer is whole."""
            if path is None:
                raise gradio.Error("Record something or choose a file first.", print_exception=False)
            try:
                for number, known in enumerate(analyst(path, chosen, part)):
                    # The curves are there from the first on; and with the last again, since a page that gets the first
                    # states of an answer at once shows but the latest of them
                    picture = gradio.skip() if number and not known.posterior else draw(known)
                    yield describe(known), known.text, known.posterior, picture
            except InputError as error:
                raise gradio.Error(str(error), print_exception=False) from None

        button.click(listen, [audio, mode, channel], [facts, answer, posterior, curves], api_visibility="private")
    return page


def refuse_addresses(component):
    """Have a gradio component take files that were uploaded here alone: gradio itself would fetch, whatever its size, what
    is asked for by an address of another machine."""
    move = component.async_move_resource_to_block_cache

    async def move_uploaded(path):
        if "://" in str(path):
            raise import_gradio().Error("Upload a file; addresses are not fetched.", print_exception=False)
        return await move(path)

    component.async_move_resource_to_block_cache = move_uploaded


def serve(page, host="127.0.0.1", port=7860, share=False, block=True):
    """Serve a page. share: open a public tunnel through gradio's servers. Without `block`, returns at once.

    Returns the page's address. Raises InputError where the port is taken.
    """
    gradio = import_gradio()
    from starlette.middleware import Middleware

    page.queue(default_concurrency_limit=1, max_size=WAITING)
    try:
        _, address, _ = page.launch(
            server_name=host, server_port=port, share=share, prevent_thread_lock=not block, quiet=True, footer_links=[],
            theme=gradio.themes.Default(font=FONTS, font_mono=["ui-monospace", "monospace"]), ssr_mode=False,
            max_file_size=UPLOAD, app_kwargs={"middleware": [Middleware(Private)]},
        )  # fmt: skip
    except OSError as error:
        raise InputError(f"--port {port}: cannot be served on {host} ({error}); choose another") from None
    return address
