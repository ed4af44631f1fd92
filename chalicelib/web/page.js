// The page for whoever is on call: asks the API what is known, draws it, and sends what people decide.

import { forgetCursors } from "./chart.js";
import { explain } from "./explain.js";
import { serviceMap } from "./map.js";
import { byId, element, link, paint, painted, shape, status } from "./nodes.js";
import { WINDOWS, availability, budget, latency, saturation } from "./service.js";
import { OLD, UNITS, ago, capital, clock, epoch, lasting, looked, moment, now, percent, plural, precise, quiet, seconds, shared, since, tidy, universal } from "./words.js";

const EVERY = 15; // seconds between two looks
const GLANCE = 2; // seconds between two looks at the alarms alone, which cost next to nothing: what they tell calls for a whole look
const PATIENCE = 20; // seconds that an answer may take
const SLOWEST = 120; // seconds between two looks, when nothing answers
const STALE = 120; // seconds after which numbers are old, which is told loudly
const SOON = 300; // seconds before its end that a new token is asked for
const NEAR = 1800; // seconds around a moment that belong to it
const RANK = ["red", "amber", "grey", "green"];
const EXAMPLE = "123456789012"; // AWS's own for documents, which is nobody's: the local account's
const VERBS = {
  undo: {
    label: "Undo",
    title: "Undo this fix?",
    means: "Parapet puts back what it changed, and leaves it so for a while.",
    done: "Undone",
    needsWhy: true,
  },
  approve: {
    label: "Fix it",
    title: "Make this fix?",
    means: "Parapet makes the change that it asked about, now. It can be undone.",
    done: "Fixed",
    needsWhy: true,
  },
  reject: {
    label: "Leave it",
    title: "Leave it as it is?",
    means: "Nothing is changed, and nobody is asked about it again.",
    done: "Left as it is",
    needsWhy: true,
  },
  acknowledge: {
    label: "Acknowledge",
    title: "Are you on it?",
    means: "Nobody else is woken for this alert until it is over.",
    done: "Acknowledged",
    needsWhy: false,
  },
};

// The token

const KEPT = "parapet-token";
let token = sessionStorage.getItem(KEPT) ?? "";

const claims = (text) => {
  try {
    const middle = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const found = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(middle), (letter) => letter.charCodeAt(0))));
    return text.split(".").length === 3 && typeof found.exp === "number" && found.sub ? found : null;
  } catch {
    return null;
  }
};
const operates = () => (claims(token)?.scope ?? "").split(" ").includes("operate");

const forget = (reason) => {
  token = "";
  sessionStorage.removeItem(KEPT);
  parts.clear();
  forgetCursors();
  map.forget();
  requests.length = 0;
  for (const node of painted.keys()) node.replaceChildren();
  painted.clear();
  looking?.abort();
  turning?.abort();
  clearTimeout(timer);
  for (const dialog of [byId("asking"), byId("moment")]) if (dialog.open) dialog.close();
  for (const id of ["moment-title", "moment-body", "asking-what"]) byId(id).replaceChildren();
  Object.assign(looked, { at: 0, as_of: 0 });
  draw();
  login(reason);
};

const login = (reason) => {
  const dialog = byId("login");
  byId("login-reason").textContent = reason ?? "";
  byId("login-wrong").textContent = "";
  byId("token").value = "";
  for (const id of ["login-later", "login-forget"]) byId(id).hidden = !token;
  if (!dialog.open) dialog.showModal();
  byId("token").focus();
};

const enter = (event) => {
  event.preventDefault();
  const given = byId("token").value.trim();
  const found = claims(given);
  const wrong = !given
    ? "Paste the token here."
    : !found
      ? "This is not a token of Parapet's: copy all of it, three parts with dots between."
      : found.exp <= Date.now() / 1000
        ? "This token has expired already: get a new one."
        : "";
  byId("login-wrong").textContent = wrong;
  byId("token").setAttribute("aria-invalid", String(Boolean(wrong)));
  if (wrong) return byId("token").focus();
  token = given;
  sessionStorage.setItem(KEPT, token);
  byId("login").close();
  look();
};

// Asking the API

class Trouble extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

const ask = async (path, { body, key = random(), also = [], signal } = {}) => {
  const brought = token;
  const headers = { Authorization: `Bearer ${brought}`, Accept: "application/json" };
  if (body) Object.assign(headers, { "Content-Type": "application/json", "Idempotency-Key": key });
  const limit = AbortSignal.timeout(PATIENCE * 1000);
  let answer;
  try {
    answer = await fetch(path, {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
      cache: body ? "no-store" : "no-cache",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(0, limit.aborted ? `Parapet has not answered for ${PATIENCE} s.` : "Parapet cannot be reached.");
  }
  const told = await answer.json().catch(() => null);
  signal?.throwIfAborted();
  if (told && (answer.ok || also.includes(answer.status))) return told;
  const text = told?.detail ?? told?.title ?? told?.message ?? `Parapet answered ${answer.status}, and nothing that can be read.`;
  if (answer.status === 401 && brought === token) forget("The token does not count any more. Please get a new one.");
  throw new Trouble(answer.status, String(text));
};

const map = serviceMap(ask);

// What is known

const parts = new Map(); // what was asked for -> { data, wrong, of }
const requests = []; // what this person asked for: { key, title, state, words }
const picked = new Map(); // service -> the gauge that has the chart
let failures = 0;
let looking; // stops a look that is under way
let turning; // stops the reading of charts that is
let timer;
let due = 0; // when all is looked at again

const known = (name) => parts.get(name)?.data;
const alarms = () => (known("alarms")?.alarms ?? []).filter((one) => one.tells);
const services = () =>
  [...(known("services")?.services ?? [])].sort(
    (one, other) => RANK.indexOf(one.status) - RANK.indexOf(other.status) || one.name.localeCompare(other.name),
  );

// The choice is in the address, so that it can be sent to somebody: #shop or #shop/24h.
const choice = () => {
  const [named, span] = location.hash.slice(1).split("/");
  const found = services();
  const chosen = found.find((one) => encodeURIComponent(one.name) === named) ?? found[0];
  return { name: chosen?.name, span: span in WINDOWS ? span : "3h", chosen };
};
const choose = (name, span = choice().span) => {
  history.replaceState(null, "", `#${encodeURIComponent(name)}${span === "3h" ? "" : `/${span}`}`);
  turn();
};

// All pages of a list.
const every = async (path, list, options) => {
  const found = await ask(path, options);
  for (let next = found.after; next; ) {
    const more = await ask(`${path}&after=${encodeURIComponent(next)}`, options);
    found[list].push(...more[list]);
    next = more.after;
  }
  return found;
};
const read = async (name, of, { all, ...options } = {}) => {
  try {
    const data = await (all ? every(of, all, options) : ask(of, options));
    // Of an answer that comes after its token has gone nothing is kept.
    if (!token) return false;
    parts.set(name, { data, of });
  } catch (error) {
    if (options.signal?.aborted || !token) return false;
    const before = parts.get(name);
    parts.set(name, { ...(before?.of === of ? before : {}), of, wrong: error.message });
    draw();
    return false;
  }
  draw();
  return true;
};

// Reads the charts of the service that is chosen.
const turn = async () => {
  turning?.abort();
  turning = new AbortController();
  const { name, span } = choice();
  draw();
  if (name) await read("golden", `v1/services/${encodeURIComponent(name)}/golden?window=${span}`, { signal: turning.signal });
};

// Looks once at everything, and again after a while.
const look = async () => {
  clearTimeout(timer);
  looking?.abort();
  if (!token) return;
  looking = new AbortController();
  const { signal } = looking;
  draw();
  const lists = [
    read("health", "v1/health", { signal, also: [503] }),
    read("alarms", "v1/alarms?state=ALARM", { signal }),
    read("alerts", "v1/alerts?status=firing", { signal }),
    read("waiting", "v1/findings?status=asked", { signal }),
    read("remediations", "v1/remediations?since=24h&limit=20", { signal }),
  ];
  // How a service is does not depend on how far the charts look back.
  const well = await read("services", "v1/services?window=3h", { signal, all: "services" });
  if (signal.aborted) return;
  if (well) {
    Object.assign(looked, { at: Date.now() / 1000, as_of: epoch(known("services").as_of) });
    await turn();
  }
  await Promise.all(lists);
  if (signal.aborted || !token) return;
  failures = well ? 0 : failures + 1;
  draw();
  due = Date.now() + 1000 * Math.min(SLOWEST, EVERY * 2 ** failures);
  later();
};
// Where nothing answers, nothing is asked in between.
const later = () => {
  const left = due - Date.now();
  if (!document.hidden) timer = failures || left <= 1000 * GLANCE ? setTimeout(look, left) : setTimeout(glance, 1000 * GLANCE);
};
const glance = async () => {
  const { signal } = looking;
  const names = () => alarms().map(({ name }) => name).join();
  const before = names();
  await read("alarms", "v1/alarms?state=ALARM", { signal });
  if (signal.aborted || !token) return;
  if (names() === before) later();
  else look();
};

// Lists

const heading = (id, text, some) => element("h2", { id }, text, some > 0 && element("span", { class: "some" }, some));
const nothing = (text) => element("p", { class: "nothing" }, text);
const meta = (...texts) =>
  element("p", { class: "meta" }, texts.filter(Boolean).map((text, number) => [number > 0 && " · ", text]));
const button = (verb, about, off) =>
  element(
    "button",
    {
      type: "button",
      class: `button ${verb === "approve" ? "is-main" : ""}`,
      "data-key": `${verb} ${about.id}`,
      "aria-disabled": String(off),
      "aria-describedby": operates() ? null : "may",
      click: () => (off ? null : consider(verb, about)),
    },
    VERBS[verb].label,
    element("span", { class: "unseen" }, `: ${about.title}`),
  );
const decided = (id) => requests.some((one) => one.about === id && ["sending", "asked"].includes(one.state));

const SHOWN = 6; // items of a list without asking

// A list of the desk: what could not be read is said, beside what was known before.
const list = (id, title, { of, item, none, silent = () => false, behind, first = () => false }) => {
  const part = parts.get(id);
  const all = part?.data?.[of]?.toSorted((one, other) => first(other) - first(one)) ?? null;
  const found = all && all.filter((one) => !silent(one));
  const rest = (all ?? []).filter(silent);
  const unknown = part?.data?.[`${of}_unknown`] ?? []; // regions that do not tell
  const may = operates();
  const busy = requests.map(({ about, state }) => [about, state]);
  paint(byId(id), [all, unknown, part?.wrong, may, busy], () => {
    const items = (found ?? []).map((one) => item(one, may));
    return [
      heading(`${id}-title`, title, items.length),
      part?.wrong && element("p", { class: "is-wrong missing" }, `Could not be read: ${part.wrong}`),
      ...unknown.map(({ region, why }) => element("p", { class: "is-wrong missing" }, `Not known of ${region}: ${why}`)),
      items.length > 0 && element("ul", { class: "items" }, items.slice(0, SHOWN)),
      items.length > SHOWN &&
        element(
          "details",
          { class: "more", "data-key": id },
          element("summary", { "data-key": `more ${id}` }, `${items.length - SHOWN} more`),
          element("ul", { class: "items" }, items.slice(SHOWN)),
        ),
      !items.length && !part?.wrong && !unknown.length && nothing(found ? none : "Reading…"),
      rest.length > 0 && behind(rest, items.length),
      part?.data?.after && element("p", { class: "note" }, "There are more: ./parapet lists them all."),
    ];
  });
};
const item = (colour, title, lines, buttons = []) =>
  element(
    "li",
    { class: `item ${colour ? `is-${colour}` : ""}` },
    element("div", { class: "item-text" }, element("p", { class: "item-title" }, title), lines),
    buttons.length > 0 && element("div", { class: "item-buttons" }, buttons),
  );
const SEVERITY = { critical: "red", high: "red", medium: "amber", low: "grey" };
// What nobody asks is neither well nor unknown.
const idle = (one) => one.status === "grey" && ["ok", "no_traffic"].includes(one.availability.state);
const stateOf = (one) => (idle(one) ? "No traffic" : undefined);
const waking = (alarm) => /-(page|absent|unheard)$/.test(alarm.name);

const alarmItem = (one) =>
  item(
    waking(one) ? "red" : "amber",
    link(one.console, one.name, `alarm ${one.name}`),
    [
      (one.about || one.reason) && element("p", { class: "item-why" }, tidy(one.about || one.reason)),
      meta(waking(one) && "wakes people", one.service, ["since ", since(one.since)]),
    ],
  );
// What an objective's alarms are made of: none of it tells anybody.
const windows = (some, telling) =>
  element(
    "details",
    { class: "more", "data-key": "windows" },
    element("summary", { "data-key": "more windows" }, telling ? `and ${plural(some.length, "window")} behind ${telling === 1 ? "it" : "them"}` : `${plural(some.length, "window")} over the limit; that alone tells nobody`),
    element("ul", { class: "windows-behind" }, some.map((one) => element("li", {}, link(one.console, one.name, `window ${one.name}`), " ", since(one.since)))),
  );
const alertItem = (one, may) => {
  const about = { id: one.id, path: `v1/alerts/${encodeURIComponent(one.id)}`, title: one.title, question: one.episode };
  const whole = one.firing > 1 && `${one.firing} together`;
  return item(
    SEVERITY[one.severity] ?? "grey",
    one.title,
    meta(one.severity, one.service, whole, since(one.opened), one.acknowledged && `${one.acknowledged} is on it`),
    one.acknowledged ? [] : [button("acknowledge", about, !may || decided(one.id))],
  );
};
const findingItem = (one, may) => {
  const about = { id: one.id, path: `v1/findings/${encodeURIComponent(one.id)}`, title: one.why, question: one.question };
  const off = !may || decided(one.id);
  return item(
    SEVERITY[one.severity] ?? "grey",
    one.why,
    meta(one.severity, one.resource, one.actor && `by ${one.actor.who}`, since(one.opened)),
    [button("approve", about, off), button("reject", about, off)],
  );
};
const remediationItem = (one, may) => {
  const about = { id: one.id, path: `v1/findings/${encodeURIComponent(one.id)}`, title: one.why };
  return item(
    one.status === "fixed" ? "green" : "grey",
    `${capital(one.status)}: ${one.why}`,
    meta(one.resource, one.who && `by ${one.who}`, since(one.at)),
    one.undo ? [button("undo", about, !may || decided(one.id))] : [],
  );
};

// Deciding: why is asked, the command is sent, and followed until it is done

let considered; // { verb, about } in the dialog

const consider = (verb, about) => {
  const { title, means, label, needsWhy } = VERBS[verb];
  considered = { verb, about };
  byId("asking-title").textContent = title;
  byId("asking-what").textContent = about.title;
  byId("asking-means").textContent = means;
  byId("asking-do").textContent = label;
  byId("asking-wrong").textContent = "";
  byId("why-free").hidden = needsWhy;
  byId("why").value = "";
  byId("why").setAttribute("aria-required", String(needsWhy));
  byId("why").removeAttribute("aria-invalid");
  byId("asking").showModal();
  byId("why").focus();
};
const decide = (event) => {
  event.preventDefault();
  const { verb, about } = considered;
  const why = byId("why").value.trim();
  if (!why && VERBS[verb].needsWhy) {
    byId("asking-wrong").textContent = "Say why in a few words: whoever reads it tomorrow will be grateful.";
    byId("why").setAttribute("aria-invalid", "true");
    byId("why").focus();
    return;
  }
  byId("asking").close();
  send(verb, about, why);
};
const random = () => [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const send = async (verb, about, why) => {
  const request = { key: random(), about: about.id, verb, title: about.title, state: "sending", words: "Asking…", why };
  requests.unshift(request);
  const say = (state, words) => {
    Object.assign(request, { state, words });
    draw();
  };
  draw();
  const body = { ...(why && { why }), ...(about.question && verb !== "undo" && { question: String(about.question) }) };
  try {
    let command = await ask(`${about.path}/${verb}`, { body, key: request.key });
    say("asked", command.service ? `Asked. The function that looks after ${command.service} does it…` : "Asked…");
    const until = Date.now() + 1000 * PATIENCE * 6;
    for (let pause = 600; command.status === "asked" && Date.now() < until; pause = Math.min(4000, pause * 1.4)) {
      await wait(pause);
      if (!token || !requests.includes(request)) return;
      command = await ask(`v1/commands/${encodeURIComponent(command.id)}`);
    }
    const told = command.answer && command.answer.toLowerCase() !== VERBS[verb].done.toLowerCase() ? `: ${command.answer}` : "";
    if (command.status === "done") say("done", `${VERBS[verb].done}${told}.`);
    else if (command.status === "refused") say("refused", `Refused: ${command.answer}`);
    else say("failed", `Nobody has done it yet. It is void after ${moment(epoch(command.expires))}; command ${command.id}.`);
  } catch (error) {
    if (!token) return;
    const words = error.code === 403 ? "This token may only read." : error.message;
    say("failed", request.state === "asked" ? `Asked, but what came of it is not known: ${words}` : `Not asked: ${words}`);
  }
  look();
};
const REQUESTED = { sending: "grey", asked: "grey", done: "green", refused: "red", failed: "amber" };

const drawRequests = () =>
  paint(byId("requests"), requests, () =>
    requests.map((one) =>
      element(
        "div",
        { class: `request is-${REQUESTED[one.state]}`, role: "group", "aria-label": "What you asked for" },
        ["sending", "asked"].includes(one.state) ? element("span", { class: "spinner", "aria-hidden": "true" }) : shape(REQUESTED[one.state]),
        element("p", {}, element("b", {}, one.words), element("span", {}, ` ${one.title}`)),
        !["sending", "asked"].includes(one.state) &&
          element(
            "button",
            {
              type: "button",
              class: "button is-quiet",
              "data-key": `dismiss ${one.key}`,
              click: () => {
                requests.splice(requests.indexOf(one), 1);
                draw();
              },
            },
            "Dismiss",
          ),
      ),
    ),
  );

// A moment: what was going on around a point of a chart

const at = (points, when) => points?.findLast?.(([start]) => start <= when)?.[1] ?? null;

const around = (golden, when) => {
  const { availability: good, latency: slow, saturation: full } = golden;
  const rows = [["Availability", good.points, percent]];
  for (const [stat, points] of Object.entries(slow.points ?? {})) rows.push([`Latency ${stat}`, points, seconds]);
  for (const one of full.gauges) rows.push([`${capital(one.label)}, ${one.of}`, one.points, one.full === null ? UNITS[one.unit] : shared]);
  // What was before the charts begin is not unknown, but not on them.
  if (when < Math.min(...rows.map(([, points]) => points?.[0]?.[0] ?? Infinity))) return [];
  return rows.map(([name, points, say]) => {
    const value = at(points, when);
    return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value === null ? "no data" : say(value)));
  });
};
const near = (iso, when, period) => epoch(iso) >= when - NEAR && epoch(iso) <= when + period + NEAR;
const events = (when, period) => {
  const all = [
    ...alarms().map((one) => ({ iso: one.since, words: `Alarm ${one.name} went off`, more: one.about || one.reason })),
    ...(known("alerts")?.alerts ?? []).map((one) => ({ iso: one.opened, words: `Alert: ${one.title}` })),
    ...(known("remediations")?.remediations ?? []).map((one) => ({ iso: one.at, words: `${capital(one.status)}: ${one.why}`, more: one.who && `by ${one.who}` })),
  ];
  return all.filter(({ iso }) => near(iso, when, period)).sort((one, other) => epoch(one.iso) - epoch(other.iso));
};

const show = (name, golden) => async (when, period) => {
  const dialog = byId("moment");
  const answer = element("div", { class: "explain", role: "status" }, element("p", { class: "note" }, "Asking what happened…"));
  const found = events(when, period);
  const facts = golden ? around(golden, when) : [];
  const [from, until] = [new Date(when * 1000), new Date((when + period) * 1000)];
  byId("moment-title").textContent = `${name} at ${universal(when)}`;
  const body = [
    element("p", { class: "note" }, `By your clock ${from.toLocaleDateString("en-GB", { dateStyle: "full" })}, ${clock.format(from)} to ${clock.format(until)}`),
    answer,
    element("h3", {}, `Within ${lasting(NEAR)} of it`),
    found.length
      ? element(
          "ul",
          { class: "events" },
          found.map((one) =>
            element(
              "li",
              {},
              element("time", { datetime: one.iso }, universal(epoch(one.iso), when)),
              element("div", {}, element("p", { class: "item-title" }, one.words), one.more && element("p", { class: "item-why" }, tidy(one.more))),
            ),
          ),
        )
      : nothing("No alarm that is still on, no alert that still fires and no fix of the last day began then."),
    facts.length > 0 && element("h3", {}, "What was measured"),
    facts.length > 0 && element("table", { class: "facts" }, element("tbody", {}, facts)),
  ];
  byId("moment-body").replaceChildren(...body.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  byId("moment-title").focus();
  const iso = new Date(when * 1000).toISOString().replace(".000Z", "Z");
  try {
    await explain(answer, ask, `v1/services/${encodeURIComponent(name)}/explain?at=${iso}`);
  } catch (error) {
    answer.replaceChildren(element("p", { class: "note" }, `No explanation: ${error.message}`));
  }
};

// When the trouble of a service began as its alarms tell, of those that wake people where one is on; without any, its
// newest minute.
const began = (name, golden) => {
  const own = alarms().filter((one) => one.service === name);
  const some = own.some(waking) ? own.filter(waking) : own;
  if (some.length) return Math.min(...some.map((one) => epoch(one.since)));
  return golden?.availability.points?.findLast(([when, value]) => value !== null && when > now() - OLD)?.[0] ?? Math.floor(now());
};
const explainTrouble = (name) => {
  const golden = known("golden")?.name === name ? known("golden") : null;
  show(name, golden)(began(name, golden), 60);
};

// The whole

const drawHeader = () => {
  const health = known("health");
  const person = claims(token);
  const local = health?.stage === "local" && health.account === EXAMPLE;
  const place = health ? [health.stage, health.region, health.account, ...(local ? ["after chaos, metrics and alarms run ahead of alerts"] : [])] : [];
  paint(byId("place"), place, () => place.map((text, number) => [number > 0 && element("span", { "aria-hidden": "true" }, "·"), element("span", {}, text)]));
  byId("fresh").hidden = byId("person").hidden = !person;
  const wrong = parts.get("services")?.wrong;
  paint(byId("fresh"), [Boolean(wrong), looked.as_of, document.hidden], () => [
    element("span", { class: `pulse ${wrong ? "is-bad" : ""}`, "aria-hidden": "true" }),
    wrong ? "Not refreshing · " : document.hidden ? "Paused · " : "Live · ",
    looked.at ? ["as of ", element("time", { datetime: new Date(looked.as_of * 1000).toISOString() }, precise.format(new Date(looked.as_of * 1000))), ", ", element("span", { "data-ago": looked.as_of }, ago(looked.as_of))] : "reading…",
  ]);
  const left = person ? Math.floor((person.exp - Date.now() / 1000) / 60) : 0;
  paint(byId("person"), [person?.sub, left, operates()], () =>
    person && [
      element("span", {}, `${person.sub} · ${operates() ? "may operate" : "may read"} · ${left < 1 ? "under 1 min" : lasting(left * 60)} left`),
      element("button", { type: "button", class: "button is-quiet", "data-key": "token", click: () => login() }, "Token"),
    ],
  );
};

const banner = (colour, text, ...more) =>
  element("p", { class: `banner is-${colour}`, role: colour === "red" ? "alert" : null }, shape(colour), element("span", {}, text), ...more);
const drawBanners = () => {
  const person = claims(token);
  const health = known("health");
  const age = looked.at ? Date.now() / 1000 - looked.at : 0;
  const stale = person && looked.at && age > STALE ? Math.floor(age / 60) : 0;
  const part = parts.get("services");
  const wrong = part?.wrong;
  const ending = person && person.exp - Date.now() / 1000 < SOON;
  const unwell = health?.status === "degraded" ? health.reasons : null;
  const pause = health?.paused;
  paint(byId("banners"), [stale, wrong, ending, unwell, pause], () => [
    stale > 0 &&
      banner(
        "red",
        [element("b", {}, `These numbers are ${stale} min old.`), ` ${wrong ?? ""} Do not decide by them.`],
        element("button", { type: "button", class: "button", "data-key": "again", click: look }, "Try again"),
      ),
    !stale && wrong && banner("amber", `${wrong} What you see is from the last look; the next one comes by itself.`),
    ending && banner("amber", "Your token ends in a few minutes.", element("button", { type: "button", class: "button", "data-key": "renew", click: () => login("Paste the next one here before this one ends.") }, "New token")),
    unwell && banner("amber", `Parapet itself is not well: ${unwell.join("; ")}`),
    pause && banner("grey", `Nothing is fixed by itself: ${pause.who} paused it${pause.why ? ` (${pause.why})` : ""}.`),
  ]);
};

const arrive = (node) => {
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "start" });
};
const drawVerdict = (found) => {
  const some = Object.fromEntries(RANK.map((colour) => [colour, found.filter((one) => one.status === colour)]));
  const { red, amber, grey, green } = some;
  const worst = RANK.find((colour) => some[colour].length) ?? "grey";
  const title = !found.length
    ? "No service is watched yet"
    : red.length === 1
      ? `${red[0].name} is in trouble`
      : red.length
        ? `${red.length} services are in trouble`
        : amber.length === 1
          ? `${amber[0].name} needs a look`
          : amber.length
            ? `${amber.length} services need a look`
            : green.length === found.length
              ? "All is well"
              : "Nothing is in trouble";
  paint(byId("verdict"), [title, worst], () => [shape(worst), element("span", {}, title)]);
  const counted = [
    [red, "in trouble"],
    [amber, amber.length === 1 ? "needs a look" : "need a look"],
    [grey.filter((one) => !idle(one)), "not known"],
    [grey.filter(idle), "without traffic"],
    [green, "well"],
  ].filter(([ones]) => ones.length);
  const text = found.length ? counted.map(([ones, words]) => `${ones.length} ${words}`).join(" · ") : "Name them under [[services]] in parapet.toml; ./parapet discover proposes some.";
  paint(byId("tally"), text, () => text);
  const jumps = [
    ["waiting", (known("waiting")?.findings ?? []).length, "waits for you", "wait for you"],
    ["alerts", (known("alerts")?.alerts ?? []).length, "alert fires", "alerts fire"],
    ["alarms", alarms().length, "alarm is on", "alarms are on"],
  ].filter(([, some]) => some);
  paint(byId("jumps"), jumps, () =>
    jumps.map(([id, some, one, several]) =>
      element("button", { type: "button", class: "jump", "data-key": `jump ${id}`, click: () => arrive(byId(id)) }, element("b", {}, some), ` ${some === 1 ? one : several}`),
    ),
  );
  const stage = known("health")?.stage;
  document.title = `${red.length ? `${red.length} in trouble · ` : ""}Parapet${stage ? ` ${stage}` : ""}`;
};

// Where the list stands above the service, not beside it.
const narrow = matchMedia("(max-width: 1180px)");
const drawRail = (found, name) =>
  paint(byId("services"), [found.map((one) => [one.name, one.status, one.why, one.entry, one.availability.now, one.availability.state]), name], () =>
    found.map((one) =>
      element(
        "li",
        {},
        element(
          "a",
          {
            href: `#${encodeURIComponent(one.name)}`,
            class: `stop is-${one.status}`,
            "aria-current": one.name === name ? "true" : null,
            tabindex: one.name === name ? "0" : "-1",
            "data-key": `service ${one.name}`,
            click: (event) => {
              event.preventDefault();
              choose(one.name);
              if (narrow.matches) arrive(document.querySelector(".service"));
            },
          },
          element("span", { class: "stop-name" }, one.name),
          status(one.status, stateOf(one)),
          one.status !== "green" && element("span", { class: "stop-why" }, tidy(capital(one.why))),
        ),
      ),
    ),
  );

const drawService = (name, wanted, chosen) => {
  const part = parts.get("golden");
  const golden = part?.data?.name === name && part.data.window === wanted ? part.data : null;
  const one = golden ?? chosen;
  const wrong = part?.wrong && !golden ? `The charts could not be read: ${part.wrong}` : undefined;
  const { period, window: span } = one;
  const marks = [
    ...alarms().filter((alarm) => alarm.service === name).map((alarm) => ({ at: epoch(alarm.since), words: `${alarm.name} went off` })),
    ...(known("alerts")?.alerts ?? []).filter((alert) => alert.service === name).map((alert) => ({ at: epoch(alert.opened), words: `${alert.title} began` })),
  ];
  const context = { name, span, wrong, marks, period, coarse: Math.max(300, period), open: golden ? show(name, golden) : null };
  paint(byId("head"), [name, chosen.status, idle(chosen), chosen.why, one.entry, one.runbook], () => [
    element("h2", { id: "name" }, name, " ", status(chosen.status, stateOf(chosen))),
    element(
      "div",
      { class: "said" },
      element("p", { class: "why" }, chosen.status === "green" ? "Nothing is wrong." : tidy(capital(chosen.why))),
      ["red", "amber"].includes(chosen.status) &&
        element("button", { type: "button", class: "button", "data-key": "explain", click: () => explainTrouble(name) }, "Explain", element("span", { class: "unseen" }, ` what happens to ${name}`)),
    ),
    element("p", { class: "meta" }, one.entry, one.runbook && [" · ", link(one.runbook, "Runbook", "runbook")], " · ", element("button", { type: "button", class: "button is-quiet", "data-key": "to map", click: () => arrive(byId("map")) }, "Service map")),
  ]);
  // What is counted tells best until when somebody asked.
  const asked = one.availability.at ?? one.latency.at;
  const silent = quiet(asked) && asked;
  for (const [id, widget] of [["availability", availability], ["latency", latency]]) {
    const found = one[id];
    paint(byId(id), [name, span, found, wrong, marks, silent], () => widget(found, { ...context, points: found.points, silent }));
  }
  const pick = (gauge) => {
    picked.set(name, gauge);
    draw();
  };
  paint(byId("saturation"), [name, span, one.saturation, wrong, marks, picked.get(name)], () =>
    saturation(one.saturation.gauges, { ...context, picked: picked.get(name), pick }),
  );
  // What an objective's alarms say as well: nothing, or whether it wakes people.
  const told = chosen.budgets.map(({ id }) => {
    const on = alarms().filter((alarm) => alarm.objective === id);
    return on.some(waking) ? "page" : on.length ? "ticket" : null;
  });
  paint(byId("budgets"), [chosen.budgets, told], () => [
    element("h3", { id: "budgets-title" }, "Error budgets"),
    chosen.budgets.length ? element("ul", {}, chosen.budgets.map((each, number) => budget(each, told[number]))) : nothing("Nothing is promised of this service: it has no objectives."),
  ]);
};

const draw = () => {
  drawHeader();
  drawBanners();
  const found = services();
  const board = byId("board");
  board.hidden = !token || !known("services");
  if (board.hidden) {
    document.title = "Parapet";
    return;
  }
  const { name, span, chosen } = choice();
  drawVerdict(found);
  drawRail(found, name);
  byId("windows").querySelector(`[value="${span}"]`).checked = true;
  document.querySelector(".service").hidden = !chosen;
  if (chosen) drawService(name, span, chosen);
  byId("map").hidden = !chosen;
  map.draw(name ?? "");
  byId("may").hidden = operates();
  drawRequests();
  const first = (one) => one.service === name;
  list("alerts", "Firing alerts", { of: "alerts", item: alertItem, none: "No alert is firing.", first });
  list("alarms", "Open alarms", { of: "alarms", item: alarmItem, none: "No alarm is on.", silent: (one) => !one.tells, behind: windows, first });
  list("waiting", "Waiting for you", { of: "findings", item: findingItem, none: "Nothing waits for a decision." });
  list("remediations", "Latest fixes", { of: "remediations", item: remediationItem, none: "Nothing was put right in the last day." });
};

// Ages grow by themselves; tokens end.
const tick = () => {
  for (const node of document.querySelectorAll("[data-ago]")) {
    const text = ago(Number(node.dataset.ago));
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of document.querySelectorAll("[data-until]")) node.classList.toggle("is-old", now() - Number(node.dataset.until) > OLD);
  if (!token) return;
  if ((claims(token)?.exp ?? 0) <= Date.now() / 1000) forget("Your token has ended. Please get a new one.");
  drawHeader();
  drawBanners();
};

byId("login-form").addEventListener("submit", enter);
byId("login-later").addEventListener("click", () => byId("login").close());
byId("login-forget").addEventListener("click", () => forget(""));
byId("login").addEventListener("cancel", (event) => token || event.preventDefault());
byId("login").addEventListener("close", () => token || login());
byId("asking-form").addEventListener("submit", decide);
byId("asking-cancel").addEventListener("click", () => byId("asking").close());
byId("moment-close").addEventListener("click", () => byId("moment").close());
byId("windows").addEventListener("change", (event) => choose(choice().name, event.target.value));
addEventListener("hashchange", () => token && turn());
document.addEventListener("visibilitychange", () => (document.hidden ? (clearTimeout(timer), draw()) : look()));
// Up and down walk the services, from the list and from where nothing has the keyboard.
document.addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const free = document.activeElement === document.body || byId("services").contains(document.activeElement);
  if (!step || !free || event.altKey || event.ctrlKey || event.metaKey || byId("board").hidden) return;
  event.preventDefault();
  const found = services();
  const next = found[found.findIndex((one) => one.name === choice().name) + step];
  if (!next) return;
  choose(next.name);
  byId("services").querySelector("[aria-current]").focus();
});
setInterval(tick, 1000);

if (claims(token)) look();
else forget("");
