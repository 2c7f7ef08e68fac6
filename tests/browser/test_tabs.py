"""Each tab, used as a person would."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

TABS = ["write", "read", "remember", "words", "game", "run"]


@pytest.fixture
def page(window, run_folder):
    return window(viewport={"width": 1100, "height": 800}).open(run_folder / "page.html")


def choose(page, tab):
    page.get_by_role("tab", name=tab.capitalize()).click()
    return page.locator(f"#{tab}")


def words_of(page, selector):
    return page.locator(f"{selector} .w").all_text_contents()


def test_write_streams_a_text_and_goes_on_from_a_word_one_chooses(page):
    page.get_by_text("How it chooses").click()
    page.get_by_label("Longest").fill("12")
    page.get_by_label("Seed").fill("3")
    page.get_by_label("Begin with").fill("A method")
    page.get_by_label("Begin with").press("Enter")
    page.get_by_text("Seed 3.").wait_for()
    before = words_of(page, "#write-text")
    assert before[:2] == ["A", "method"]
    assert len(before) == 14
    page.locator("#write-text .w").nth(5).click()
    assert Axe().run(page).response["violations"] == []
    others = page.get_by_role("dialog").get_by_role("button")
    assert others.count() == 10
    picked = others.nth(2).locator("b").text_content()
    others.nth(2).click()
    page.get_by_text("in 0").first.wait_for()
    after = words_of(page, "#write-text")
    assert after[:5] == before[:5]
    assert after[5] == ("■" if picked == "the end" else picked)


def test_write_by_keyboard_alone(page):
    page.get_by_text(re.compile("words in")).wait_for()
    page.locator("#write-text .w").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    focused = "document.activeElement === document.querySelectorAll('#write-text .w')[1]"
    assert page.evaluate(focused)


def test_read_names_unknown_words_and_gives_the_perplexity(page, run_folder):
    import patentlm

    choose(page, "read")
    text = "A neural network comprises a zebra."
    page.locator("#read-input").fill(text)
    page.get_by_role("button", name="Read").click()
    page.get_by_text("Unknown to it, read as <unk>: zebra.").wait_for()
    perplexity = patentlm.load(run_folder, device="cpu").perplexity([text])
    shown = page.locator("#read-figures b").first.text_content()
    assert float(shown.replace(",", "")) == pytest.approx(perplexity, abs=0.06)
    page.locator("#read-text .w").nth(2).hover()
    assert "bits of surprise" in page.locator("#popover").text_content()
    assert page.locator("#popover li").count() == 10
    page.mouse.move(0, 0)
    assert not page.locator("#popover").is_visible()


def test_read_a_real_abstract_of_test(page):
    choose(page, "read")
    before = page.locator("#read-input").input_value()
    page.get_by_label("A real abstract").select_option(index=1)
    assert page.locator("#read-input").input_value() != before
    page.get_by_text("guessed right").wait_for()


def test_remember_shows_a_unit_and_where_a_word_came_from(page):
    panel = choose(page, "remember")
    page.get_by_label("Unit", exact=True).fill("5")
    page.locator("#heatmap").focus()
    page.keyboard.press("ArrowDown")
    assert panel.get_by_role("heading", name="Unit 6", exact=True).is_visible()
    assert page.locator("#unit-places li").count() == 5
    page.get_by_label("Show", exact=True).select_option("f")
    assert "keeps" in page.locator("#remember-note").text_content()
    page.get_by_label("Units by").select_option("life")
    assert page.locator("#unit-title").text_content() != "Unit 6"
    page.locator("#arcs-text .w").nth(6).click()
    page.get_by_text(re.compile("times l(ikelier|ess likely)")).wait_for()
    assert page.locator("#arcs path").count() == 6
    page.get_by_label("Measured by").select_option("gradient")
    assert re.search("speaks (for|against) it", page.locator("#arcs-status").text_content())


def test_words_finds_neighbours(page):
    choose(page, "words")
    page.get_by_label("Word", exact=True).fill("network")
    page.get_by_role("button", name="Find").click()
    assert page.get_by_role("heading", name="Used like “network”").is_visible()
    first = page.locator("#neighbours b").first.text_content()
    page.locator("#neighbours button").first.click()
    assert page.get_by_role("heading", name=f"Used like “{first}”").is_visible()
    page.get_by_label("Word", exact=True).fill("zebra")
    page.keyboard.press("Enter")
    assert "does not know “zebra”" in page.locator("#words-status").text_content()
    page.get_by_role("button", name="Closer").click()
    page.locator("#map").press("ArrowLeft")


def test_game_keeps_score(page):
    choose(page, "game")
    cards = page.locator("#real-cards button")
    cards.nth(2).wait_for()
    cards.first.click()
    assert re.match(r"[01] of 1 right", page.locator("#real-score").text_content())
    assert page.get_by_text("Written by a person").count() == 1
    assert page.get_by_text("Written by the network").count() == 2
    page.locator("#real-next").click()
    page.locator("#seam-text .w").nth(9).click()
    assert re.match(r"\d points? in 1 rounds", page.locator("#seam-score").text_content())


def test_run_tells_the_story(page, run_folder):
    panel = choose(page, "run")
    text = panel.text_content()
    assert "sample (synthetic text)" in text
    assert panel.get_by_role("row", name="Kneser-Ney 5-gram").count() == 1
    assert panel.get_by_role("img", name="Loss by step").count() == 1
    assert "train abstracts" in text
    sample = (run_folder / "samples.txt").read_text("utf-8").split("1. ")[1].strip()
    assert sample in text
    assert str(run_folder.parent) not in (run_folder / "page.html").read_text("utf-8")


def test_no_folder_of_the_maker_is_told(run_folder):
    assert str(run_folder.parent) not in (run_folder / "page.html").read_text("utf-8")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_accessible_and_never_wider_than_the_screen(width, scheme, window, run_folder):
    opened = window(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = opened.open(run_folder / "page.html")
    page.get_by_text(re.compile("words in")).wait_for()
    for tab in TABS:
        panel = choose(page, tab)
        if tab == "game":
            page.locator("#real-cards button").nth(2).wait_for()
        panel.get_by_role("heading").first.wait_for()
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], tab
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab


def test_tabs_by_keyboard(page):
    page.get_by_role("tab", name="Write").focus()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("tabpanel", name="Run").is_visible()
    page.keyboard.press("Home")
    assert page.get_by_role("tabpanel", name="Write").is_visible()
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
