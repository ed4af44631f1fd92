// How numbers, times and ages are said.

import { element } from "./nodes.js";

export const OLD = 600; // seconds after which one number is told to be old
const QUIET = 360; // seconds after which the newest number is not one of now: metrics come up to some minutes late

// When services were last read, by our clock and by Parapet's: ours may be wrong.
export const looked = { at: 0, as_of: 0 };
export const now = () => (looked.at ? looked.as_of + Math.max(0, Date.now() / 1000 - looked.at) : Date.now() / 1000);

export const trimmed = (value, digits) => String(Number(value.toFixed(digits)));
// Rounded down: what failed once is not told as 100 %.
export const percent = (value) => {
  const digits = value >= 99.9 ? 3 : value >= 99 ? 2 : 1;
  return `${trimmed(Math.floor(value * 10 ** digits + 1e-6) / 10 ** digits, digits)} %`;
};
export const shared = (value) => `${Math.floor(value * 100 + 1e-6)} %`;
export const seconds = (value) =>
  value < 0.01 ? `${trimmed(value * 1000, 1)} ms` : value < 1 ? `${Math.round(value * 1000)} ms` : `${trimmed(value, 2)} s`;
export const count = (value) =>
  (value < 10 ? Number(value.toPrecision(2)) : Math.round(value)).toLocaleString("en-GB", { maximumFractionDigits: 2 });
// Of requests there are no parts, also where a percentage of them is all that is published.
export const some = (value) => (value > 0 && value < 1 ? "under 1" : count(Math.round(value)));
const bytes = (value) => {
  const step = value < 1 ? 0 : Math.min(4, Math.floor(Math.log(value) / Math.log(1024)));
  return `${trimmed(value / 1024 ** step, step > 1 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
};
export const UNITS = { percent: (value) => `${trimmed(value, 1)} %`, seconds, bytes, count };
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
// Names and ids keep their letters: shop-db, shop@shop-db, payments.example.com.
export const capital = (text) => (/^[a-z]+(?![\w-]|[@./:]\S)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);
// Numbers and their units stay on one line.
export const tidy = (text) => text.replace(/(\d) (?=(?:%|ms|s|min|h|days?)(?!\w))/g, "$1\u00a0");
export const lasting = (of) => {
  if (of < 60) return `${Math.max(0, Math.round(of))} s`;
  if (of < 5400) return `${Math.round(of / 60)} min`;
  return of < 172800 ? `${Math.round(of / 3600)} h` : `${Math.round(of / 86400)} days`;
};

export const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
export const precise = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
export const moment = (at) => {
  const when = new Date(at * 1000);
  const today = when.toDateString() === new Date(now() * 1000).toDateString();
  return today ? clock.format(when) : `${dated.format(when)}, ${clock.format(when)}`;
};
// As the sentences of explanations tell times: in UTC, with the day where it is not the one of `than`.
export const universal = (at, than = now()) => {
  const [day, time] = new Date(at * 1000).toISOString().split("T");
  return `${day === new Date(than * 1000).toISOString().slice(0, 10) ? "" : `${day} `}${time.slice(0, 5)} UTC`;
};
export const epoch = (iso) => Date.parse(iso) / 1000;
export const ago = (at) => {
  const age = Math.max(0, now() - at);
  return age < 5 ? "just now" : `${lasting(age)} ago`;
};
export const since = (iso) =>
  element("time", { datetime: iso, title: new Date(iso).toLocaleString("en-GB"), "data-ago": epoch(iso) }, ago(epoch(iso)));
// Whether nothing has come for so long that a number says nothing about now.
export const quiet = (iso) => Boolean(iso) && now() - epoch(iso) > QUIET;
// The last period of a chart may end after now.
export const measured = (iso, ...more) => {
  const until = iso && Math.min(epoch(iso), now());
  const age =
    iso &&
    element(
      "p",
      { class: `age ${now() - until > OLD ? "is-old" : ""}`, "data-until": until },
      "Measured until ",
      moment(until),
      ", ",
      element("time", { datetime: iso, "data-ago": until }, ago(until)),
    );
  return element("footer", { class: "card-foot" }, age, more);
};

