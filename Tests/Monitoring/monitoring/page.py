"""The dashboard in a browser, and what every view of it has to fulfil."""

import os

from axe_playwright_python.sync_playwright import Axe

SECTIONS = ("Pools", "Who waits, and for whom", "The last 10 minutes", "Queries",
            "Tenants by use", "Loops", "Recent problems")

# Wide and narrow, light and dark: as a screen on a desk and a phone have it.
VIEWS = ((1280, "light"), (360, "light"), (1280, "dark"), (360, "dark"))

# Rules that are about the page's content, not about its use, are in the default set too.
AXE = {"runOnly": {"type": "tag", "values": [
    "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}

HEADINGS = """() => [...document.querySelectorAll('h1,h2,h3,h4')]
  .filter((node) => node.getClientRects().length > 0)
  .map((node) => [Number(node.tagName[1]), node.textContent.trim()])"""

CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, summary, input, select, [tabindex="0"]')]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }))
  .map((node, index) => {
    node.dataset.stop = index;
    return (node.getAttribute('aria-label') ?? node.textContent).trim();
  })"""

FOCUSED = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  return [node.dataset.stop ?? null, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


class Page:
    def __init__(self, browser, url, report, pictures=None, **options):
        self.report = report
        self.url = url
        self.pictures = pictures
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page = self.context.new_page()
        self.console = []
        self.requests = []
        self.failed = []
        self.page.on("console", lambda message: self.console.append(
            f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.failed.append(request.url))
        self.page.on("response", lambda answer: answer.status >= 400 and self.failed.append(
            f"{answer.status} {answer.url}"))
        self.page.goto(url)

    def headline(self):
        return self.page.inner_text("#headline")

    def state(self):
        return self.page.get_attribute("#state", "class")

    def text(self, selector):
        return self.page.inner_text(selector)

    def wait_for(self, what, expression, seconds=15, argument=None):
        try:
            self.page.wait_for_function(expression, arg=argument, timeout=seconds * 1000)
        except Exception as error:
            raise AssertionError(
                f"not within {seconds} s: {what}; the headline: {self.headline()}") from error

    def wait_for_headline(self, pattern, seconds=15):
        self.wait_for(f"a headline like {pattern}", """(pattern) =>
          new RegExp(pattern).test(document.getElementById('headline').textContent)""",
                      seconds, pattern)

    def show(self, width, scheme):
        self.page.set_viewport_size({"width": width, "height": 900 if width > 600 else 780})
        self.page.emulate_media(color_scheme=scheme)

    def check_views(self, name, views=VIEWS):
        """Pictures of this state, and in each view what a reader must be able to rely on."""
        for width, scheme in views:
            self.show(width, scheme)
            self.page.wait_for_timeout(500)
            what = f"{name}, {width} px, {scheme}"
            if self.pictures:
                self.page.screenshot(
                    path=os.path.join(self.pictures, f"{name}-{width}-{scheme}.png"),
                    full_page=True)
            across = self.page.evaluate("document.documentElement.scrollWidth")
            self.report.check(f"{what}: the page does not scroll sideways", across <= width, across)
            self.check_accessibility(what)
        self.show(1280, "light")

    def check_accessibility(self, what):
        found = Axe().run(self.page, options=AXE)
        for fault in found.response["violations"]:
            nodes = [node["html"][:200] + " " + node["failureSummary"][:300]
                     for node in fault["nodes"][:3]]
            self.report.check(f"{what}: axe finds nothing", False, f"{fault['id']}: {nodes}")
        self.report.check(f"{what}: axe has looked at it", len(found.response["passes"]) > 10)
        headings = self.page.evaluate(HEADINGS)
        levels = [level for level, _ in headings]
        self.report.check(
            f"{what}: headings go down by one level at a time",
            levels[:1] == [1] and levels.count(1) == 1
            and all(after <= before + 1 for before, after in zip(levels, levels[1:])), headings)
        self.report.check(f"{what}: every heading has a text", all(text for _, text in headings))

    def check_keyboard(self, what):
        """Tab gets to every control, each has a name, and one sees where one is."""
        names = self.page.evaluate(CONTROLS)
        self.report.check(f"{what}: every control has a name", all(names), names)
        self.page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
        reached = {}
        for _ in range(len(names) + 5):
            self.page.keyboard.press("Tab")
            stop, style, width = self.page.evaluate(FOCUSED)
            if stop is not None:
                reached[int(stop)] = (style, width)
        missed = [name for index, name in enumerate(names) if index not in reached]
        self.report.check(f"{what}: Tab reaches every control", not missed, missed)
        self.report.check(
            f"{what}: the focus can be seen",
            all(style != "none" and width >= 2 for style, width in reached.values()), reached)

    def check_quiet(self, what):
        """No error in the console, no failed request, nobody else asked."""
        self.report.check(f"{what}: the console is silent", not self.console, self.console)
        self.report.check(f"{what}: no request failed", not self.failed, self.failed)
        strange = [url for url in self.requests if not url.startswith(self.url)]
        self.report.check(f"{what}: nobody but Sluice is asked", not strange, strange)

    def close(self):
        self.context.close()
