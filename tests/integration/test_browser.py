"""What a person sees: a run in MLflow's own pages, and the report, in headless Chromium.

Screenshots go to the folder that HALO_RAFT_SCREENSHOTS names, else to the test's own.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.tracked import RunTracker
from halo_raft.report.sweep import write_sweep_report
from halo_raft.report.write import write_report
from halo_raft.store import RunFolder
from halo_raft.tracking import registered_name

from .. import made_run
from ..made_run import write_run
from ..mlflow_ui import mlflow_ui

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAME = registered_name("builtin:smollm2-135m")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; infra/browser.sh does it"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two cycles, tracked by what tracks real ones; returns its folder, config and MLflow id."""
    root = tmp_path_factory.mktemp("browser")
    folder = write_run(root / "demo")
    tasks = ["tasks.heldout=starter:heldout", "tasks.heldout_limit=6", f"tasks.train={root / 'tasks.jsonl'}"]
    config = load(
        RaftConfig, None, [*tasks, f"output_dir={folder.path}", f"tracking.dir={root / 'mlruns'}", "cycles=2"]
    )
    history = [folder.stats(cycle) for cycle in range(3)]
    with RunTracker(prepare(config), RunFolder(folder.path), folder.known()) as tracker:
        for stats in history:
            if stats.cycle:
                with tracker.cycle(stats.cycle) as log:
                    for step, loss in ((1, 0.9), (2, 0.5)):
                        log.log_metrics({"loss": loss / stats.cycle}, step)
            tracker.cycle_done(stats)
        tracker.done(history, 2)
        run_id = tracker.tracker.run_id
    return folder.path, config, run_id


@pytest.fixture(scope="module")
def address(run, tmp_path_factory):
    _, config, _ = run
    with mlflow_ui(config.tracking, tmp_path_factory.mktemp("ui")) as (_, address):
        yield address


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Chromium's own sandbox does not start as root, which containers are
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page 1280 wide; an exception in its scripts fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(90_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def shoot(page, tmp_path):
    """Returns a function that takes a screenshot under a name."""
    folder = Path(os.environ.get("HALO_RAFT_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(name, *, full=False):
        page.screenshot(path=str(folder / f"{name}.png"), full_page=full)
        assert (folder / f"{name}.png").stat().st_size > 10_000

    return shoot


def see(page, *texts):
    """Wait until each text is to be seen."""
    for text in texts:
        page.get_by_text(text).filter(visible=True).first.wait_for()


def brightness(page):
    """Return how bright a page is on the whole, 0 to 255."""
    return ImageStat.Stat(Image.open(io.BytesIO(page.screenshot())).convert("L")).mean[0]


def test_the_experiment_lists_the_run_and_leads_to_it(page, address, run, shoot):
    page.goto(f"{address}/#/experiments")
    page.get_by_role("link", name="halo-raft", exact=True).first.click()
    page.wait_for_url(re.compile(r"/experiments/\d+"))
    experiment = re.search(r"/experiments/(\d+)", page.url).group(1)
    page.goto(f"{address}/#/experiments/{experiment}/runs")
    see(page, "demo", "tasks.jsonl")
    page.set_viewport_size({"width": 2000, "height": 900})  # columns that do not fit are not drawn
    page.goto(f"{address}/#/experiments/{experiment}/runs?viewStateShareKey=halo-raft")
    see(page, "pass_at_1", "pass_at_1_gain", re.compile(r"^66\.7% \["), re.compile(r"^\+41\.7 points"))
    shoot("mlflow_experiment")
    page.get_by_role("link", name="demo", exact=True).first.click()
    page.wait_for_url(re.compile(run[2]))


def test_the_run_says_what_it_is(page, address, run, shoot):
    page.goto(f"{address}/#/experiments/1/runs/{run[2]}")
    see(page, "Reward-ranked fine-tuning (RAFT) of a code model.", "Finished", "heldout/pass_at_1", "starter:heldout")
    see(page, re.compile(NAME), "halo_raft.sandbox_tier", "halo_raft.device")
    shoot("mlflow_run")


def test_metrics_are_charts_over_cycles(page, address, run, shoot):
    page.goto(f"{address}/#/experiments/1/runs/{run[2]}/model-metrics")
    see(page, "demo (heldout/pass_at_1)")
    charts = page.get_by_text(re.compile(r"^demo \(.+\)$")).all_inner_texts()
    assert charts[0] == "demo (heldout/pass_at_1)" and not any("_low" in c or "best/" in c for c in charts)
    shoot("mlflow_charts")
    page.get_by_placeholder("Search metric charts").fill("heldout/pass_at_1")
    see(page, "demo (heldout/pass_at_1)")
    page.locator(".js-plotly-plot").first.wait_for()
    shoot("mlflow_metrics")


def test_artifacts_show_figures_tables_adapters_and_the_report(page, address, run, shoot):
    artifacts = f"{address}/#/experiments/1/runs/{run[2]}/artifacts"
    page.goto(f"{artifacts}/figures/pass_rate.png")
    see(page, "cycle_2_final", "config.yaml", "pass_rate.png")
    page.locator("img[src^='blob:'], img[src*='get-artifact'], .image-outer-container").first.wait_for()
    shoot("mlflow_figure")
    page.goto("about:blank")
    page.goto(f"{artifacts}/samples/cycle_2.json")
    see(page, "verdict", "completion", "passed")
    shoot("mlflow_samples")
    page.goto("about:blank")
    page.goto(f"{artifacts}/report/report.html")
    report = page.frame_locator("iframe").last
    report.get_by_role("heading", name="Figures").wait_for()
    shoot("mlflow_report")


def test_the_champion_is_registered_and_described(page, address, run, shoot):
    page.goto(f"{address}/#/models/{NAME}/versions/1")
    see(page, "champion", re.compile("LoRA adapter of cycle 2"))
    shoot("mlflow_champion")


NO_ASSISTANT = """
if (location.protocol === "http:") {
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
}
"""
"""Closes what MLflow opens beside its pages at the first visit, as a person does once."""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_mlflow_says_the_same_in_the_dark_and_on_a_phone(page, address, run, shoot, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.add_init_script(NO_ASSISTANT)
    page.set_viewport_size({"width": width, "height": 900})
    ours = f"{address}/#/experiments/1/runs/{run[2]}"
    # its list of runs has no room for names on a phone
    runs = [("runs", f"{address}/#/experiments/1/runs?viewStateShareKey=halo-raft", ["demo"])] if width > 600 else []
    for name, place, texts in (
        *runs,
        ("run", ours, ["Finished", "tasks.jsonl"]),
        ("charts", f"{ours}/model-metrics", ["pass_at_1"]),
        ("figure", f"{ours}/artifacts/figures/pass_rate.png", ["figures"]),
        ("champion", f"{address}/#/models/{NAME}/versions/1", ["champion", re.compile("LoRA adapter of cycle 2")]),
    ):
        page.goto("about:blank")
        page.goto(place)
        if width < 600:  # its own side bar leaves a phone no room
            page.get_by_label("Toggle sidebar").click()
        see(page, *texts)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shoot(f"mlflow_{name}_{width}_{scheme}")
        if name != "figure":  # figures are drawn on white
            assert (brightness(page) > 128) == (scheme == "light"), name


HOSTILE = (
    "</pre></details><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">",
    '```html\n<svg onload="document.title = \'owned\'"><a href="javascript:document.title=1">x</a>\n```{{{{ 7 * 7 }}}}',
    "def {}(x):\n    return x",
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Pages by name, of runs whose completions would change the title if anything in them ran."""
    root = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_run, "PROGRAMS", HOSTILE)
        one, other = write_run(root / "one", (3, 5, 8)), write_run(root / "other", (3, 4, 3))
        long = write_run(root / "long", [3 + cycle // 20 + cycle % 7 // 2 for cycle in range(101)])
    study = {"study": "sweep", "objective": {"pass_rate": "maximize"}, "dimensions": ["lora.r"], "best": [11]}
    rows = [
        {
            "number": n,
            "state": "complete",
            "settings": {"lora.r": 2**n},
            "values": {"pass_rate": n / 12},
            "reason": "",
            "tokens": {},
        }
        for n in range(12)
    ]
    (root / "sweep").mkdir()
    (root / "sweep" / "study.json").write_text(json.dumps(study | {"trials": rows}))
    return {
        "report": write_report([one.path], root / "report"),
        "comparison": write_report([one.path, other.path], root / "comparison"),
        "hundred": write_report([long.path], root / "hundred"),
        "sweep": write_sweep_report(root / "sweep", root / "sweep" / "report"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["report", "comparison", "sweep", "hundred"])
def test_a_page_reads_well_and_asks_the_network_for_nothing(page, reports, shoot, name, width, scheme):
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(reports[name].as_uri())
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == (2 if name == "sweep" else 8) and min(widths) > 500
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    shoot(f"{name}_{width}_{scheme}", full=True)
    assert set(asked) <= {"file", "data"} and said == []


def test_a_hundred_cycles_are_a_small_page_that_shows_where_there_is_more(page, reports):
    folder = reports["hundred"].parent
    assert reports["hundred"].stat().st_size < 1_000_000
    assert max(figure.stat().st_size for figure in folder.glob("*.png")) < 200_000
    page.goto(reports["hundred"].as_uri())
    box = page.locator(".scroll").first
    assert box.locator("tbody tr").count() == 101
    assert box.evaluate("box => box.scrollHeight > box.clientHeight"), "it scrolls by itself"
    below = page.locator(".scroll + p").first.bounding_box()["y"]
    assert below >= box.bounding_box()["y"] + box.bounding_box()["height"] + 10, "what is cut off touches nothing"
    page.get_by_role("searchbox").first.fill("best")
    assert box.locator("tbody tr").filter(visible=True).all_inner_texts()[0].startswith("100 (best)")


@pytest.mark.parametrize("name", ["report", "hundred"])
def test_what_a_completion_says_is_not_done(page, reports, name):
    title = {"report": "one · halo-raft", "hundred": "long · halo-raft"}[name]
    page.goto(reports[name].as_uri())
    for details in page.locator("details").all():
        details.evaluate("element => element.open = true")
    see(page, re.compile("document.title = 'owned'"))
    assert page.title() == title
    # nor would it be, were it not escaped: the page lets nothing but its own script run
    page.evaluate(
        """() => new Promise(done => {
            const box = document.createElement("div");
            box.innerHTML = `<img src="x" onerror="document.title = 'owned'">`;
            box.firstChild.addEventListener("error", () => done());
            document.body.append(box);
            document.body.append(Object.assign(document.createElement("script"), {text: "document.title = 'owned'"}));
        })"""
    )
    assert page.title() == title


def test_tables_are_sorted_and_searched_and_lead_to_completions(page, reports):
    page.goto(reports["report"].as_uri())
    tasks = page.locator("table").nth(1)
    tasks.get_by_role("button", name="Passed before").click()
    rows = tasks.locator("tbody tr")
    assert rows.first.inner_text().split("\t")[2] == "2/2"
    tasks.get_by_role("button", name="Passed before").click()
    assert rows.first.inner_text().split("\t")[2] == "0/2"
    page.get_by_role("searchbox").last.fill("gained")
    assert rows.filter(visible=True).count() == 5
    rows.filter(visible=True).get_by_role("link", name="t3", exact=True).click()
    shown = page.locator("details[open]").filter(has_text="cycle 2").first
    shown.get_by_text("assert f3(3) == 3").wait_for()
    page.goto(reports["sweep"].as_uri())
    page.get_by_role("button", name="pass_rate").click()
    assert page.locator("tbody tr").first.inner_text().startswith("11")
