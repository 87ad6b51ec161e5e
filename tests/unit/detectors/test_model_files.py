"""The files of the embedded classifiers: theirs, whole, or not used."""

import json
import shutil

import pytest

from guardproxy.detectors.model_files import FOLDER, heads, verify
from guardproxy.errors import ModelFilesError


@pytest.mark.parametrize("name", ["encoder.onnx", "heads.onnx", "tokenizer.json", "calibration.json", "card.md"])
def test_a_changed_or_missing_file_is_named(tmp_path, name):
    folder = tmp_path / "embedded"
    shutil.copytree(FOLDER, folder)
    assert verify(folder) == verify()
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelFilesError, match=name.replace(".", r"\.")):
        verify(folder)
    (folder / name).unlink()
    with pytest.raises(ModelFilesError, match="missing"):
        verify(folder)


def test_a_manifest_without_files_is_not_ours(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {}}))
    with pytest.raises(ModelFilesError):
        verify(tmp_path)


def test_without_heads_no_model(tmp_path):
    with pytest.raises(ModelFilesError):
        heads(tmp_path)
