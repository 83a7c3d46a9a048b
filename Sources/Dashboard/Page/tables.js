// The page's tables: what each column says of a row.

import { clock, count, duration, percent, pool, rate, several, short, shown } from "./words.js";
import { gauge, make, setText, sync, Table } from "./view.js";
import { opened, opening, used } from "./verdict.js";

const long = 160;

/** A name that may be long: cut, with all of it for who points at it. */
function fillName(cell, text) {
  setText(cell.firstChild, short(text) || "–");
  const whole = shown(text);
  cell.classList.toggle("brief", whole.length <= 20);
  if (whole.length > 64) cell.firstChild.title = whole;
  else cell.firstChild.removeAttribute("title");
}

const named = (title, of, more = {}) => ({
  title, kind: "name", text: of,
  create: (cell) => cell.append(make("bdi")),
  fill: (cell, row) => fillName(cell, of(row)),
  ...more,
});

const number = (title, format, of, more = {}) => ({
  title, kind: "number", text: (row) => format(of(row)), ...more,
});

const ordered = (title, format, of) => number(title, format, of, { order: of });

/** SQL: cut, and whole on demand. */
const statement = (title, of, more = {}) => ({
  title, kind: "sql", text: of,
  create: (cell) => {
    cell.append(make("code"), make("details", { hidden: true },
      make("summary", {}, make("code")), make("code", { class: "rest" })));
  },
  fill: (cell, row) => {
    const text = shown(of(row));
    const [plain, details] = cell.children;
    const isLong = text.length > long;
    plain.hidden = isLong;
    details.hidden = !isLong;
    setText(plain, isLong ? "" : text || "–");
    setText(details.firstChild.firstChild, isLong ? text.slice(0, 2 * long) : "");
    setText(details.lastChild, isLong ? text : "");
  },
  ...more,
});

const counted = (value) => value > 0 ? count(value) : "0";
const timed = (of, key) => (row) => row[of]?.[key];

/** Used, opening, idle and free of a pool's servers, and next to it the queue in the same scale. */
const servers = {
  title: "Servers", kind: "bar",
  create: (cell) => {
    cell.inner = gauge("used", "opening", "idle");
    cell.queue = gauge("waiting");
    cell.queue.classList.add("queue");
    cell.append(make("div", { class: "bars" }, cell.inner, cell.queue), make("span"));
  },
  fill: (cell, row) => {
    const all = opened(row.servers);
    const whole = Math.max(row.size ?? 0, all, 1);
    const idle = all - used(row.servers) - opening(row.servers);
    cell.inner.set(used(row.servers) / whole, opening(row.servers) / whole, idle / whole);
    cell.queue.set((row.clients?.waiting ?? 0) / whole);
    const parts = [`${count(used(row.servers))} used`];
    if (opening(row.servers)) parts.push(`${count(opening(row.servers))} opening`);
    parts.push(`${count(idle)} idle`);
    if (row.size > 0) parts.push(`size ${count(row.size)}`);
    setText(cell.lastChild, parts.join(" · "));
  },
};

const waitingOf = (row) => row.clients?.waiting ?? 0;

/** Marks a cell that tells of trouble; the number beside the colour says so too. */
const marked = (column, isMarked) => ({
  ...column,
  fill: (cell, row) => {
    setText(cell, column.text(row));
    cell.classList.toggle("marked", isMarked(row));
  },
});

export const pools = (holder) => new Table(holder, {
  caption: "Pools: servers, waiting clients and times of the last minute", kind: "flow pools",
  key: (row) => `${row.database}\n${row.user}`, limit: 25,
  empty: "No pool yet. One is made when a client asks for a database.",
  columns: [
    {
      title: "Pool", kind: "name",
      create: (cell) => cell.append(make("bdi"), make("span", { class: "slash", text: "/" }),
        make("bdi"), make("strong", { class: "flag", text: "can't be reached" })),
      fill: (cell, row) => {
        setText(cell.children[0], short(row.database, 48));
        setText(cell.children[2], short(row.user, 48));
        cell.lastChild.hidden = row.reachable !== false;
        if (String(row.database + row.user).length > 90) cell.title = pool(row, 2000);
      },
    },
    servers,
    marked(number("Waiting", counted, waitingOf), (row) => waitingOf(row) > 0),
    marked(number("Longest wait", duration, (row) => row.oldest_wait),
      (row) => row.oldest_wait >= 1),
    number("Clients", count, (row) => (row.clients?.active ?? 0) + waitingOf(row)),
    number("Transactions", rate, (row) => row.transactions_per_second),
    number("Queries", rate, (row) => row.queries_per_second),
    number("Wait p99", duration, timed("wait", "p99")),
    number("Query p99", duration, timed("query", "p99")),
    number("Pinned", counted, (row) => row.pinned),
  ],
});

export const tenants = (holder) => new Table(holder, {
  caption: "Tenants, the busiest first", key: (row) => row.tenant, limit: 12,
  empty: "No tenants: nothing tells yet whose a transaction is.",
  columns: [
    named("Tenant", (row) => row.tenant),
    {
      title: "Share", kind: "bar small",
      create: (cell) => {
        cell.inner = gauge("used");
        cell.append(make("div", { class: "bars" }, cell.inner), make("span"));
      },
      fill: (cell, row) => {
        cell.inner.set(row.share ?? 0);
        setText(cell.lastChild, percent(row.share));
      },
    },
    number("Transactions", rate, (row) => row.transactions_per_second),
    number("Servers", counted, (row) => row.servers),
    marked(number("Waiting", counted, (row) => row.waiting), (row) => row.waiting > 0),
    number("Clients", counted, (row) => row.clients),
    number("Wait p50", duration, timed("wait", "p50")),
    number("Wait p99", duration, timed("wait", "p99")),
  ],
});

export const loops = (holder) => new Table(holder, {
  caption: "Loops: the threads that serve clients", key: (row) => String(row.loop), limit: 16,
  empty: "No figures yet.",
  columns: [
    number("Loop", String, (row) => row.loop, { kind: "name" }),
    {
      title: "Busy", kind: "bar small",
      create: (cell) => {
        cell.inner = gauge("used");
        cell.append(make("div", { class: "bars" }, cell.inner), make("span"));
      },
      fill: (cell, row) => {
        cell.inner.set(row.busy ?? 0);
        setText(cell.lastChild, percent(row.busy));
        cell.classList.toggle("marked", row.busy >= 0.9);
      },
    },
    number("Clients", counted, (row) => row.clients),
    number("Waiting", counted, (row) => row.waiting),
    number("Longest turn", duration, (row) => row.longest_turn),
  ],
});

export const queries = (holder) => new Table(holder, {
  caption: "Statements with their literals removed; the column headings sort",
  key: (row) => `${row.database}\n${row.user}\n${row.fingerprint}`, limit: 12, sort: "Total",
  empty: "",
  columns: [
    statement("Statement", (row) => row.fingerprint),
    ordered("Total", duration, (row) => row.total),
    ordered("Mean", duration, (row) => row.mean),
    ordered("p99", duration, (row) => row.p99),
    ordered("Calls", count, (row) => row.calls),
    marked(ordered("Errors", counted, (row) => row.errors), (row) => row.errors > 0),
    ordered("Rows", count, (row) => row.rows),
    marked(ordered("Repeated", counted, (row) => row.repeats), (row) => row.repeats > 0),
    named("Pool", (row) => pool(row)),
    named("By", (row) => [row.repeat_application, row.repeat_tenant].filter(Boolean).join(" "),
      { optional: true }),
  ],
});

export const minuteTable = (holder) => new Table(holder, {
  caption: "Each minute: mean rates, greatest times and numbers", limit: 12, kind: "narrow",
  key: (row) => String(row.time), empty: "No figures yet.",
  columns: [
    { title: "From", kind: "name", text: (row) => clock(row.time, false) },
    number("Transactions", rate, (row) => row.transactions),
    number("Queries", rate, (row) => row.queries),
    number("Clients waiting", count, (row) => row.waiting),
    number("Servers used", count, (row) => row.active),
    number("Wait p50", duration, (row) => row.wait_p50),
    number("Wait p99", duration, (row) => row.wait_p99),
    number("Query p50", duration, (row) => row.query_p50),
    number("Query p99", duration, (row) => row.query_p99),
  ],
});

const client = () => named("Client", (row) => row.client, { kind: "name client" });
const tenant = () => named("Tenant", (row) => row.tenant, { optional: true });
const application = () => named("Application", (row) => row.application, { optional: true });

/** Waiting clients that wait for the same holders, side by side with these. */
export class Waits {
  constructor(holder) {
    this.list = make("div");
    this.empty = make("p", { class: "quiet", text: "Nobody waits for a server." });
    holder.append(this.list, this.empty);
  }

  update(waits) {
    const groups = new Map();
    for (const wait of waits) {
      const holders = (wait.holders ?? []).map((holder) => holder.client);
      const key = JSON.stringify([wait.database, wait.user, holders]);
      if (!groups.has(key)) groups.set(key, { key, first: wait, waits: [] });
      groups.get(key).waits.push(wait);
    }
    this.empty.hidden = groups.size > 0;
    sync(this.list, [...groups.values()].slice(0, 12), (group) => group.key,
      () => this.group(), (node, group) => node.fill(group));
  }

  group() {
    const title = make("h3");
    const left = make("div");
    const right = make("div");
    const node = make("div", { class: "wait" }, title,
      make("div", { class: "sides" }, left, right));
    const waiting = new Table(left, {
      caption: "", limit: 6, empty: "Nobody.",
      key: (row) => row.client,
      columns: [client(), tenant(), application(),
        number("Waited", duration, (row) => row.waited)],
    });
    const holding = new Table(right, {
      caption: "", limit: 6,
      empty: "Nobody holds a server of this pool: one has to be opened first.",
      key: (row) => row.client,
      columns: [client(), tenant(), application(),
        { title: "State", kind: "name brief", text: (row) => shown(row.state) },
        number("Held", duration, (row) => row.held),
        statement("Query", (row) => row.query, { optional: true })],
    });
    left.prepend(make("h4", { text: "waiting" }));
    right.prepend(make("h4", { text: "holding its servers" }));
    node.fill = (group) => {
      setText(title, `${pool(group.first)}: `
        + `${several(group.waits.length, "client waits", "clients wait")}, `
        + `longest ${duration(group.first.waited)}`
        + (group.first.reason ? `: ${shown(group.first.reason)}` : ""));
      const about = `${pool(group.first)}, ${short(group.first.holders?.[0]?.client ?? "")}`;
      waiting.entitle(`Clients that wait, the longest first: ${about}`);
      holding.entitle(`Clients that hold the servers: ${about}`);
      waiting.update(group.waits);
      holding.update([...(group.first.holders ?? [])].sort((a, b) => b.held - a.held));
    };
    return node;
  }
}

export const problems = (holder) => new Table(holder, {
  caption: "Warnings and errors of the log, the newest first", limit: 10, kind: "problems",
  key: (row) => `${row.time}\n${row.text}`,
  empty: "No warning and no error since the start.",
  columns: [
    { title: "Time", kind: "name", text: (row) => clock(row.time) },
    {
      title: "Level", kind: "level",
      create: (cell) => cell.append(make("span")),
      fill: (cell, row) => {
        setText(cell.firstChild, shown(row.level));
        cell.classList.toggle("grave", !/^warn/.test(row.level));
      },
    },
    {
      title: "What", kind: "text", create: (cell) => cell.append(make("bdi")),
      fill: (cell, row) => setText(cell.firstChild, short(row.text, 400)),
    },
  ],
});
