// One service: its three widgets and its error budgets.

import { chart, scale } from "./chart.js";
import { element, shape } from "./nodes.js";
import { UNITS, capital, epoch, measured, moment, percent, plural, seconds, shared, some, tidy, trimmed } from "./words.js";

const STATES = {
  no_traffic: ["No requests", "Nothing came in, so there is nothing to judge."],
  no_data: ["No data", "CloudWatch tells nothing about it: neither good nor bad."],
  agent_missing: ["The agent is silent", "The CloudWatch agent there reports nothing: is it installed, and running?"],
  denied: ["May not look", "Parapet's role may not read this."],
};
export const WINDOWS = { "3h": "3 hours", "24h": "24 hours", "30d": "30 days" };
const instead = (state, why, more) =>
  element(
    "div",
    { class: "instead" },
    shape("grey"),
    element("p", { class: "instead-word" }, STATES[state]?.[0] ?? state),
    element("p", { class: "instead-why" }, more ?? (why ? capital(why) : STATES[state]?.[1])),
  );
const loading = (wrong) => element("p", { class: wrong ? "missing is-wrong" : "missing" }, wrong ?? "Reading the charts…");
// Since when nothing has come, where that is known.
const unasked = (since) => number("—", since ? `no requests since ${moment(epoch(since))}` : "no requests in the last minutes");
const number = (value, words, bad) =>
  element("p", { class: `number ${bad ? "is-bad" : ""}` }, element("strong", {}, value), " ", element("span", {}, words));

const MAKERS = { target: "made by the target", "load balancer": "made by the load balancer" };
export const availability = (found, { name, points, wrong, marks, span, period, open, silent }) => {
  const head = element("h3", { id: "availability-title" }, "Availability");
  if (found.state !== "ok" && !points?.some(([, value]) => value !== null)) {
    return [head, instead(found.state, found.why), measured(found.at)];
  }
  const goal = found.goal === null ? null : { value: found.goal, words: `goal ${trimmed(found.goal, 4)} %`, above: false };
  const below = (value) => found.goal !== null && value !== null && value < found.goal;
  const made = Object.entries(found.parts).filter((_, __, all) => found.bad > 0 && all.length > 1);
  const [figure, table] = points?.length
    ? chart({
        key: `${name}/availability`,
        label: `Availability of ${name} in percent`,
        series: [{ name: "available", points }],
        goal,
        say: percent,
        // The goal has room below it, however well all goes.
        range: (low) => scale(Math.min(low, found.goal === null ? 99 : 100 - 3 * (100 - found.goal)), 100, 100),
        period,
        span,
        marks,
        open,
      })
    : [];
  const whole = found.value === null ? null : found.bad > 0 && found.value >= 99.999 ? "over 99.999 %" : percent(found.value);
  return [
    head,
    found.now === null || silent
      ? unasked(silent)
      : number(percent(found.now), below(found.now) ? "now, below the goal" : "now", below(found.now)),
    element(
      "p",
      { class: "beside" },
      whole && element("span", {}, element("b", {}, whole), ` over ${WINDOWS[span]}`),
      element("span", {}, element("b", {}, some(found.bad)), ` of ${plural(Math.round(found.total), "request")} failed`),
    ),
    made.length > 0 &&
      element(
        "ul",
        { class: "parts" },
        made.map(([by, bad]) => element("li", {}, element("b", {}, some(bad)), ` ${MAKERS[by] ?? by}`)),
      ),
    figure ?? loading(wrong),
    measured(found.at, table),
  ];
};
export const latency = (found, { name, points, wrong, marks, span, coarse, open, silent }) => {
  const head = element("h3", { id: "latency-title" }, "Latency");
  const main = "p95" in found.values || points?.p95 ? "p95" : Object.keys(found.values)[0] ?? Object.keys(points ?? {})[0];
  const line = points?.[main] ?? [];
  if (found.state !== "ok" && !line.some(([, value]) => value !== null)) {
    return [head, instead(found.state, found.why), measured(found.at)];
  }
  const bound = found.under;
  const goal = bound === null ? null : { value: bound, words: `bound ${seconds(bound)}`, above: true };
  const names = [main, ...Object.keys(points ?? found.values).filter((stat) => stat !== main)];
  const value = found.values[main];
  const over = bound !== null && value !== undefined && value > bound;
  const [figure, table] = line.length
    ? chart({
        key: `${name}/latency`,
        label: `Latency of ${name}`,
        series: names.filter((stat) => points[stat]).map((stat) => ({ name: stat, points: points[stat] })),
        goal,
        say: seconds,
        range: (_, high) => scale(0, Math.max(high, (bound ?? 0) * 1.2, 0.001)),
        period: coarse,
        span,
        marks,
        open,
      })
    : [];
  const called = (stat) => (stat === main && /^p\d/.test(stat) ? stat : stat.toLowerCase());
  return [
    head,
    silent || found.state === "no_traffic"
      ? unasked(silent)
      : value === undefined
        ? number("—", found.state === "ok" ? `${called(main)} is not known` : STATES[found.state][0].toLowerCase())
        : number(seconds(value), `${called(main)} now${over ? ", over the bound" : ""}`, over),
    element(
      "p",
      { class: "beside" },
      names
        .slice(1)
        .filter((stat) => stat in found.values || points?.[stat])
        .map((stat, order) => element("span", { class: `key key-${order + 1}` }, called(stat), !silent && stat in found.values && [" ", element("b", {}, seconds(found.values[stat]))])),
      bound !== null && found.goal !== null && element("span", {}, `goal: ${trimmed(found.goal, 3)} % under ${seconds(bound)}`),
    ),
    figure ?? loading(wrong),
    measured(found.at, table),
  ];
};

const gaugeKey = (one) => `${one.of} ${one.name}`;
const gaugeValue = (one) => {
  if (one.value === null) return "";
  const say = UNITS[one.unit];
  if (one.full === null) return say(one.value);
  if (one.unit === "percent" && one.full === 100) return "";
  return `${say(one.value)} of ${say(one.full)}`;
};
const fullness = (one, chosen, pick) => {
  const unlimited = one.state !== "ok" && one.value !== null;
  const words = one.state === "ok" || unlimited ? (one.share === null ? gaugeValue(one) : shared(one.share)) : STATES[one.state]?.[0] ?? one.state;
  const lacking = unlimited ? `of how much is not known: ${one.why || one.source || "nothing tells its limit"}` : one.why || STATES[one.state]?.[1];
  const bound = one.full !== null && one.source ? `limit: ${one.source}` : "";
  const small = (
    one.state === "ok" ? [one.of, one.share !== null && gaugeValue(one), bound] : [one.of, lacking]
  ).filter(Boolean);
  const bar = element("span", { class: "gauge-full" });
  if (one.share !== null) bar.style.width = `${Math.min(100, Math.max(0, 100 * one.share))}%`;
  return element(
    "li",
    {},
    element(
      "button",
      {
        type: "button",
        class: `gauge ${one.red ? "is-red" : ""} ${one.state === "ok" ? "" : "is-unseen"}`,
        "aria-pressed": String(chosen),
        "data-key": `gauge ${gaugeKey(one)}`,
        click: pick,
      },
      element("span", { class: "gauge-name" }, capital(one.label)),
      element(
        "span",
        { class: "gauge-value" },
        one.red && [shape("red"), element("span", { class: "unseen" }, "bad: ")],
        one.state !== "ok" && shape("grey"),
        words,
      ),
      one.share !== null && element("span", { class: "gauge-bar", "aria-hidden": "true" }, bar),
      element("span", { class: "gauge-small" }, small.join(" · ")),
    ),
  );
};

const FIRST = 3; // gauges that are shown without asking
const troubled = (gauge) => gauge.red || gauge.state !== "ok";

export const saturation = (gauges, { name, picked, pick, wrong, marks, span, coarse, open }) => {
  const head = element("h3", { id: "saturation-title" }, "Saturation");
  if (!gauges.length) {
    return [head, instead("no_data", "", "Nothing that this service stands on is named in parapet.toml, or none of it has a measure of being full.")];
  }
  const one = gauges.find((gauge) => gaugeKey(gauge) === picked) ?? gauges.find((gauge) => gauge.state === "ok") ?? gauges[0];
  const row = (gauge) => fullness(gauge, gauge === one, () => pick(gaugeKey(gauge)));
  const first = gauges.slice(0, FIRST);
  // The one that has the chart is among them.
  if (!first.includes(one)) first[FIRST - 1] = one;
  const more = gauges.filter((gauge) => !first.includes(gauge));
  const share = one.full !== null;
  const say = share ? shared : UNITS[one.unit];
  // Where a limit was looked for and there is none, nothing is bad; a source tells why.
  const bound = share || one.source === null ? one.red_from : null;
  const full = (high) => (one.unit === "percent" ? Math.max(100, high) : Math.max(high * 1.05, 1e-9));
  const [figure, table] = one.points?.length
    ? chart({
        key: `${name}/${gaugeKey(one)}`,
        label: `${capital(one.label)} of ${one.of}`,
        caption: `${capital(one.label)}, ${one.of}`,
        series: [{ name: one.label, points: one.points }],
        goal: bound === null ? null : { value: bound, words: `bad ${one.falls ? "below" : "from"} ${say(bound)}`, above: !one.falls },
        say,
        range: (_, high) => scale(0, share ? Math.max(1, high) : Math.max(full(high), (bound ?? 0) * 1.2)),
        period: coarse,
        span,
        marks,
        open,
      })
    : [];
  return [
    head,
    element("ul", { class: "gauges" }, first.map(row)),
    more.length > 0 &&
      element(
        "details",
        { class: "more", "data-key": "gauges" },
        element("summary", { "data-key": "more gauges" }, `${more.length} more${more.some(troubled) ? "" : ", all well"}`),
        element("ul", { class: "gauges" }, more.map(row)),
      ),
    figure ?? (one.points === undefined && loading(wrong)),
    measured(one.at, table),
  ];
};

// An hour at which this share of it is spent pages, as chalicelib/slo/burn.py has it.
const PAGING = 0.02;
// `alarmed`: what its alarms tell, which may come before or last longer than what is counted here.
export const budget = (one, alarmed) => {
  const left = element("span", { class: "budget-left" });
  const share = one.left === null ? null : Math.min(1, Math.max(0, one.left));
  left.style.width = `${100 * (share ?? 0)}%`;
  const spent = one.left !== null && one.left <= 0;
  const fast = one.burn["1h"] > PAGING * one.days * 24 && one.burn["5m"] > 1;
  const colour =
    spent || one.level === "page" || alarmed === "page"
      ? "red"
      : one.level === "ticket" || alarmed || fast
        ? "amber"
        : one.state === "ok"
          ? "green"
          : "grey";
  const kind = one.aspect === "latency" && one.under !== null ? `${trimmed(one.goal, 4)} % under ${seconds(one.under)}` : `${trimmed(one.goal, 4)} % good`;
  return element(
    "li",
    { class: `budget is-${colour}` },
    element("p", { class: "budget-name" }, shape(colour), element("b", {}, capital(one.name)), element("span", {}, ` ${kind} over ${one.days} days`)),
    element("span", { class: `budget-bar ${share === null ? "is-unknown" : ""}`, "aria-hidden": "true" }, left),
    element("p", { class: "budget-says" }, tidy(one.sentence), alarmed && !one.level && " Its alarm is on."),
  );
};

