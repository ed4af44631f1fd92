// PagerDuty's incidents: what is open comes first, each with its status and its timeline.

import { cards } from "/cards.js";
import { ago, element } from "/mrkdwn.js";

const byId = (id) => document.getElementById(id);
const STATUSES = { triggered: "Triggered", acknowledged: "Acknowledged", resolved: "Resolved" };
const ACTIONS = { trigger: "Triggered", acknowledge: "Acknowledged", resolve: "Resolved" };

const time = (at) => element("time", { datetime: new Date(at * 1000).toISOString(), "data-at": at }, ago(at));

const clock = (at) =>
  element(
    "time",
    { datetime: new Date(at * 1000).toISOString() },
    new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  );

const told = (value) => (typeof value === "string" ? value : JSON.stringify(value));

const details = (incident) => {
  const rows = Object.entries(incident.details).flatMap(([name, value]) => [
    element("dt", {}, name),
    element("dd", {}, told(value)),
  ]);
  const links = incident.links.map(({ href, text }) =>
    element("li", {}, element("a", { href, rel: "noreferrer", target: "_blank" }, text)),
  );
  return [
    ...(links.length ? [element("ul", { class: "card-links" }, ...links)] : []),
    ...(rows.length
      ? [element("details", {}, element("summary", {}, "Details"), element("dl", { class: "facts" }, ...rows))]
      : []),
  ];
};

const entry = ({ at, action, text }, number, { summary }) =>
  element(
    "li",
    { class: `entry ${action}` },
    clock(at),
    element(
      "span",
      {},
      element("strong", {}, action === "trigger" && number ? "Triggered again" : ACTIONS[action]),
      ...(text && text !== summary ? [` ${text}`] : []),
    ),
  );

const card = (incident) =>
  element(
    "li",
    { class: `card incident ${incident.status}` },
    element(
      "p",
      { class: "card-head" },
      element("span", { class: "status" }, STATUSES[incident.status]),
      element("span", { class: `severity is-${incident.severity}` }, incident.severity),
      time(incident.opened),
    ),
    element("h3", { class: "card-title" }, incident.summary),
    element("p", { class: "card-about" }, `#${incident.id} · ${incident.service} · ${incident.source}`),
    ...details(incident),
    element(
      "ol",
      { class: "timeline", "aria-label": "Timeline" },
      ...incident.timeline.map((one, number) => entry(one, number, incident)),
    ),
  );

const draw = cards(byId("pagerduty-list"), card);

// Shows the incidents; returns what is new of them, as people hear it.
export const pagerduty = (incidents) => {
  const open = (one) => one.status !== "resolved";
  const sorted = [...incidents].sort((one, other) => open(other) - open(one) || other.opened - one.opened);
  const news = draw(sorted);
  const counts = ["triggered", "acknowledged"].map((status) => [
    incidents.filter((one) => one.status === status).length,
    status,
  ]);
  byId("pagerduty-count").textContent = counts
    .filter(([count]) => count)
    .map(([count, status]) => `${count} ${status}`)
    .join(" · ");
  byId("pagerduty-empty").hidden = incidents.length > 0;
  return news.map((one) => `PagerDuty, ${one.status}: ${one.summary}`);
};

export const triggered = (incidents) => incidents.filter(({ status }) => status === "triggered").length;
