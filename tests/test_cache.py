"""The folder for what is made or fetched once."""

import pytest

from patentlm.data.cache import cache_folder


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    chosen = tmp_path / "chosen" / "cache"
    monkeypatch.setenv("PATENTLM_CACHE", str(chosen))
    assert cache_folder() == chosen
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATENTLM_CACHE", "~/other")
    assert cache_folder() == tmp_path / "other"


@pytest.mark.parametrize("unset", [True, False])
def test_by_default_the_cache_is_the_users(monkeypatch, tmp_path, unset):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if unset:
        monkeypatch.delenv("PATENTLM_CACHE")
    else:
        monkeypatch.setenv("PATENTLM_CACHE", "")
    assert cache_folder().is_relative_to(tmp_path)
    assert "patentlm" in cache_folder().parts
