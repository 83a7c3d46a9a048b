// Numbers with units (which a line does not part), times of day, and names as others chose them.

/** What stands where there is no figure. */
export const none = "–";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Two or three digits that count: 1.2, 12, 120. */
function digits(value) {
  return value < 9.95 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}

/** Seconds, in the unit that suits them. */
export function duration(seconds) {
  if (!isNumber(seconds)) return none;
  if (seconds <= 0) return "0\u00a0s";
  if (seconds < 0.0009995) return `${digits(seconds * 1e6)}\u00a0µs`;
  if (seconds < 0.9995) return `${digits(seconds * 1e3)}\u00a0ms`;
  if (seconds < 59.5) return `${digits(seconds)}\u00a0s`;
  const minutes = Math.round(seconds / 60);
  if (seconds < 600) return pair(Math.round(seconds), 60, "min", "s");
  if (minutes < 60) return `${minutes}\u00a0min`;
  if (minutes < 48 * 60) return pair(minutes, 60, "h", "min");
  return pair(Math.round(minutes / 60), 24, "d", "h");
}

function pair(value, base, large, small) {
  const rest = value % base;
  return `${Math.floor(value / base)}\u00a0${large}${rest ? ` ${rest}\u00a0${small}` : ""}`;
}

/** A number with k, M or G. */
export function scaled(value) {
  if (!isNumber(value)) return none;
  const steps = [[1e9, "\u00a0G"], [1e6, "\u00a0M"], [1e3, "\u00a0k"]];
  for (const [size, suffix] of steps) {
    if (value >= size * 0.9995) return digits(value / size) + suffix;
  }
  return value > 0 && value < 0.05 ? "<\u00a00.1" : digits(value);
}

export const rate = (perSecond) => isNumber(perSecond) ? `${scaled(perSecond)}/s` : none;

/** A whole number, grouped by thousands; with M or G from ten million. */
export function count(value) {
  if (!isNumber(value)) return none;
  return value < 1e7 ? Math.round(value).toLocaleString("en-US") : scaled(value);
}

export const percent = (share) => {
  if (!isNumber(share)) return none;
  const value = share * 100;
  return value > 0 && value < 1 ? "<\u00a01\u00a0%" : `${Math.round(value)}\u00a0%`;
};

/** `3 clients`. */
export const several = (value, one, more) => `${count(value)} ${value === 1 ? one : more}`;

/** The time of day of the one who reads. */
export function clock(time, seconds = true) {
  if (!isNumber(time)) return none;
  const date = new Date(time * 1000);
  const parts = [date.getHours(), date.getMinutes()];
  if (seconds) parts.push(date.getSeconds());
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

// Control characters, and those that turn the direction of what follows or have no width: a name
// with them could look like another one.
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name or a text of somebody else, with nothing unseen in it. */
export function shown(text) {
  return String(text ?? "").replace(unseen, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same, cut in its middle to so many characters. */
export function short(text, length = 64) {
  const characters = Array.from(shown(text));
  if (characters.length <= length) return characters.join("");
  const head = Math.ceil((length - 1) * 0.6);
  return characters.slice(0, head).join("") + "…"
    + characters.slice(head + 1 - length).join("");
}

/** `database/user`, the name of a pool. */
export const pool = (of, length = 40) => `${short(of.database, length)}/${short(of.user, length)}`;
