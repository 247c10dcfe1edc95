"""What `mkdocs build` is told beside `mkdocs.yml`: pages of the repository that lie outside of `docs/`.

The same files are read on a code forge, so links in `docs/` name the files themselves; here they become links to pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPO = Path(__file__).resolve().parents[1]
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "benchmarks.md",
}
RESULTS = "bench/results"
_LINK = re.compile(r"(\]\()([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the repository's own pages, and results with their pictures."""
    found = {REPO / name: page for name, page in PAGES.items()}
    results = (REPO / RESULTS).iterdir()
    found |= {path: f"results/{path.name}" for path in sorted(results) if path.suffix in (".md", ".png")}
    for path, page in found.items():
        files.append(File.generated(config, page, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to files of the repository to their pages."""
    source = Path(page.file.abs_src_path)

    def led(match: re.Match[str]) -> str:
        return match[1] + _page_of(match[2], source, page.file.src_uri)

    return _LINK.sub(led, markdown)


def _page_of(link: str, source: Path, page: str) -> str:
    """Return a link of a page as the site has it; one to anything else stays."""
    if "://" in link:
        return link
    target = (source.parent / link).resolve()
    if not target.is_relative_to(REPO):
        return link
    name = str(target.relative_to(REPO))
    in_site = PAGES.get(name)
    if name.startswith(f"{RESULTS}/"):
        in_site = f"results/{target.name}"
    elif name.startswith("docs/"):
        in_site = name.removeprefix("docs/")
    return "../" * page.count("/") + in_site if in_site else link
