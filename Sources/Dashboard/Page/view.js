// Elements and tables. What others chose goes in as text nodes only, and what is there stays there:
// an update changes texts, so that focus, selection and scrolling survive it.

/** An element; `text` is its text, every other key an attribute. */
export function make(tag, attributes = {}, ...children) {
  const svg = /^(svg|path|g|line|text|circle|rect|title)$/.test(tag);
  const node = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Sets a text where it differs. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes the children of `parent` those of `items`, keeping what is there by its key. */
export function sync(parent, items, key, create, update) {
  const old = parent.synced ?? new Map();
  const now = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    let id = key(item);
    while (now.has(id)) id += "'";
    const node = old.get(id) ?? create(item);
    now.set(id, node);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    update(node, item);
  }
  for (const [id, node] of old) if (now.get(id) !== node) node.remove();
  parent.synced = now;
}

/** A bar of parts, each a share of the whole; the numbers stand beside it. */
export function gauge(...names) {
  const parts = names.map((name) => make("span", { class: `part ${name}` }));
  const node = make("div", { class: "gauge", "aria-hidden": "true" }, ...parts);
  node.set = (...shares) => shares.forEach((share, index) => {
    parts[index].style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  });
  return node;
}

/** A box that scrolls by itself where a table is wider than the page, and can be reached then. */
function scrollBox(caption, table) {
  const box = make("div", { class: "scroll" }, table);
  const check = () => {
    const isWide = box.scrollWidth > box.clientWidth + 1;
    if (isWide === box.hasAttribute("tabindex")) return;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", caption.textContent]]) {
      if (isWide) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  };
  const observer = new ResizeObserver(check);
  observer.observe(box);
  observer.observe(table);
  return box;
}

/**
 * A table with a caption and, where columns have `order`, buttons that sort by them.
 * A column: `title`, `kind` (a class), `text(row)` or `create(cell)` with `fill(cell, row)`,
 * `order(row)`, `optional` (left out while no row has a text).
 */
export class Table {
  constructor(holder, { caption, columns, key, empty, limit = 20, kind = "", sort = null }) {
    Object.assign(this, { columns, key, limit, sort, rows: [], isWhole: false });
    this.head = make("tr");
    this.body = make("tbody");
    this.caption = make("caption", { class: "unseen", text: caption });
    const table = make("table", { class: kind }, this.caption, make("thead", {}, this.head),
      this.body);
    this.box = kind.includes("flow") ? table : scrollBox(this.caption, table);
    this.empty = make("p", { class: "quiet", text: empty });
    this.more = make("button", { type: "button", class: "more" });
    this.more.addEventListener("click", () => {
      this.isWhole = !this.isWhole;
      this.draw();
    });
    holder.append(this.box, this.more, this.empty);
    for (const column of columns) this.head.append(this.heading(column));
  }

  heading(column) {
    const cell = make("th", { scope: "col", class: column.kind });
    column.head = cell;
    if (!column.order) {
      cell.textContent = column.title;
      return cell;
    }
    const button = make("button", { type: "button", class: "sort", text: column.title });
    button.addEventListener("click", () => {
      this.sort = column.title;
      this.draw();
    });
    cell.append(button);
    return cell;
  }

  /** Says anew what it is about. */
  entitle(caption) {
    setText(this.caption, caption);
    if (this.box.hasAttribute("aria-label")) this.box.setAttribute("aria-label", caption);
  }

  update(rows, empty) {
    this.rows = rows;
    if (empty) setText(this.empty, empty);
    this.draw();
  }

  draw() {
    const column = this.columns.find((column) => column.order && column.title === this.sort);
    const rows = column
      ? [...this.rows].sort((a, b) => (column.order(b) ?? 0) - (column.order(a) ?? 0)) : this.rows;
    for (const one of this.columns) {
      if (one.order) one.head.setAttribute("aria-sort", one === column ? "descending" : "none");
      one.isLeftOut = Boolean(one.optional) && rows.every((row) => !one.text(row));
      one.head.hidden = one.isLeftOut;
    }
    const taken = this.isWhole ? rows : rows.slice(0, this.limit);
    sync(this.body, taken, this.key, () => this.row(), (row, item) => this.fill(row, item));
    this.box.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.more.hidden = rows.length <= this.limit;
    setText(this.more, this.isWhole
      ? `Show the first ${this.limit} only` : `Show all ${rows.length.toLocaleString("en-US")}`);
  }

  row() {
    const row = make("tr");
    this.columns.forEach((column, index) => {
      const cell = index === 0
        ? make("th", { scope: "row", class: column.kind, "data-title": column.title })
        : make("td", { class: column.kind, "data-title": column.title });
      if (column.create) column.create(cell);
      row.append(cell);
    });
    return row;
  }

  fill(row, item) {
    this.columns.forEach((column, index) => {
      const cell = row.children[index];
      cell.hidden = column.isLeftOut;
      if (column.fill) column.fill(cell, item);
      else setText(cell, column.text(item) || "–");
      if (column.kind === "number") cell.classList.toggle("nil", /^(0|–)/.test(cell.textContent)
        && !/[1-9]/.test(cell.textContent));
    });
  }
}
