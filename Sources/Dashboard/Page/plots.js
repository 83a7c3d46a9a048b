// Plots over the last ten minutes, drawn as SVG at the size they have on the page.

import { clock } from "./words.js";
import { make, setText } from "./view.js";

const span = 600;
const height = 132;
const margin = { left: 50, right: 8, top: 8, bottom: 20 };

/** The step between marks of an axis: 1, 2 or 5 times a power of ten. */
function step(top, marks) {
  const raw = top / marks;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
}

/** All plots of the page: they share their times and the moment pointed at. */
export class Plots {
  constructor(holder, moment, definitions) {
    this.history = [];
    this.moment = moment;
    this.pointed = null;
    this.plots = definitions.map((definition) => new Plot(this, definition));
    holder.append(...this.plots.map((plot) => plot.figure));
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(holder);
  }

  update(history, now) {
    this.history = history;
    this.now = now;
    this.draw();
  }

  /** Points at a moment; null: at none. */
  point(time) {
    this.pointed = time;
    this.draw();
  }

  /** Goes one point to the left or to the right. */
  move(by) {
    const times = this.history.map((point) => point.time);
    if (times.length === 0) return;
    const index = this.pointed == null ? times.length - 1 : times.indexOf(this.nearest().time) + by;
    this.point(times[Math.max(0, Math.min(times.length - 1, index))]);
  }

  /** The point next to the moment pointed at. */
  nearest() {
    if (this.pointed == null) return null;
    const distance = (point) => Math.abs(point.time - this.pointed);
    return this.history.reduce((best, point) =>
      best && distance(best) <= distance(point) ? best : point, null);
  }

  draw() {
    if (this.now == null) return;
    const point = this.nearest();
    setText(this.moment, point
      ? `at ${clock(point.time)}` : "arrow keys or pointer: the figures of a moment");
    for (const plot of this.plots) plot.draw(point);
  }
}

class Plot {
  constructor(plots, { title, series, format, least }) {
    Object.assign(this, { plots, title, series, format, least });
    this.svg = make("svg", { role: "img", tabindex: "0", height });
    this.values = series.map((one) => make("b"));
    const legend = make("ul", { class: "legend" });
    series.forEach((one, index) => legend.append(
      make("li", {}, make("i", { class: `stroke ${one.kind}`, "aria-hidden": "true" }),
        `${one.name} `, this.values[index])));
    this.figure = make("figure", {}, make("figcaption", {}, make("h3", { text: title }), legend),
      this.svg);
    this.svg.addEventListener("pointermove", (event) => plots.point(this.time(event)));
    this.svg.addEventListener("pointerleave", () => plots.point(null));
    this.svg.addEventListener("blur", () => plots.point(null));
    this.svg.addEventListener("keydown", (event) => this.pressed(event));
  }

  pressed(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[event.key];
    if (by) this.plots.move(by);
    else if (event.key === "Escape") this.plots.point(null);
    else return;
    event.preventDefault();
  }

  time(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (event.clientX - box.left - margin.left)
      / (box.width - margin.left - margin.right);
    return this.plots.now - span * (1 - share);
  }

  draw(point) {
    const { history, now } = this.plots;
    const width = Math.max(200, Math.floor(this.svg.parentNode.clientWidth));
    const points = history.filter((point) => point.time > now - span);
    const last = points.at(-1);
    const keys = this.series.map((one) => one.key);
    const greatest = Math.max(this.least,
      ...points.flatMap((point) => keys.map((key) => point[key] ?? 0)));
    const mark = step(greatest, 3);
    const top = Math.ceil(greatest / mark - 0.001) * mark;
    const x = (time) => margin.left
      + (1 - (now - time) / span) * (width - margin.left - margin.right);
    const y = (value) => height - margin.bottom
      - value / top * (height - margin.top - margin.bottom);

    this.svg.setAttribute("width", width);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(...this.axes(width, x, y, mark, top),
      ...this.series.map((one) =>
        make("path", { class: `line ${one.kind}`, d: line(points, one.key, x, y) })),
      ...this.cursor(point, x, y));
    this.series.forEach((one, index) =>
      setText(this.values[index], this.format((point ?? last)?.[one.key])));
    this.svg.setAttribute("aria-label", this.words(points, point));
  }

  axes(width, x, y, mark, top) {
    const nodes = [];
    for (let value = 0; value <= top * 1.001; value += mark) {
      const at = Math.round(y(value)) + 0.5;
      nodes.push(
        make("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: at, y2: at }),
        make("text", { class: "end", x: margin.left - 6, y: at + 4,
          text: value === 0 ? "0" : this.format(value) }));
    }
    const apart = width > 420 ? 60 : 120;
    const first = Math.ceil((this.plots.now - span) / apart) * apart;
    for (let time = first; time <= this.plots.now; time += apart) {
      const at = Math.round(x(time)) + 0.5;
      nodes.push(make("line", { class: "tick", x1: at, x2: at, y1: height - margin.bottom,
        y2: height - margin.bottom + 4 }));
      if (at < margin.left + 14 || at > width - margin.right - 12) continue;
      nodes.push(make("text", { class: "middle", x: at, y: height - 5, text: clock(time, false) }));
    }
    return nodes;
  }

  cursor(point, x, y) {
    if (!point || x(point.time) < margin.left) return [];
    const at = x(point.time);
    return [
      make("line", { class: "cursor", x1: at, x2: at, y1: margin.top,
        y2: height - margin.bottom }),
      ...this.series.filter((one) => point[one.key] != null).map((one) =>
        make("circle", { class: `dot ${one.kind}`, cx: at, cy: y(point[one.key]), r: 3 })),
    ];
  }

  /** What the plot shows, for who does not see it. */
  words(points, point) {
    const parts = this.series.map((one) => {
      const values = points.map((point) => point[one.key]).filter((value) => value != null);
      if (values.length === 0) return `${one.name}: no figures yet`;
      const at = point ? `at ${clock(point.time)} ${this.format(point[one.key])}`
        : `now ${this.format(points.at(-1)[one.key])}`;
      return `${one.name}: ${at}, least ${this.format(Math.min(...values))}, `
        + `greatest ${this.format(Math.max(...values))}`;
    });
    return `${this.title}, last 10 minutes. ${parts.join(". ")}.`;
  }
}

/** The path through the points, with a gap where figures are missing. */
function line(points, key, x, y) {
  let path = "";
  let before = null;
  for (const point of points) {
    if (point[key] == null) {
      before = null;
      continue;
    }
    const isJoined = before != null && point.time - before < 10;
    path += `${isJoined ? "L" : "M"}${x(point.time).toFixed(1)} ${y(point[key]).toFixed(1)}`;
    if (!isJoined) path += "h.01";
    before = point.time;
  }
  return path;
}

/** One row a minute: the mean of rates, the greatest of times. */
export function minutes(history, now) {
  const rows = new Map();
  for (const point of history) {
    if (point.time <= now - span) continue;
    const minute = Math.floor(point.time / 60) * 60;
    if (!rows.has(minute)) rows.set(minute, { time: minute, points: [] });
    rows.get(minute).points.push(point);
  }
  return [...rows.values()].reverse().map(({ time, points }) => {
    const of = (key) => points.map((point) => point[key]).filter((value) => value != null);
    const mean = (key) => of(key).length
      ? of(key).reduce((sum, value) => sum + value, 0) / of(key).length : null;
    const greatest = (key) => of(key).length ? Math.max(...of(key)) : null;
    return {
      time, transactions: mean("transactions"), queries: mean("queries"),
      waiting: greatest("waiting"), active: greatest("active"),
      wait_p50: greatest("wait_p50"), wait_p99: greatest("wait_p99"),
      query_p50: greatest("query_p50"), query_p99: greatest("query_p99"),
    };
  });
}
