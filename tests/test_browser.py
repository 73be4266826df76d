"""The browser that judges our pages sees what is wrong with a page."""

import pytest
from browser import NARROW, visit

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
<p style="color: #ccc">too faint</p><img src="https://example.com/leaves.png">
<div style="width: 500px">too wide</div><script>console.error("a complaint")</script></main></html>"""


def test_a_faulty_page_is_told_from_a_good_one(chromium, tmp_path):
    """A request that leaves, a complaint, a faint text, a picture without a name, a page that is too wide."""
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    with visit(chromium, page, width=NARROW) as seen:
        assert seen.requests == ["https://example.com/leaves.png"]
        assert "a complaint" in seen.complaints
        assert {line.split(":")[0] for line in seen.hindrances()} >= {"color-contrast", "image-alt"}
        assert seen.overflows()
    page.write_text(PAGE[: PAGE.index("<p")] + "</main></html>")
    with visit(chromium, page, width=NARROW, theme="dark") as seen:
        assert seen.requests == seen.complaints == seen.hindrances() == []
        assert not seen.overflows()
