"""Pictures of TensorBoard and of an exported page, in light and dark, for the documents.

    python -m docs.screenshots
    python -m docs.screenshots tensorboard
    python -m docs.screenshots page

trains a small sweep on the built-in corpus, opens it in Chromium and writes PNG files into
`docs/_static`. Needs Playwright and a Chromium: `CHROMIUM` names it, by default `chromium`. `RUN`
names the folder of a run to make the page of, instead of one that is trained here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "docs" / "_static"
SWEEP = (
    "windows=abstract", "windows.batch_size=8", "model=lstm_small,lstm_medium",
    "optimizer.lr=3e-3,1e-2", "trainer.max_epochs=6", "trainer.log_every_n_steps=5",
    "samples.count=1",
)  # fmt: skip
RUN = ("experiment=quick", "trainer.max_epochs=8", "samples.count=1")
WIDTH, HEIGHT = 1280, 800


def script(name: str, *arguments: str) -> None:
    """Runs one of the scripts."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / f"{name}.py"), *arguments]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def tensorboard(folder: Path) -> Iterator[str]:
    """The address of a TensorBoard that shows a folder."""
    program = str(Path(sys.executable).with_name("tensorboard"))
    command = [program, "--logdir", str(folder), "--port", "0", "--host", "127.0.0.1"]
    command += ["--load_fast", "false"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "http://" in line)
            yield line[line.index("http://") :].split()[0].rstrip("/")
        finally:
            process.terminate()


def both_schemes(name: str, address: str, prepare: Callable[[Page], None]) -> None:
    """Takes a picture of a page in light and in dark."""
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for scheme in ("light", "dark"):
            size = {"width": WIDTH, "height": HEIGHT}
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(address.format(dark=str(scheme == "dark").lower()))
            prepare(page)
            page.screenshot(path=STATIC / f"{name}_{scheme}.png")
            page.close()
        browser.close()


def wait_for_curves(page: Page) -> None:
    """Closes the settings and waits until cards show their curves."""
    page.locator("scalar-card").first.wait_for(timeout=120_000)
    page.get_by_role("button", name="Close side pane").click()
    page.wait_for_timeout(3_000)  # curves are drawn after their data have come


def wait_for_table(page: Page) -> None:
    """Waits until HParams shows its table."""
    page.get_by_text("Trial ID").first.wait_for(timeout=120_000)
    page.wait_for_timeout(3_000)


def take_tensorboard(folder: Path) -> None:
    """A sweep's curves and its HParams."""
    script("train", "-m", *SWEEP, f"hydra.sweep.dir={folder}")
    with tensorboard(folder) as address:
        start = f"{address}/?darkMode={{dark}}"
        both_schemes(
            "tensorboard_scalars",
            f"{start}&smoothing=0&tagFilter=valid%2F%7Ctrain%2Floss#timeseries",
            wait_for_curves,
        )
        both_schemes("tensorboard_hparams", f"{start}#hparams", wait_for_table)


def choose_a_word(page: Page) -> None:
    """Shows what else the network had in mind."""
    page.get_by_text("words in").wait_for(timeout=120_000)
    page.locator("#write-text .w").nth(3).click()
    page.wait_for_timeout(500)  # tints fade in


def look_into_memory(page: Page) -> None:
    """Shows the heat map."""
    page.get_by_role("tab", name="Remember").click()
    page.locator("#remember-controls").evaluate(
        "element => window.scrollTo(0, element.offsetTop - 160)"
    )
    page.wait_for_timeout(1_500)


def point_at_a_copy(page: Page) -> None:
    """Shows from where a word was copied."""
    page.get_by_role("tab", name="Remember").click()
    page.locator("#remember-abstract").select_option(index=4)
    page.locator("#copying-copies").filter(has_text="copied, ").wait_for()
    page.locator("#copying").evaluate("element => element.scrollIntoView({ behavior: 'instant' })")
    page.locator("#copying-text .w.copied[aria-label*=' and ']").last.hover()
    page.wait_for_timeout(500)


def take_page(folder: Path) -> None:
    """The page that `export.py` makes of a model."""
    run = os.environ.get("RUN")
    if run is None:
        script("train", *RUN, f"hydra.run.dir={folder}")
    file = folder.parent / "page.html"
    script("export", f"checkpoint={run or folder}", "format=page", f"path={file}")
    both_schemes("page", file.as_uri(), choose_a_word)
    both_schemes("page_remember", file.as_uri(), look_into_memory)
    both_schemes("page_copies", file.as_uri(), point_at_a_copy)


def main() -> None:
    """Takes the pictures that the arguments name, or all."""
    takes = {"tensorboard": take_tensorboard, "page": take_page}
    for name in sys.argv[1:] or takes:
        with TemporaryDirectory(prefix="patentlm-pictures-") as folder:
            takes[name](Path(folder) / "run")


if __name__ == "__main__":
    main()
