"""Package metadata. `make install` (tools/install.sh) sets up an environment with the pinned dependency set."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "c2ser/__init__.py").read_text(encoding="utf-8")).group(1)
readme = here / "README.md"

setup(
    name="c2ser",
    version=version,
    description="Speech emotion recognition with an audio language model: contextual perception and chain of thought",
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["c2ser", "c2ser.*"]),
    package_data={
        "c2ser": ["corpora/folds/*.tsv", "evaluation/*.html", "packing/*.md", "*.yaml", "*/*.yaml", "cot/templates/*.yaml", "timeline/templates/*.j2"]
    },
    install_requires=[  # what answers take; later versions of transformers call past_key_values otherwise
        "torch>=2.8", "transformers>=5.0,<5.18", "peft", "openai-whisper", "sentencepiece", "protobuf", "numpy", "soundfile", "soxr",
        "jinja2", "tqdm", "pyyaml",
    ],
    extras_require={
        "recipes": [
            "espnet>=202511", "torchaudio", "kaldiio", "swift-f0", "pyloudnorm", "pypinyin", "scikit-learn", "scipy",
            "matplotlib", "tensorboard", "gguf",
        ],
        "timeline": ["silero-vad==6.2.3", "onnxruntime", "matplotlib"],
        "test": ["pytest"],
        "video": ["av"],
        "f0": ["pyworld", "penn==0.0.14"],
        "gpl": ["praat-parselmouth", "phonemizer", "espeakng-loader"],
        "lhotse": ["lhotse"],
        "datasets": ["pyarrow"],
        "onnx": ["onnx", "onnxscript", "onnxruntime"],
        "demo": ["gradio>=6.15", "matplotlib", "pyloudnorm", "swift-f0"],
        "serve": ["fastapi>=0.136", "uvicorn>=0.54", "python-multipart", "prometheus-client"],
    },
    entry_points={"console_scripts": ["c2ser = c2ser.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)  # fmt: skip
