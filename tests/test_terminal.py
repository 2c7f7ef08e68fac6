"""Texts from elsewhere cannot steer the terminal or show a key."""

import pytest

from patentlm.terminal import KEY, one_line, printable


def test_nothing_steers_the_terminal(run_script, capsys, monkeypatch):
    monkeypatch.setenv(KEY, "a-secret-key")
    with pytest.raises(SystemExit):
        run_script("generate", "checkpoint=\x1b[2J\u202ea-secret-key\r\x9b")
    shown = capsys.readouterr().err
    assert "\\x1b[2J\\u202e…\\r\\x9b" in shown or "\\x1b[2J\\u202e… \\x9b" in shown


def test_lines_are_kept_or_joined():
    assert printable("tab\tand\nline") == "tab\tand\nline"
    assert one_line("a\n  b") == "a b"
    assert len(one_line("a" + "\x1b" * 10**5 + "b")) == 2003
