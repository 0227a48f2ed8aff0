"""What a reader meets: the report from disk, and its links into a real MLflow server, in headless Chromium."""

import base64
import http.client
import io
import json
import re
import shutil
import time

import pypdf
import pytest

from project import Project, tracking_server

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: apt install chromium chromium-driver)"
)
QUIET = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="module")
def done(finished, tmp_path_factory) -> Project:
    """A finished study for a server and a browser of our own to work in."""
    return finished.copy(tmp_path_factory.mktemp("browsed") / "project")


@pytest.fixture
def browser(tmp_path):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*QUIET.split(), f"--user-data-dir={tmp_path}", "--window-size=1200,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def choose(browser, **values: str) -> list[list[str]]:
    """Set filters of the explorer; returns the texts of its rows."""
    from selenium.webdriver.support.select import Select

    for name, value in values.items():
        Select(browser.find_element("name", name)).select_by_value(value)
    rows = browser.find_elements("css selector", "#explorer tbody tr")
    return [[cell.text for cell in row.find_elements("tag name", "td")] for row in rows]


def test_the_report_works_from_disk(done, browser):
    browser.get((done.folder / "reports/mini/index.html").as_uri())
    assert "study mini" in browser.title
    assert not browser.get_log("browser")
    assert len(choose(browser)) == 6  # two variants, three architectures
    rows = choose(browser, variant="recall", metric="parameters")
    assert {row[0] for row in rows} == {"recall"}
    parameters = [int(row[5].replace(",", "")) for row in rows]
    assert parameters == sorted(parameters)
    rows = choose(browser, variant="all", family="thex", metric="exact_match")
    assert {row[2] for row in rows} == {"T HEX-2"}
    assert not browser.find_element("css selector", "#explorer th.ranked").is_displayed()
    assert browser.find_element("name", "count").text == "2 of 6 rows"
    assert browser.current_url.endswith("#explore?variant=all&split=test&family=thex&metric=exact_match")
    browser.refresh()  # what was chosen is still chosen
    assert browser.find_element("name", "count").text == "2 of 6 rows"
    assert not browser.get_log("browser")


def test_the_report_suits_dark_rooms_phones_and_paper(done, browser):
    browser.get((done.folder / "reports/mini/index.html").as_uri())
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(colour)
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert browser.execute_script(colour) != light
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    closed = "return document.querySelectorAll('details:not([open])').length"
    assert browser.execute_script(closed) > 0
    browser.execute_cdp_cmd("Page.printToPDF", {})
    assert browser.execute_script(closed) == 0  # on paper nothing can be opened any more


@pytest.fixture
def server(done):
    """The address of a real MLflow server on the study's database, started as `make mlflow` does."""
    with tracking_server(done.folder, "sqlite:///results/mlflow.db") as address:
        yield address


def wait_for(browser, text: str) -> str:
    """The text of the page, once it holds `text`."""
    for _ in range(120):
        shown = browser.find_element("tag name", "body").text
        if text in shown:
            return shown
        time.sleep(0.25)
    raise AssertionError(f"{text!r} never appeared in {browser.current_url}:\n{shown}")


def test_links_of_the_report_open_the_comparison_of_its_runs_in_mlflow(done, server, browser):
    browser.get((done.folder / "reports/mini/index.html").as_uri())
    link = browser.find_element("css selector", "figcaption a[data-run='compare:recall']")
    assert link.is_displayed()
    address = link.get_attribute("href")
    assert address.startswith("http://127.0.0.1:5000/#/compare-runs?")
    browser.get(address.replace("http://127.0.0.1:5000", server))
    shown = wait_for(browser, "Comparing 6 Runs from 1 Experiment")
    shown = wait_for(browser, "thex-2 seed2")
    assert "gpt2 seed1" in shown
    for _ in range(60):  # the chart is drawn after the text
        lines = browser.find_elements("css selector", "svg .parcoords-line-layers, .js-plotly-plot, canvas")
        if lines:
            break
        time.sleep(0.25)
    assert lines, "no chart was drawn"

    run = json.loads((done.folder / "results/mini/mlflow.json").read_text())["architectures"]["recall/thex-2"]
    browser.get(f"{server}/#/experiments/{run['experiment_id']}/runs/{run['run_id']}")
    wait_for(browser, "thex-2 on recall")


def test_the_first_page_of_runs_shows_exact_match(done, server, browser):
    browser.get((done.folder / "reports/mini/index.html").as_uri())
    address = browser.execute_script("return window.MLFLOW['table:recall']")
    browser.get(address.replace("http://127.0.0.1:5000", server))
    wait_for(browser, "6 matching runs")
    shown = wait_for(browser, "thex-2 seed2")
    assert "test.exact_match" in shown
    metrics = json.loads((done.folder / "results/mini/cells/recall/thex-2/seed2/metrics.json").read_text())
    assert f"{metrics['splits']['test']['exact_match']:.3f}"[:4] in shown


def test_the_page_that_an_experiment_opens_at_leads_to_its_runs_and_a_cell_to_the_figures(done, server, browser):
    tracked = json.loads((done.folder / "results/mini/mlflow.json").read_text())
    cell = tracked["cells"]["recall/thex-2/seed2"]
    browser.get(f"{server}/#/experiments/{cell['experiment_id']}")  # as the list of experiments opens it
    wait_for(browser, "runs by exact match")
    follow(browser, "runs by exact match")
    wait_for(browser, "6 matching runs")
    assert "test.exact_match" in wait_for(browser, "thex-2 seed2")
    browser.get(f"{server}/#/experiments/{cell['experiment_id']}/runs/{cell['run_id']}")
    wait_for(browser, "Figures of the study")
    follow(browser, "Figures of the study")
    wait_for(browser, "figures and tables")
    wait_for(browser, "Select a file to preview")


def follow(browser, text: str) -> None:
    """Open the link of this text, which a reader sees."""
    link = browser.find_element("link text", text)
    assert link.is_displayed()
    browser.get(link.get_attribute("href"))


def test_runs_grew_while_the_study_ran_without_a_fault(done):
    assert (done.folder / "results/mini/logs/live.log").read_text() == ""


def test_a_printed_report_holds_every_column_and_all_its_text(done, browser):
    browser.get((done.folder / "reports/mini/index.html").as_uri())
    heads = browser.execute_script(
        "document.querySelectorAll('details').forEach((one) => (one.open = true));"
        "const shown = [...document.querySelectorAll('th')].filter((th) => th.offsetParent);"
        "return shown.filter((th) => !th.classList.contains('mlflow')).map((th) => th.textContent)"
    )
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    pages = pypdf.PdfReader(io.BytesIO(printed)).pages
    text = squeezed(" ".join(page.extract_text() for page in pages))
    assert "verdict" in heads
    assert [head for head in heads if squeezed(head) not in text] == []
    width = float(pages[0].mediabox.width)
    places: list[float] = []
    for page in pages:
        page.extract_text(visitor_text=lambda words, cm, tm, *_: words.strip() and places.append(tm[4] * cm[0] + cm[4]))
    assert min(places) > 0
    assert max(places) < width  # nothing runs out of the page


def squeezed(text: str) -> str:
    """A text without spaces and breaks, which paper has elsewhere than the screen."""
    return re.sub(r"[\s\u00ad]+", "", text)


def test_mlflow_refuses_other_hosts(server):
    def status(host: str) -> int:
        connection = http.client.HTTPConnection(server.removeprefix("http://"))
        connection.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": host})
        return connection.getresponse().status

    assert status("127.0.0.1") == 200
    assert status("elsewhere.example") == 403
