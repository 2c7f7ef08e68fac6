"""A run's folder, whatever lies in it."""

import os
import subprocess
import sys

import pytest

from patentlm.sweeps.run_folder import RunFolder


@pytest.fixture
def gone():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_processes_left_is_swept(tmp_path, gone):
    names = (f"run.json.0a.{gone}.part", f"run.json.0b.{os.getpid()}.part", "run.json", "x.y.part")
    for name in (*names, f"run.json.0c.{10**12}.part"):
        (tmp_path / name).touch()
    RunFolder(tmp_path).sweep()
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])


def test_a_file_is_stored_whole(tmp_path):
    RunFolder(tmp_path).store_json("run.json", {"overrides": [], "loss": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert RunFolder(tmp_path).record == {"overrides": [], "loss": None}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_damaged(tmp_path, caplog, make):
    make(tmp_path / "run.json")
    assert RunFolder(tmp_path).record is None
    assert "is damaged, and made again" in caplog.text


def test_a_record_too_deep_to_read_is_damaged(tmp_path):
    (tmp_path / "metrics.json").write_text("[" * 10**5)
    assert RunFolder(tmp_path).metrics is None
