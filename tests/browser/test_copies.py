"""The page shows what a pointer copies, with the numbers of PyTorch."""

import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

from patentlm.generation.reader import Reader
from tests.browser.pages import in_page, make_model, write_page
from tests.browser.test_numbers import HEADS, TEXT, VOCABULARY, random_network

SENTENCE = "a network is a neural network trained by a neural network, as the network is"
ARCS_LEAD = """expected => {
  const words = [...document.querySelectorAll('#copying-text .w')];
  const found = [...document.querySelectorAll('#copying-arcs path')].map((path) => {
    const box = path.ownerSVGElement.getBoundingClientRect();
    return [0, path.getTotalLength()].map((length) => {
      const { x, y } = path.getPointAtLength(length);
      return words.indexOf(document.elementFromPoint(x + box.left, y + box.top));
    });
  });
  return JSON.stringify(found.sort(([a], [b]) => a - b)) === JSON.stringify(expected);
}"""
"""True once the arcs lead from the first to the second of each pair of words."""
POINTERS = [name for name in HEADS if name.startswith("pointer")]


@torch.inference_mode()
def copied_masses(model, ids):
    """Before each word and the end, the probability of copying the word at each place."""
    reader, masses = Reader(model.network, model.metadata.context), []
    rows = reader.begin([], 1)
    for at in range(len(ids) + 1):
        _, weights = model.network.head.log_weights(rows.hidden, rows.scores)
        last = weights[0, -at:].exp() if at else weights.new_zeros(0)  # the newest place is last
        found = torch.zeros(at)
        found[at - len(last) :] = last
        masses.append(found.tolist())
        rows = reader.read(torch.tensor(ids[at : at + 1])) if at < len(ids) else None
    return masses


@pytest.mark.parametrize("context", [None, 5])
@pytest.mark.parametrize("head", POINTERS)
def test_what_is_copied_from_each_place(head, context, laboratory):
    model = make_model(random_network(len(VOCABULARY), head=head), VOCABULARY, context=context)
    ids = model.vocabulary.encode(TEXT).tolist()
    found = in_page(laboratory, model, "[...model.score(argument)]", ids)
    for at, (score, masses) in enumerate(zip(found, copied_masses(model, ids), strict=True)):
        shown = np.zeros(at)
        for place in score["copyable"]:
            shown[at - place["back"]] = np.exp(place["log"])
            assert place["word"] == ids[at - place["back"]]
        assert shown == pytest.approx(np.array(masses), abs=1e-4)


def copying_model():
    network = random_network(len(VOCABULARY), head="pointer_to_all")
    with torch.no_grad():
        network.head.word_bias.fill_(2.0)  # copies often
    return make_model(network, VOCABULARY)


@pytest.fixture(params=[(360, "dark"), (1280, "light")], ids=lambda pair: str(pair[0]))
def page(request, window, tmp_path):
    width, scheme = request.param
    opened = window(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = opened.open(write_page(copying_model(), tmp_path))
    page.get_by_text(re.compile("words in")).wait_for()
    return page


def read_sentence(page):
    page.get_by_role("tab", name="Remember").click()
    page.get_by_text("The text it reads").click()
    page.locator("#remember-input").fill(SENTENCE)
    page.get_by_role("button", name="Read this").click()
    page.locator("#copying-text .w[aria-label*='copied']").nth(len(SENTENCE.split())).wait_for()


def test_a_word_is_told_from_where_it_was_copied_by_keyboard(page):
    read_sentence(page)
    page.locator("#copying-text .w").first.focus()
    line = page.locator("#copying-copies")
    assert line.text_content() == "“A”: written, not copied."
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    model = copying_model()
    ids = model.vocabulary.encode(SENTENCE.replace(",", " ,").split()).tolist()
    probs = page.evaluate("ids => [...window.patentlm.model.score(ids)][5].logProbability", ids)
    copied = copied_masses(model, ids)[5][1] / np.exp(probs)
    told = f"{copied:.0%}".replace("%", " %") + " copied, from word 2"
    assert copied > 0.5
    assert line.text_content().startswith(f"“network”: {told}")
    word = page.locator("#copying-text .w").nth(5)
    assert told in word.get_attribute("aria-label")
    assert "copied" in word.get_attribute("class").split()
    assert Axe().run(page).response["violations"] == []


def test_arcs_lead_from_word_to_word_wherever_lines_break(page):
    read_sentence(page)
    page.locator("#copying-text .w").nth(14).click()
    for width in (page.viewport_size["width"], 500):
        page.set_viewport_size({"width": width, "height": 740})
        page.locator("#copying-text").scroll_into_view_if_needed()
        page.wait_for_function(ARCS_LEAD, arg=[[1, 14], [5, 14], [10, 14]])
    page.get_by_role("tab", name="Write").click()
    page.set_viewport_size({"width": 700, "height": 740})
    page.get_by_role("tab", name="Remember").click()
    page.locator("#copying-text").scroll_into_view_if_needed()
    page.wait_for_function(ARCS_LEAD, arg=[[1, 14], [5, 14], [10, 14]])


def test_written_words_and_those_that_are_read_are_told_from_where_too(page):
    page.locator("#write-text .w.copied").first.hover()
    assert "copied, " in page.locator("#write-copies").text_content()
    assert page.locator("#write-arcs path").count() > 0
    page.mouse.move(0, 0)
    assert page.locator("#write-arcs path").count() == 0
    page.locator("#write-text .w.copied").first.click()
    assert "copied, " in page.get_by_role("dialog").text_content()
    page.get_by_role("tab", name="Read").click()
    page.locator("#read-input").fill(SENTENCE)
    page.get_by_role("button", name="Read").click()
    page.locator("#read-text .w[aria-label*='bits']").nth(16).wait_for()
    page.locator("#read-text .w").nth(5).hover()
    assert "% copied, from word 2" in page.locator("#popover").text_content()


def test_a_model_without_pointer_says_nothing_of_copies(window, tmp_path):
    model = make_model(random_network(len(VOCABULARY)), VOCABULARY)
    page = window().open(write_page(model, tmp_path))
    page.get_by_text(re.compile("words in")).wait_for()
    page.locator("#write-text .w").first.hover()
    page.get_by_role("tab", name="Remember").click()
    assert not page.get_by_role("heading", name="What it copies").is_visible()
    assert "copied" not in page.locator("#write-text").inner_html()
    assert not page.locator("#write-copies").is_visible()
    assert page.locator("#write-arcs path").count() == 0
