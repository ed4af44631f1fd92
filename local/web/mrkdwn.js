// Slack's mrkdwn and escapes as DOM nodes; text from outside only ever becomes a text node.

const ESCAPES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

export const unescape = (text) => text.replace(/&(?:lt|gt|amp);/g, (escape) => ESCAPES[escape]);

export const element = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
};

// What people, groups and channels are called, by id.
export const names = new Map();

const RULES = [
  [/`([^`\n]+)`/y, (match) => element("code", {}, unescape(match[1]))],
  [/<!date\^(\d+)\^([^|>]+)\|([^>]*)>/y, (match) => date(Number(match[1]), match[2])],
  [/<!(channel|here|everyone)[^>]*>/y, (match) => element("span", { class: "mention" }, `@${match[1]}`)],
  [
    /<(?:[@#]|!subteam\^)([A-Z0-9]+)(?:\|([^>]*))?>/y,
    (match) => element("span", { class: "mention" }, names.get(match[1]) ?? unescape(match[2] ?? match[1])),
  ],
  [
    /<(https?:[^|>]+)(?:\|([^>]*))?>/y,
    (match) =>
      element("a", { href: unescape(match[1]), rel: "noreferrer", target: "_blank" }, unescape(match[2] ?? match[1])),
  ],
  [/\*([^*\n]+)\*/y, (match) => element("strong", {}, mrkdwn(match[1]))],
  [/_([^_\n]+)_/y, (match) => element("em", {}, mrkdwn(match[1]))],
  [/~([^~\n]+)~/y, (match) => element("s", {}, mrkdwn(match[1]))],
];
const WORD = /[\p{L}\p{N}]/u;

export const mrkdwn = (source) => {
  const fragment = document.createDocumentFragment();
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) fragment.append(unescape(plain));
    plain = "";
  };
  while (at < source.length) {
    const startsWord = at === 0 || !WORD.test(source[at - 1]);
    const found = startsWord || source[at] === "<" || source[at] === "`" ? match(source, at) : undefined;
    if (found) {
      flush();
      fragment.append(found.node);
      at += found.length;
    } else if (source[at] === "\n") {
      flush();
      fragment.append(element("br"));
      at += 1;
    } else {
      plain += source[at];
      at += 1;
    }
  }
  flush();
  return fragment;
};

const match = (source, at) => {
  for (const [pattern, make] of RULES) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found) return { node: make(found), length: found[0].length };
  }
  return undefined;
};

const date = (seconds, form) => {
  const moment = new Date(seconds * 1000);
  const time = (more) => moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...more });
  const text = form
    .replace("{date_short_pretty}", day(moment))
    .replace("{time_secs}", time({ second: "2-digit" }))
    .replace("{time}", time());
  return element("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, text);
};

export const day = (moment) => {
  const midnight = (one) => new Date(one.getFullYear(), one.getMonth(), one.getDate()).getTime();
  const days = Math.round((midnight(new Date()) - midnight(moment)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = moment.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return moment.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", year });
};

export const ago = (seconds) => {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  if (past < 10) return "just now";
  if (past < 60) return `${Math.floor(past)} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86400)} d ago`;
};
