"""C2SER: speech emotion recognition with an audio language model that perceives context and reasons step by step."""

__version__ = "0.1.0"
__all__ = ["Predictor"]


def __getattr__(name):
    """Import `Predictor`, and torch with it, only when somebody asks for it."""
    if name == "Predictor":
        from c2ser.inference.predictor import Predictor

        return Predictor
    raise AttributeError(f"module 'c2ser' has no attribute {name!r}")
