"""The report in a browser, opened from disk as a user does."""

import html as markup
import json
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from matplotlib import image

from hubel.sw.report import write
from hubel.sw.report_data import ReportData

NAMES = ("chromium", "chromium-browser", "google-chrome")

#: Looks into a frame with a report and prints what is cut off or printed over each other.
INSPECTOR = """<!DOCTYPE html>
<body style="margin: 0"><iframe src="report.html" style="border: 0; width: WIDTHpx; height: 900px">
</iframe><pre></pre><script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, found = [];
  if (page.documentElement.scrollWidth > WIDTH) found.push("the page is wider than the screen");
  const charts = [...page.querySelectorAll("svg")].filter(svg => svg.getClientRects().length);
  for (const svg of charts) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map(
      text => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([text, a], i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 ||
          a.bottom > frame.bottom + 1) found.push(`${svg.ariaLabel}: '${text}' is cut off`);
      if (a.height < 9) found.push(`${svg.ariaLabel}: '${text}' is too small`);
      for (const [other, b] of texts.slice(i + 1))
        // Boxes of lines above each other may touch; letters do not.
        if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
          found.push(`${svg.ariaLabel}: '${text}' and '${other}' overlap`);
    });
  }
  document.querySelector("pre").textContent = JSON.stringify({charts: charts.length, found});
};
</script></body>
"""


@dataclass(frozen=True)
class Browser:
    """Chromium without a window."""

    program: str
    profile: Path

    def run(self, page: Path, *options: str) -> tuple[str, list[str]]:
        """Open ``page``; return what was printed, and the lines of the console."""
        done = subprocess.run(
            [self.program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={self.profile}",
             *options, page.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on PATH: sudo apt-get install chromium")
    return Browser(program, tmp_path / "profile")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    record = json.loads(Path(__file__).with_name("report.json").read_text())
    write(ReportData.from_json(record), path)
    return path


def test_opens_without_complaint(browser, report):
    shown, console = browser.run(report, "--dump-dom")
    assert console == []
    text = " ".join(markup.unescape(re.sub(r"<[^>]*>", " ", shown)).split())
    for words in ("97.5 %", "27.31 MHz", "1.45 µJ", "3.71 Wh", "668 s", "virtual differs."):
        assert words in text
    assert shown.count("<svg") == report.read_text(encoding="utf-8").count("<svg")


def test_console_is_heard_and_scripts_are_refused(browser, report, tmp_path):
    """The test above would notice; and the page's own policy stops a script."""
    page = tmp_path / "scripted.html"
    script = "<script>document.title = 'ran'</script></body>"
    page.write_text(report.read_text(encoding="utf-8").replace("</body>", script), encoding="utf-8")
    shown, console = browser.run(page, "--dump-dom")
    assert any("Content Security Policy" in line for line in console)
    assert "<title>ran" not in shown


def inspect(browser: Browser, page: Path, width: int) -> dict:
    """What the inspector says of ``page`` in a window of ``width``."""
    frame = page.with_name(f"inspect{width}.html")
    frame.write_text(INSPECTOR.replace("WIDTH", str(width)).replace("report.html", page.name))
    options = ("--dump-dom", "--allow-file-access-from-files", "--virtual-time-budget=10000")
    shown, console = browser.run(frame, *options)
    assert console == []
    match = re.search(r"<pre>(.+?)</pre>", shown)
    assert match, "the report did not load in the frame"
    return json.loads(markup.unescape(match[1]))


@pytest.mark.parametrize("width", [320, 400, 1000])
def test_nothing_is_cut_off_or_overlaps(browser, report, width):
    drawings = report.read_text(encoding="utf-8").count("<svg")
    assert inspect(browser, report, width) == {"charts": drawings // 2, "found": []}


def test_inspector_sees(browser, tmp_path):
    """The test above would notice."""
    page = tmp_path / "bad.html"
    texts = "".join(
        f'<text x="{x}" y="{y}">{text}</text>'
        for x, y, text in ((10, 40, "first"), (20, 44, "second"), (170, 90, "outside"))
    )
    page.write_text(f'<svg width="200" height="100" aria-label="bad">{texts}</svg><hr width="500">')
    assert inspect(browser, page, 400)["found"] == [
        "the page is wider than the screen",
        "bad: 'first' and 'second' overlap",
        "bad: 'outside' is cut off",
    ]


@pytest.mark.parametrize("scheme, darkest, lightest", [("light", 0.8, 1.0), ("dark", 0.0, 0.25)])
def test_screenshot(browser, report, tmp_path, scheme, darkest, lightest):
    shot = tmp_path / "shot.png"
    preferred = f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"
    browser.run(report, preferred, "--window-size=800,1200", f"--screenshot={shot}")
    png = shot.read_bytes()
    assert struct.unpack(">II", png[16:24]) == (800, 1200)
    assert len(png) > 30_000
    pixels = image.imread(shot)[..., :3]
    assert darkest <= pixels.mean() <= lightest
    assert pixels.std() > 0.05
