"""A real Chromium, with the network off, and pages made of tiny networks and of a tiny run."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.pages import make_model, write_page
from tests.networks import make_network

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium that is installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("install Debian's package chromium to try format=page in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Window:
    """A page opened from its file, and all that it complained about."""

    def __init__(self, browser: Browser, **settings: Any) -> None:
        self.complaints: list[str] = []
        context = browser.new_context(offline=True, **settings)
        context.set_default_timeout(10_000)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith("file:"):
            self.complaints.append(f"asked for {request.url}")

    def open(self, file: Path) -> Page:
        """Opens a page by its file, as a double click does, until its network is there."""
        self.page.goto(file.as_uri())
        self.page.evaluate("async () => { await window.patentlm.ready }")
        return self.page


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Makes windows; at the end none of them may have complained."""
    made: list[Window] = []

    def make(**settings: Any) -> Window:
        made.append(Window(browser, **settings))
        return made[-1]

    yield make
    for opened in made:
        opened.page.context.close()
        assert opened.complaints == []


@pytest.fixture(scope="session")
def laboratory(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An open page in which other networks can be made."""
    opened = Window(browser)
    model = make_model(make_network(vocabulary=3), ["<end>", "<unk>", "a"])
    yield opened.open(write_page(model, tmp_path_factory.mktemp("laboratory")))
    opened.page.context.close()
    assert opened.complaints == []


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run on the sample, with its page."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATENTLM_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        arguments = {
            "train": [
                "debug=fast", "windows=abstract", "data.count=60", f"hydra.run.dir={folder}",
            ],
            "export": [f"checkpoint={folder}", "format=page"],
        }  # fmt: skip
        for script, given in arguments.items():
            patch.setattr(sys, "argv", [f"{script}.py", *given])
            importlib.import_module(script).main()
    return folder
