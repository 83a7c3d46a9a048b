"""The states that Sluice can be in, each brought about for real, and what the page says of it."""

import os
import re
import signal
import time

from .client import Client, Refused
from .page import Page, SECTIONS, VIEWS
from .site import Load, Sluice, eventually, knows

DATABASES = """
[databases.app]
host = "127.0.0.1"
port = {port}

[databases.reports]
host = "127.0.0.1"
port = {port}
pool_size = 4

[databases.jobs]
host = "127.0.0.1"
port = {port}
dbname = "app"
pool_size = 1

# Any other name leads to the same database: names are the clients' to choose.
[databases."*"]
host = "127.0.0.1"
port = {port}
dbname = "app"
pool_size = 1

[users.app]
password = ""
[users.analyst]
password = ""

[tenancy]
sources = ["user_suffix"]
fallback_tenant = "public"
[tenancy.settings]
"app.tenant_id" = "{{tenant}}"
"""

MARKUP = "<script>alert('x')</script><img src=x onerror=alert(1)>"
TURNED = "safe\u202etxt.exe\u2066"
LONG = "a very long name " * 59
PAUSE = "Pause updates"


class States:
    def __init__(self, site, binary, browser, report, pictures, is_quick=False):
        """Quick: one view of each state, another one each time, and no long silences."""
        self.site = site
        self.report = report
        self.browser = browser
        self.pictures = pictures
        self.is_quick = is_quick
        self.has_problems = knows(site.workspace, binary, "log_rate_limit")
        settings = {"query_stats": "true"} if knows(site.workspace, binary, "query_stats") else {}
        self.sluice = Sluice(site.workspace, binary, settings,
                             DATABASES.format(port=site.port)).start()
        self.page = None
        self.turn = 0

    def open(self, **options):
        return Page(self.browser, self.sluice.url + "/", self.report, self.pictures, **options)

    def run(self, names):
        for name in names:
            self.report.part(name.replace("_", " "), getattr(self, name))

    def check_views(self, name):
        views = VIEWS
        if self.is_quick:
            self.turn += 1
            views = [VIEWS[self.turn % len(VIEWS)]]
        self.page.check_views(name, views)

    # Each of these is a part of the run.

    def nothing_going_on(self):
        page = self.page = self.open()
        page.wait_for_headline("^No pools yet")
        shown = [page.page.inner_text(f"h2 >> nth={index + 1}") for index in range(len(SECTIONS))]
        self.report.check("all sections are there, in their order", tuple(shown) == SECTIONS, shown)
        self.report.check("nobody waits is said", "Nobody waits" in page.text("#waits"))
        self.report.check("no pool is said", "No pool yet" in page.text("#pools"))
        self.check_views("idle")
        page.check_keyboard("idle")
        page.check_quiet("idle")

    def under_load(self):
        page = self.page
        # The scale is larger than what the servers of this machine have: the queue is seen too.
        script = "SELECT pg_sleep(0.002)\\; SELECT count(*) FROM pg_class WHERE relkind = 'r';\n"
        loads = [
            Load(self.site, self.sluice, script, user="app.acme", clients=8, rate=250,
                 application="shop"),
            Load(self.site, self.sluice, script, user="app.globex", clients=4, rate=120,
                 application="shop"),
            Load(self.site, self.sluice, "SELECT 1;\n", user="app.initech", clients=2, rate=30,
                 application="billing"),
            Load(self.site, self.sluice, "SELECT pg_sleep(0.03);\n", user="analyst",
                 database="reports", clients=6, application="nightly report"),
        ]
        try:
            page.wait_for("both pools are there", """() =>
              document.querySelectorAll('#pools tbody tr').length === 2""")
            before = page.text("#figures")
            page.wait_for("the figures change", """(before) =>
              document.getElementById('figures').innerText !== before""", 10, before)
            page.wait_for("transactions a second are counted", """() =>
              /Transactions\\s+[1-9]/.test(document.getElementById('figures').innerText)""", 20)
            self.check_numbers(page)
            page.wait_for("the tenants are there", """() =>
              /acme[^]*globex[^]*initech/.test(document.getElementById('tenants').innerText)""", 20)
            self.report.check("a plot has a line", page.page.evaluate("""() =>
              document.querySelector('#plots path.line').getAttribute('d').length > 20"""))
            self.report.check(
                "the plots have words", "greatest" in page.page.get_attribute("#plots svg",
                                                                             "aria-label"))
            self.check_views("load")
            page.check_keyboard("load")
            self.check_plots(page)
            if not self.is_quick:
                self.check_pausing(page)
        finally:
            for load in loads:
                load.end()
        page.check_quiet("load")

    def check_numbers(self, page):
        """What the page says is what Sluice says: the pools' sizes and the sum of rates."""
        status = self.sluice.status()
        text = page.text("#pools")
        self.report.check("the pools have their sizes",
                          "size 20" in text and "size 4" in text, text)
        total = sum(pool["transactions_per_second"] for pool in status["pools"])
        shown = re.search(r"Transactions\s+([\d.]+)(\s?k)?/s", page.text("#figures"))
        value = float(shown[1]) * (1000 if shown[2] else 1) if shown else 0
        self.report.check("the rate is near what Sluice counts",
                          total > 0 and 0.2 < value / total < 5, (value, total))

    def check_plots(self, page):
        svg = page.page.locator("#plots svg").first
        svg.focus()
        page.page.keyboard.press("ArrowLeft")
        page.page.keyboard.press("ArrowLeft")
        self.report.check("arrow keys show the figures of a moment",
                          re.match(r"at \d\d:\d\d:\d\d", page.text("#moment")),
                          page.text("#moment"))
        page.page.keyboard.press("Escape")
        self.report.check("Escape leaves the moment", "arrow keys" in page.text("#moment"))
        page.page.click("#plot-table summary")
        page.wait_for("the plots are a table too", """() =>
          document.querySelectorAll('#minutes tbody tr').length > 0""")
        page.check_accessibility("the plots as a table")
        page.page.click("#plot-table summary")

    def check_pausing(self, page):
        """Paused, or with nobody looking, nothing is asked."""
        for what, off, on in (
            ("paused", "document.getElementById('pause').click()",
             "document.getElementById('pause').click()"),
            ("hidden", HIDE.replace("$", "true"), HIDE.replace("$", "false")),
        ):
            page.page.evaluate(off)
            page.page.wait_for_timeout(300)
            count = len(page.requests)
            page.page.wait_for_timeout(4500)
            self.report.check(f"{what}: nothing is asked", len(page.requests) == count,
                              page.requests[count:])
            page.page.evaluate(on)
            eventually("it asks again", lambda: page.page.evaluate("1") and
                       len(page.requests) > count, 3)

    def statements_are_counted(self):
        page = self.page
        self.count_statements(False)
        page.wait_for("it is said how to turn it on", """() =>
          /^Off: query_stats/.test(document.getElementById('queries').innerText)""")
        self.count_statements(True)
        page.wait_for("it is said that it is on", """() =>
          /^On, and no statement/.test(document.getElementById('queries').innerText)""")
        client = Client(self.sluice.port, application="shop", user="app.acme")
        client.query("BEGIN")
        for number in range(12):
            client.query(f"SELECT relname FROM pg_class WHERE oid = {number}")
        client.query("COMMIT")
        client.query("SELECT pg_sleep(0.3), 'zanzibar'")
        for _ in range(30):
            client.query("SHOW work_mem")
        try:
            client.query("SELECT 1 / 0")
        except Refused:
            client.until_ready()
        client.close()
        page.wait_for("the statements are there", """() =>
          document.querySelectorAll('#queries tbody tr').length === 6""")
        self.report.check("no literal is on the page",
                          "zanzibar" not in page.page.evaluate("document.body.textContent"))
        self.check_order(page, "Total", r"select pg_sleep\(\?\), \?")
        for title, first in (("Calls", "show work_mem"), ("Errors", r"select \? / \?"),
                             ("Repeated", "select relname from pg_class"),
                             ("Mean", r"select pg_sleep\(\?\), \?")):
            page.page.click(f"#queries button.sort >> text={title}")
            self.check_order(page, title, first)
        page.page.focus("#queries button.sort >> text=Repeated")
        page.page.keyboard.press("Enter")
        self.check_order(page, "Repeated", "select relname from pg_class")
        repeated = page.page.evaluate("""() => [...document.querySelectorAll('#queries tbody tr')]
          .filter((row) => row.querySelector('[data-title=Repeated]').classList.contains('marked'))
          .map((row) => row.innerText)""")
        self.report.check("the repeated statement alone is marked, with whose it is",
                          len(repeated) == 1 and "relname" in repeated[0]
                          and "shop acme" in repeated[0], repeated)
        self.check_views("statements")
        page.check_keyboard("statements")
        page.check_quiet("statements")

    def count_statements(self, is_on):
        self.sluice.settings["query_stats"] = "true" if is_on else "false"
        self.sluice.configure()
        self.sluice.process.send_signal(signal.SIGHUP)

    def check_order(self, page, title, first):
        """The table stands by this column, and says so."""
        shown, order = page.page.evaluate("""(title) => [
          document.querySelector('#queries tbody tr').innerText,
          [...document.querySelectorAll('#queries th[aria-sort]')]
            .filter((head) => head.getAttribute('aria-sort') === 'descending')
            .map((head) => head.innerText)]""", title)
        self.report.check(f"by {title}: the first is right", re.search(first, shown), shown)
        self.report.check(f"by {title}: it is said", order == [title], order)

    def one_idle_transaction_holds_the_only_server(self):
        page = self.page
        holder = Client(self.sluice.port, database="jobs", application="cron: vacuum <all>")
        holder.query("BEGIN; SELECT 1")
        waiting = [Client(self.sluice.port, database="jobs", application=f"worker {index}")
                   for index in range(3)]
        for client in waiting:
            client.send("SELECT 2")
        try:
            page.wait_for_headline(
                r"^3 clients wait for jobs/app, longest \d.*: held by \S+.*"
                r"\(cron: vacuum <all>\), idle in transaction for")
            self.report.check("it is a warning", page.state() in ("warning", "bad"), page.state())
            text = page.text("#waits")
            self.report.check(
                "all who wait, and the holder, are named",
                all(f"worker {index}" in text for index in range(3)) and "cron: vacuum" in text,
                text)
            page.wait_for("a screen reader is told", """() =>
              /3 clients wait/.test(document.getElementById('announcement').textContent)""", 8)
            said = page.text("#announcement")
            page.page.wait_for_timeout(4200)
            self.report.check("it is told once, not each second",
                              page.text("#announcement") == said, page.text("#announcement"))
            self.check_views("waiting")
            page.check_keyboard("waiting")
            holder.query("COMMIT")
            for client in waiting:
                self.report.check("they go on", client.until_ready() == ["2"])
            page.wait_for_headline("All pools have room")
            self.report.check("nobody waits any more", "Nobody waits" in page.text("#waits"))
        finally:
            for client in [holder, *waiting]:
                client.close()
        page.check_quiet("waiting")

    def names_that_others_chose_are_text(self):
        page = self.page
        clients = []
        try:
            for database, application in ((MARKUP, TURNED), (TURNED, MARKUP), (LONG, LONG)):
                for index in range(2):
                    clients.append(self.named(database, application))
                    if index == 0:
                        clients[-1].query("BEGIN; SELECT 1")
                    else:
                        clients[-1].send("SELECT 2")
            page.wait_for("the three pools are waited for", """() =>
              document.querySelectorAll('#waits .wait').length === 3""")
            for selector in ("#pools", "#waits"):
                self.report.check(f"{selector}: markup is text",
                                  "<script>alert" in page.text(selector), page.text(selector))
                self.report.check(f"{selector}: what turns the direction is spelled out",
                                  "safe\\u202etxt.exe" in page.text(selector))
            made = page.page.evaluate("""() =>
              document.querySelectorAll('body script, body img, main [onerror]').length""")
            self.report.check("no element came of a name", made == 0, made)
            raw = page.page.evaluate("""() => /[\\u202a-\\u202e\\u2066-\\u2069]/
              .test(document.body.textContent + document.title)""")
            self.report.check("no name turns the direction of the page", not raw)
            self.check_views("names")
        finally:
            for client in clients:
                client.close()
        page.check_quiet("names")

    def named(self, database, application):
        try:
            return Client(self.sluice.port, database=database, application=application)
        except Refused as refused:
            raise AssertionError(f"{database[:40]!r}: {refused}") from refused

    def the_database_is_down(self):
        page = self.page
        client = Client(self.sluice.port, application="shop")
        self.site.stop()
        try:
            client.send("SELECT 1")
            page.wait_for_headline("^Database app can't be reached", 20)
            self.report.check("it is grave", page.state() == "bad", page.state())
            if self.has_problems:
                page.wait_for("the log's lines are there", """() =>
                  document.querySelectorAll('#problems tbody tr').length > 0""")
            self.check_views("down")
        finally:
            client.close()
            self.site.start()
        again = eventually("clients are served again", self.served, 20)
        again.close()
        page.wait_for("the headline is calm again", """() =>
          document.getElementById('state').className === 'good'""", 25)
        page.check_quiet("down")

    def served(self):
        try:
            client = Client(self.sluice.port)
            client.query("SELECT 1")
            return client
        except (OSError, Refused):
            return None

    def no_answer(self):
        """A process that hangs: one question at a time, and what is shown is said to be old."""
        page = self.page
        self.sluice.process.send_signal(signal.SIGSTOP)
        try:
            count = len(page.requests)
            page.wait_for_headline("^Can't reach Sluice since .*no answer within", 20)
            self.report.check("questions don't pile up", len(page.requests) - count <= 3,
                              page.requests[count:])
        finally:
            self.sluice.process.send_signal(signal.SIGCONT)
        page.wait_for_headline("^(All pools|Pool|No pools)", 20)
        page.close()

    def sluice_is_killed(self):
        page = self.page = self.open()
        page.wait_for_headline("^(All pools|Pool|No pools)")
        self.sluice.end(signal.SIGKILL)
        page.wait_for_headline(r"^Can't reach Sluice since \d\d:\d\d:\d\d: no connection", 20)
        self.report.check("the page is marked as old",
                          page.page.evaluate("document.body.classList.contains('stale')"))
        self.report.check("the title tells too", "Can't reach" in page.page.title())
        page.wait_for("a screen reader is told", """() =>
          /Can't reach/.test(document.getElementById('announcement').textContent)""", 20)
        count, begin = len(page.requests), time.monotonic()
        self.check_views("gone")
        page.page.wait_for_timeout(1000 if self.is_quick else 8000)
        asked = len(page.requests) - count
        seconds = time.monotonic() - begin
        self.report.check("it asks less and less often", asked <= seconds / 3 + 1, (asked, seconds))
        self.sluice.start()
        page.wait_for_headline("^No pools yet", 25)
        self.report.check("the page is fresh again",
                          not page.page.evaluate("document.body.classList.contains('stale')"))
        page.close()


HIDE = """
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => $ });
  document.dispatchEvent(new Event('visibilitychange'));
"""

QUICK_NAMES = (
    "nothing_going_on", "under_load", "statements_are_counted",
    "one_idle_transaction_holds_the_only_server", "names_that_others_chose_are_text",
    "the_database_is_down", "sluice_is_killed",
)
NAMES = (*QUICK_NAMES[:-1], "no_answer", QUICK_NAMES[-1])


def pictures_directory(path):
    if path:
        os.makedirs(path, exist_ok=True)
    return path
