"""The site that `make docs` makes: it builds without a warning and loads nothing from another host."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run([REPO / "infra/docs.sh"], env=os.environ | {"SITE": str(folder)}, check=True)
    return folder


class Loads(HTMLParser):
    """Collects what a page loads by itself; links that a reader follows are none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "alternate"):
            self.found.append(given.get("href") or "")
        if tag in LOADED:
            self.found.append(given.get(LOADED[tag]) or "")
        self.found += re.findall(r"url\(['\"]?([^'\")]+)", given.get("style") or "")


def test_pages_styles_and_pictures_load_nothing_from_another_host(site):
    pages = list(site.rglob("*.html"))
    assert {page.name for page in pages} >= {"index.html", "configuration.html", "contributing.html", "learning.html"}
    loaded = []
    for page in pages:
        parser = Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        loaded += parser.found
    for style in (*site.rglob("*.css"), *site.rglob("*.svg")):
        loaded += re.findall(r"url\(['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style.read_text(encoding="utf-8"))
    loaded = [link if isinstance(link, str) else "".join(link) for link in loaded]
    assert len(loaded) > 100
    assert [link for link in loaded if ELSEWHERE.match(link)] == []


def test_what_its_scripts_could_fetch_is_not_asked_for(site):
    """The theme fetches mermaid for diagrams in it and figures of a repository that is named: there are none."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in text and 'data-md-component="source"' not in text
    fetched = set()
    for script in site.glob("assets/javascripts/bundle.*.js"):
        fetched |= set(re.findall(r"https://\w[\w.-]+", script.read_text(encoding="utf-8")))
    # of unpkg also a polyfill for browsers of before 2020; clipboardjs stands in a comment
    assert fetched == {"https://unpkg.com", "https://api.github.com", "https://clipboardjs.com"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; infra/browser.sh does it")
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_read_and_searched_without_a_network(address, site, width, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(90_000)
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        shots = Path(os.environ.get("HALO_RAFT_SCREENSHOTS") or tmp_path)
        shots.mkdir(parents=True, exist_ok=True)
        for name in ("index", "configuration", "troubleshooting", "results"):
            page.goto(f"{address}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than {width}"
            page.screenshot(path=str(shots / f"docs_{name}_{width}.png"))
        if width < 600:
            page.locator("label[for=__search]").first.click()
        page.locator("input.md-search__input").press_sequentially("gradient_checkpointing")  # it listens to keys
        page.locator(".md-search-result__item").first.wait_for()
        assert "configuration.html" in "".join(
            page.locator(".md-search-result__link").evaluate_all("a => a.map(x => x.href)")
        )
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
        assert errors == []
        browser.close()
