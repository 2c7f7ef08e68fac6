"""`train.py page=true`, and the line that every run ends with."""


def test_train_makes_the_page(run_script, tmp_path, window):
    run_script("train", "debug=fast", "page=true", "data.count=60", "hydra.run.dir=run")
    last = (tmp_path / "run" / "train.log").read_text("utf-8").splitlines()[-1]
    assert "run/page.html" in last
    page = window().open(tmp_path / "run" / "page.html")
    assert len(page.evaluate("window.patentlm.write({prompt: 'a neural', maxWords: 5})")) <= 5


def test_a_run_ends_with_the_line_that_makes_the_page(run_folder):
    last = (run_folder / "train.log").read_text("utf-8").splitlines()[-1]
    assert last.endswith("format=page")
    assert "python export.py checkpoint=" in last
