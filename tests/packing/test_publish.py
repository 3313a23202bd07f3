"""A published repository: read by huggingface_hub's own validators, loaded by transformers' own pipeline, offline."""

from pathlib import Path

import pytest
import soundfile
from huggingface_hub import ModelCard
from huggingface_hub.errors import HFValidationError
from huggingface_hub.repocard import metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results

from c2ser.bin import pack, publish
from c2ser.errors import InputError
from c2ser.inference.predictor import Predictor
from c2ser.packing.results import scores
from tests.builders import waves
from tests.closeness import nearly

ROOT = Path(__file__).resolve().parents[2]
POLISH = ROOT / "egs/polish/c2ser1/results/demo/RESULTS.md"


@pytest.fixture(scope="module")
def packed(system_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "tiny"
    pack.main(["--model", str(system_dir), "--out_dir", str(out), "--results", str(POLISH)])
    return out


@pytest.fixture(scope="module")
def repository(packed, tmp_path_factory):
    out = tmp_path_factory.mktemp("hub") / "repository"
    publish.main([str(packed), "--to", str(out)])
    return out


def test_results_stand_in_the_metadata(repository):
    """As the hub reads them: the first number of two rows of egs/polish' table."""
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in reversed(POLISH.read_text().splitlines())}
    index = metadata_load(repository / "README.md")["model-index"]
    told, results = model_index_to_eval_results(index)
    found = {(result.metric_name, result.metric_type): result.metric_value for result in results}
    assert told == "system" and {result.dataset_name for result in results} == {"polish: demo"}
    for name, kind, system, column in (("UA %", "recall", "C2SER implicit, label scoring", 1),
                                       ("macro-F1 %", "f1", "C2SER explicit, constrained answer", 3)):  # fmt: skip
        assert found[f"{name} ({system})", kind] == float(rows[system][column].split()[0]) > 33.4
    assert len(found) == 18 and not any("Probe" in name for name, _ in found)
    for result in results:
        result.unique_identifier  # noqa: B018  what the hub tells results apart by
    card = ModelCard.load(repository / "README.md")
    assert card.data.library_name == "c2ser" and card.data.pipeline_tag == "audio-classification"
    assert 'pipeline("speech-emotion-recognition", "REPOSITORY", trust_remote_code=True)' in card.text
    assert card.text.count("## Use") == 1 and 'predictor = Predictor("FOLDER")' in card.text
    assert card.content.count("## What it may have heard of its test sets") == 1


def test_the_first_table_of_systems_is_taken():
    text = "# t\n\n## A\n\n| System | n |\n|:--|--:|\n| C2SER | 9 |\n\n## B\n\n| System | UA % | n |\n|:--|--:|--:|\n| C2SER x | 41.5 [1, 2] | 9 |\n| other | – | 9 |\n"
    assert list(scores(text)) == [("t", "C2SER x", {"UA %": 41.5, "n": 9.0}), ("t", "other", {"n": 9.0})]


def test_transformers_pipeline_loads_it(repository, packed, tmp_path, monkeypatch):
    """Of the folder alone, from elsewhere."""
    from transformers import dynamic_module_utils, pipeline

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    padded, _ = waves([8000])
    soundfile.write("a.wav", padded[0].numpy(), 16000)
    made = pipeline("speech-emotion-recognition", str(repository), trust_remote_code=True)
    single, several, labels = made("a.wav"), made(["a.wav", "a.wav"], mode="explicit"), made.model.config.id2label
    predictor = Predictor(packed)
    (alone,), (told,) = predictor([tmp_path / "a.wav"]), predictor([tmp_path / "a.wav"], "explicit")
    assert {entry["label"]: entry["score"] for entry in single} == nearly(alone.posterior) and single[0]["label"] == alone.label
    assert [entry["score"] for entry in single] == sorted((entry["score"] for entry in single), reverse=True)
    assert [answer[0]["text"] for answer in several] == [told.text] * 2
    assert list(labels.values()) == predictor.labels


def test_what_cannot_be_published(system_dir, packed, tmp_path):
    with pytest.raises(InputError, match="is no packed system; c2ser pack --model"):
        publish.main([str(system_dir), "--to", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="--to .*: is there and not empty"):
        publish.main([str(packed), "--to", str(tmp_path)])
    for more in (["--to", "hub"], ["--to", str(tmp_path / "out"), "--repo_id", "a/b"]):
        with pytest.raises(InputError, match="--repo_id USER/NAME belongs to --to hub"):
            publish.main([str(packed), *more])
    with pytest.raises(InputError, match="--repo_id a--b/c/d: "):
        publish.main([str(packed), "--to", "hub", "--repo_id", "a--b/c/d"])


def test_it_goes_to_the_hub_private(packed, monkeypatch):
    """What is asked of huggingface_hub; no hub can be reached here."""
    asked = []

    class Api:
        def create_repo(self, *args, **options):
            asked.append((args, options))

        def upload_folder(self, repo_id, folder_path, commit_message):
            asked.append((repo_id, {path.name for path in Path(folder_path).iterdir()}))

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    publish.main([str(packed), "--to", "hub", "--repo_id", "name/polish-ser"])
    assert asked[0] == (("name/polish-ser",), {"private": True, "exist_ok": True})
    assert asked[1][0] == "name/polish-ser" and {"README.md", "config.json", "c2ser_hub.py", "model.yaml"} <= asked[1][1]
    assert issubclass(HFValidationError, ValueError)
