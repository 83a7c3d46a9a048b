// Asks Sluice how it is, every two seconds while somebody looks, and shows it.

import { clock, count, duration, percent, rate, scaled, several, shown } from "./words.js";
import { make, setText, sync } from "./view.js";
import { minutes, Plots } from "./plots.js";
import { opened, used, verdict } from "./verdict.js";
import * as tables from "./tables.js";

const interval = 2000;
const patience = 5000;
const longestPause = 15000;
/** Without an answer for so long, what the page shows is old. */
const fresh = 5000;

const at = (id) => document.getElementById(id);
const pools = tables.pools(at("pools"));
const waits = new tables.Waits(at("waits"));
const tenants = tables.tenants(at("tenants"));
const queries = tables.queries(at("queries"));
const loops = tables.loops(at("loops"));
const problems = tables.problems(at("problems"));
const perMinute = tables.minuteTable(at("minutes"));
const plots = new Plots(at("plots"), at("moment"), [
  { title: "Throughput", format: rate, least: 1, series: [
    { name: "transactions", key: "transactions", kind: "first" },
    { name: "queries", key: "queries", kind: "second" }] },
  { title: "Servers, and clients waiting", format: scaled, least: 4, series: [
    { name: "used", key: "active", kind: "first" },
    { name: "idle", key: "idle", kind: "second" },
    { name: "waiting", key: "waiting", kind: "third" }] },
  { title: "Wait for a server", format: duration, least: 0.001, series: [
    { name: "p99", key: "wait_p99", kind: "first" },
    { name: "p50", key: "wait_p50", kind: "second" }] },
  { title: "Query time", format: duration, least: 0.001, series: [
    { name: "p99", key: "query_p99", kind: "first" },
    { name: "p50", key: "query_p50", kind: "second" }] },
]);

const state = {
  status: null,
  history: [],
  /** The reader's clock at the last answer, in milliseconds; null: there was none. */
  answered: null,
  /** Since when there is no answer, as the reader's clock says, and why. */
  lost: null,
  failures: 0,
  isPaused: false,
  timer: null,
  asking: null,
  next: null,
  said: "",
  unsaid: "",
};

// Asking.

async function ask() {
  const wantsHistory = state.history.length === 0
    || Date.now() - (state.answered ?? 0) > 2 * interval + 500;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  try {
    const answer = await fetch(wantsHistory ? "status.json?history=1" : "status.json",
      { signal: abort.signal, cache: "no-store" });
    if (answer.status === 401) throw new Error("it asks for a name and a password: load the page "
      + "again");
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    return await answer.json();
  } catch (error) {
    if (abort.signal.aborted) throw new Error(`no answer within ${patience / 1000} s`);
    if (error instanceof TypeError) throw new Error("no connection");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** One question at a time; the next is set only once this one is answered or given up. */
async function turn() {
  clearTimeout(state.timer);
  if (state.asking || state.isPaused || document.hidden) return;
  state.asking = true;
  state.next = null;
  try {
    take(await ask());
  } catch (error) {
    state.failures += 1;
    state.lost ??= { since: Date.now(), why: "" };
    state.lost.why = error.message;
  }
  state.asking = false;
  const wait = state.failures === 0
    ? interval : Math.min(longestPause, interval * 2 ** (state.failures - 1));
  state.next = Date.now() + wait;
  state.timer = setTimeout(turn, wait);
  show();
}

function take(status) {
  const points = Array.isArray(status.history) ? status.history : [];
  if (state.status && state.status.started !== status.started) state.history = [];
  const newest = state.history.at(-1)?.time ?? 0;
  const old = points.length > 1 ? [] : state.history;
  state.history = [...old, ...points.filter((point) => old.length === 0 || point.time > newest)]
    .filter((point) => point.time > status.time - 620);
  state.status = status;
  state.answered = Date.now();
  state.failures = 0;
  state.lost = null;
}

// Showing.

const isStale = () => state.lost != null
  && (state.answered == null || Date.now() - state.answered > fresh || state.failures > 1);

function findings() {
  if (isStale()) {
    const since = state.answered ?? state.lost.since;
    return [{ level: "lost", key: "lost",
      text: `Can't reach Sluice since ${clock(since / 1000)}: ${state.lost.why}` },
    ...(state.status ? [{ level: "note", key: "old",
      text: `What follows is as it was at ${clock(since / 1000)}` }] : [])];
  }
  return state.status
    ? verdict(state.status) : [{ level: "note", key: "asking", text: "Asking Sluice" }];
}

/** Says the headline to a screen reader once what it is about has changed, and stays so. */
function announce(finding) {
  const kind = finding.level === "note" ? "good" : finding.key;
  if (kind !== state.said && kind === state.unsaid) {
    state.said = kind;
    setText(at("announcement"), finding.text);
  }
  state.unsaid = kind;
}

function showState() {
  const found = findings();
  const [first, ...others] = found;
  at("state").className = first.level;
  document.body.classList.toggle("stale", first.level === "lost");
  setText(at("headline"), first.text);
  sync(at("notes"), others.slice(0, 4), (finding) => finding.key,
    (finding) => make("li", { class: finding.level }),
    (node, finding) => setText(node, finding.text));
  announce(first);
  const mark = { warning: "! ", bad: "!! ", lost: "? " }[first.level] ?? "";
  document.title = mark ? `${mark}${first.text.slice(0, 60)} - Sluice` : "Sluice";
}

function showFreshness() {
  let text = "";
  if (state.isPaused) text = `Paused at ${clock((state.answered ?? Date.now()) / 1000)}`;
  else if (state.lost && state.next) {
    text = `Asks again in ${duration(Math.max(1, Math.ceil((state.next - Date.now()) / 1000)))}`;
  } else if (state.answered) text = `As of ${clock(state.answered / 1000)}`;
  setText(at("freshness"), text);
}

function showFigures(status) {
  const last = state.history.at(-1) ?? {};
  const total = (of) => (status.pools ?? []).reduce((sum, one) => sum + (of(one) ?? 0), 0);
  const figures = [
    ["Clients", count(status.clients),
      status.client_limit > 0 ? `of ${count(status.client_limit)}` : ""],
    ["Waiting", count(total((one) => one.clients?.waiting)), ""],
    ["Servers used", count(total((one) => used(one.servers))),
      `of ${count(total((one) => opened(one.servers)))} open`],
    ["Transactions", rate(last.transactions), ""],
    ["Queries", rate(last.queries), ""],
    ["Wait p99", duration(last.wait_p99), ""],
    ["Query p99", duration(last.query_p99), ""],
    ["Busiest loop", percent(Math.max(0, ...(status.loops ?? []).map((loop) => loop.busy ?? 0))),
      ""],
  ];
  sync(at("figures"), figures, ([name]) => name,
    ([name]) => make("div", {}, make("dt", { text: name }), make("dd", {}, make("b"), make("i"))),
    (node, [, value, rest]) => {
      setText(node.lastChild.firstChild, value);
      setText(node.lastChild.lastChild, rest && ` ${rest}`);
    });
}

function order(list) {
  const waiting = (one) => one.reachable === false ? Infinity : one.oldest_wait ?? 0;
  const isMany = list.length > 25;
  return [...list].sort((a, b) => {
    if (waiting(a) !== waiting(b)) return waiting(b) > waiting(a) ? 1 : -1;
    return isMany && used(b.servers) !== used(a.servers) ? used(b.servers) - used(a.servers)
      : `${a.database}\n${a.user}` < `${b.database}\n${b.user}` ? -1 : 1;
  });
}

const queriesOff = "Off: query_stats = true in the configuration and a reload turn it on.";

function showStatus(status) {
  setText(at("about"), `up ${duration(status.time - status.started)}`);
  setText(at("version"), `Sluice ${shown(status.version)}`);
  showFigures(status);
  pools.update(order(status.pools ?? []));
  waits.update(status.waits ?? []);
  tenants.update(status.tenants ?? []);
  queries.update(status.queries ?? [],
    status.query_stats ? "On, and no statement has come yet." : queriesOff);
  loops.update(status.loops ?? []);
  problems.update(status.problems ?? []);
  plots.update(state.history, status.time);
  if (at("plot-table").open) perMinute.update(minutes(state.history, status.time));
}

function show() {
  showState();
  showFreshness();
  if (state.status && !isStale()) showStatus(state.status);
}

// Pausing.

function setPaused(isPaused) {
  state.isPaused = isPaused;
  setText(at("pause"), isPaused ? "Resume updates" : "Pause updates");
  document.body.classList.toggle("paused", isPaused);
  if (isPaused) clearTimeout(state.timer);
  else turn();
  showFreshness();
}

at("pause").addEventListener("click", () => setPaused(!state.isPaused));
at("plot-table").addEventListener("toggle", show);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(state.timer);
  else turn();
});
setInterval(() => {
  if (state.lost && !document.hidden) {
    showState();
    showFreshness();
  }
}, 1000);
turn();
