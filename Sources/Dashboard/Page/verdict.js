// What is going on, in words: findings, the gravest first.

import { count, duration, percent, pool, several, short, shown } from "./words.js";

const gravity = { good: 0, note: 1, warning: 2, bad: 3 };

/** Servers of a pool that exist, in whatever state. */
export const opened = (servers) => Object.values(servers ?? {}).reduce((sum, n) => sum + n, 0);

/** Servers that serve a client. */
export const used = (servers) => servers?.active ?? 0;

/** Servers that are on their way to a client or to the pool. */
export const opening = (servers) => (servers?.login ?? 0) + (servers?.tested ?? 0);

function unreachable(status) {
  const names = new Map();
  for (const one of status.pools ?? []) {
    if (one.reachable === false) names.set(one.database, (names.get(one.database) ?? 0)
      + (one.clients?.waiting ?? 0));
  }
  // Where nobody waits nobody asks: the database may be back since.
  return [...names].map(([name, waiting]) => ({
    level: waiting ? "bad" : "warning", key: `unreachable ${name} ${waiting > 0}`, weight: waiting,
    text: waiting
      ? `Database ${short(name, 40)} can't be reached: `
        + several(waiting, "client waits", "clients wait")
      : `Database ${short(name, 40)} could not be reached when a client last asked for it`,
  }));
}

/** Who keeps the servers that a pool's clients wait for. */
function holding(one, waits) {
  const wait = waits.find((wait) => wait.database === one.database && wait.user === one.user);
  const holders = [...(wait?.holders ?? [])].sort((a, b) => (b.held ?? 0) - (a.held ?? 0));
  const idle = holders.filter((holder) => /idle|pinned/.test(holder.state ?? ""));
  const first = idle[0] ?? holders[0];
  if (!first) return wait?.reason ? `: ${wait.reason}` : "";
  const who = short(first.client, 60)
    + (first.application ? ` (${short(first.application, 40)})` : "");
  const what = `${shown(first.state)} for ${duration(first.held)}`;
  if (holders.length === 1) return `: held by ${who}, ${what}`;
  if (idle.length === 0) return ": all its servers are at work";
  const others = idle.length > 1 ? `, and ${several(idle.length - 1, "other", "others")}` : "";
  return `: held by ${who}, ${what}${others}`;
}

function waiting(status) {
  const list = (status.pools ?? []).filter((one) =>
    one.clients?.waiting > 0 && one.reachable !== false);
  return list.map((one) => {
    const longest = one.oldest_wait ?? 0;
    const who = several(one.clients.waiting, "client waits", "clients wait");
    const isGrave = longest >= 1;
    return {
      level: longest >= 10 ? "bad" : isGrave ? "warning" : "note",
      key: isGrave ? `waiting ${one.database}/${one.user}` : "busy",
      weight: longest,
      text: isGrave
        ? `${who} for ${pool(one)}, longest ${duration(longest)}${holding(one, status.waits ?? [])}`
        : `${pool(one)} is in full use: ${who} a moment, longest ${duration(longest)}`,
    };
  });
}

function process(status) {
  const found = [];
  if (status.draining) {
    found.push({ level: "warning", key: "draining", text: "Sluice is shutting down: it takes "
      + "no new clients" });
  }
  if (status.paused) {
    found.push({ level: "warning", key: "paused",
      text: "Sluice is paused: no transaction starts until RESUME" });
  }
  const full = status.client_limit > 0 ? status.clients / status.client_limit : 0;
  if (full >= 0.9) {
    found.push({ level: full >= 1 ? "bad" : "warning", key: "clients",
      text: `${count(status.clients)} of ${count(status.client_limit)} clients are connected: `
        + (full >= 1 ? "no more get in" : "few more get in") });
  }
  const silent = status.silent_loops ?? [];
  if (silent.length > 0) {
    found.push({ level: "bad", key: "silent", text: `Loop ${silent.join(", ")} does not answer: `
      + "its clients are stuck, and missing in the figures" });
  }
  const hot = (status.loops ?? []).filter((loop) => loop.busy >= 0.9);
  if (hot.length > 0) {
    found.push({ level: "warning", key: "loops",
      text: `${several(hot.length, "loop is", "loops are")} at work without a break, `
        + `loop ${hot[0].loop} ${percent(hot[0].busy)} of the time` });
  }
  return found;
}

function calm(status) {
  const pools = status.pools ?? [];
  if (pools.length === 0) {
    return { level: "good", key: "empty",
      text: "No pools yet: no client has asked for a database" };
  }
  return { level: "good", key: "room",
    text: pools.length === 1 ? `Pool ${pool(pools[0])} has room` : "All pools have room" };
}

/** All that is to be said about a status, never empty. */
export function verdict(status) {
  const found = [...unreachable(status), ...waiting(status), ...process(status)];
  found.sort((a, b) => gravity[b.level] - gravity[a.level] || (b.weight ?? 0) - (a.weight ?? 0));
  if (!found.some((finding) => gravity[finding.level] > 0)) found.unshift(calm(status));
  return found;
}
