// The service map: who calls whom, drawn in the layers that the API says; a click shows sample traces and their log lines.

import { byId, drawn, element, link, paint, shape } from "./nodes.js";
import { capital, clock, count, epoch, lasting, plural, precise, seconds, since, tidy, trimmed } from "./words.js";

const EVERY = 60; // seconds between two looks, while it is on the screen
const HEIGHT = 56; // of a node
const GUTTER = 16; // between two nodes on a narrow screen
// How wide a node is at least, and the space between two layers: where only that fits, and else.
const [TIGHT, ROOMY] = [[136, 30], [150, 48]];
const NARROW = 640; // below that layers stand one below the other
const STATUS = { red: "hurts", amber: "needs a look", grey: "not called", green: "well" };
const MET = { fault: ["red", "failed"], throttle: ["amber", "throttled"], error: ["amber", "refused"], ok: ["green", "went well"] };

const share = (value) => (value === null ? "–" : value > 0 && value < 0.001 ? "under 0.1 %" : `${trimmed(100 * value, value < 0.1 ? 1 : 0)} %`);
const took = (value) => (value === null || value === undefined ? "–" : seconds(value));
const called = (node) => (node.type === "client" ? "outside" : node.name);
const bad = (one) => one.faults > 0 && one.status !== "green";
const note = (one) =>
  bad(one) ? `${share(one.fault_share)} fail` : one.slower ? `p95 ${took(one.p95)}` : one.throttles && one.status === "amber" ? `${count(one.throttles)} throttled` : "";
const told = (one) =>
  one.requests
    ? `${share(one.fault_share)} of ${plural(one.requests, "sampled call")} fail${one.before ? `, ${share(one.before.fault_share)} before` : ""}; p95 ${took(one.p95)}${one.before ? `, ${took(one.before.p95)} before` : ""}`
    : "no calls of its own";

// Where nodes stand in a width: side by side by layer; on a narrow screen one layer below the other, two by two.
export const place = ({ nodes, rows }, width) => {
  const found = new Map();
  const layers = rows.length;
  const inLayer = (layer) => nodes.filter((one) => one.layer === layer).sort((one, other) => one.row - other.row);
  if (width < NARROW) {
    const size = (width - 4 - GUTTER) / 2;
    let y = 2;
    for (let layer = 0; layer < layers; layer += 1) {
      const some = inLayer(layer);
      for (let from = 0; from < some.length; from += 2) {
        const pair = some.slice(from, from + 2);
        pair.forEach(({ id }, number) => found.set(id, { x: 2 + (some.length === 1 ? (size + GUTTER) / 2 : number * (size + GUTTER)), y, first: from === 0 }));
        y += HEIGHT + 16;
      }
      y += 26;
    }
    return { found, wide: false, size, gap: 0, width, height: Math.max(0, y - 40) };
  }
  const needs = ([node, space]) => layers * (node + space) - space + 4;
  const [least, close] = needs(ROOMY) > width && needs(TIGHT) <= width ? TIGHT : ROOMY;
  const size = Math.max(least, Math.min(190, (width - 4 - (layers - 1) * close) / layers));
  const gap = Math.max(close, Math.min(140, (width - 4 - layers * size) / Math.max(1, layers - 1)));
  const step = HEIGHT + 18;
  const most = Math.max(0, ...rows);
  const top = (layer) => 2 + ((most - rows[layer]) * step) / 2;
  const slot = (layer, row) => ({ x: 2 + layer * (size + gap), y: top(layer) + row * step });
  for (const { id, layer, row } of nodes) found.set(id, slot(layer, row));
  return { found, slot, wide: true, size, gap, width: layers * size + Math.max(0, layers - 1) * gap + 4, height: Math.max(0, most * step - 14) };
};

// The way of a call from the edge of its caller to that of its callee, through its bends: a path, its end and its middle.
export const way = ({ caller, callee, bends }, layer, { found, slot, wide, size, width }) => {
  const [from, to] = [found.get(caller), found.get(callee)];
  if (!wide) {
    const [toX, toY] = [to.x + size / 2, to.y];
    let [x, y] = [from.x + size / 2, from.y + HEIGHT];
    let path = `M${x} ${y}`;
    // To a second row, or past a layer, through the gutter in the middle.
    if (toY - y > HEIGHT + 30) {
      path += `C${x} ${y + 14} ${width / 2} ${y + 6} ${width / 2} ${y + 20}L${width / 2} ${toY - 20}`;
      [x, y] = [width / 2, toY - 20];
    }
    const bow = Math.max(10, Math.abs(toY - y) / 2);
    return { path: `${path}C${x} ${y + bow} ${toX} ${toY - bow} ${toX} ${toY}`, end: [toX, toY] };
  }
  const half = HEIGHT / 2;
  const turned = layer(caller) > layer(callee);
  const first = Math.min(layer(caller), layer(callee));
  let stops = bends.map((row, number) => slot(first + 1 + number, row));
  if (turned) stops = stops.reverse();
  let [x, y] = [from.x + size, from.y + half];
  let path = `M${x} ${y}`;
  const curve = (toX, toY) => {
    const bow = toX > x ? (toX - x) / 2 : 60;
    path += `C${x + bow} ${y} ${toX - bow} ${toY} ${toX} ${toY}`;
    [x, y] = [toX, toY];
  };
  for (const stop of stops) {
    curve(turned ? stop.x + size : stop.x, stop.y + half);
    x = turned ? stop.x : stop.x + size;
    path += `L${x} ${y}`;
  }
  const before = [x, y];
  curve(to.x, to.y + half);
  return { path, end: [x, y], middle: [(before[0] + x) / 2, (before[1] + y) / 2] };
};

// As much of a text as there is room for, in the font that it will have.
const pen = document.createElement("canvas").getContext("2d");
const fitting = (text, font, room) => {
  pen.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  if (pen.measureText(text).width <= room) return text;
  let kept = text;
  while (kept && pen.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
  return `${kept.trimEnd()}…`;
};

const picture = (map, width, open) => {
  const places = place(map, width);
  const { found, wide, size } = places;
  const layers = new Map(map.nodes.map((one) => [one.id, one.layer]));
  const names = new Map(map.nodes.map((one) => [one.id, called(one)]));
  const svg = drawn("svg", {
    class: "map-picture", viewBox: `0 0 ${places.width} ${places.height + 4}`, width: places.width, height: places.height + 4,
    role: "group", "aria-label": "Service map: callers first. Enter on a service shows sample traces; the table below has all calls",
  });
  // The worst on top of the others.
  for (const edge of [...map.edges].reverse()) {
    const { path, end: [x, y], middle } = way(edge, (id) => layers.get(id), places);
    // Where there is room; the node that is called says it anyway.
    const text = places.gap >= 90 && note(edge);
    svg.append(
      drawn(
        "g",
        { class: `edge is-${edge.status}`, click: () => open(edge) },
        drawn("title", {}, `${names.get(edge.caller)} calls ${names.get(edge.callee)}: ${told(edge)}`),
        drawn("path", { class: "edge-line", d: path, "stroke-width": (1 + Math.min(3, Math.log10(1 + edge.requests))).toFixed(1) }),
        drawn("path", { class: "edge-end", d: wide ? `M${x - 9} ${y - 5}L${x} ${y}L${x - 9} ${y + 5}z` : `M${x - 5} ${y - 9}L${x} ${y}L${x + 5} ${y - 9}z` }),
        text && drawn("text", { class: "edge-note", x: middle[0], y: middle[1] - 6, "text-anchor": "middle" }, text),
        // A line is thin, and fingers are not.
        drawn("path", { class: "edge-hit", d: path }),
      ),
    );
  }
  for (const node of [...map.nodes].sort((one, other) => one.layer - other.layer || one.row - other.row)) {
    const { x, y } = found.get(node.id);
    const outside = node.type === "client";
    const act = () => open(node);
    const sign = outside ? null : shape(node.status);
    if (sign) for (const [key, value] of Object.entries({ x: 12, y: 11, width: 14, height: 14 })) sign.setAttribute(key, value);
    svg.append(
      drawn(
        "g",
        {
          class: `node is-${node.status} ${outside ? "is-outside" : ""}`, transform: `translate(${x} ${y})`, tabindex: "0", role: "button", "data-key": `node ${node.id}`,
          "aria-label": outside ? "Calls from outside" : `${node.name}, ${node.label}, ${STATUS[node.status]}: ${told(node)}`,
          click: act,
          keydown: (event) => {
            if (event.key !== "Enter" && event.key !== " ") return;
            event.preventDefault();
            act();
          },
        },
        drawn("title", {}, outside ? "Calls from outside" : node.name),
        drawn("rect", { class: "node-box", width: size, height: HEIGHT, rx: 12 }),
        sign,
        drawn("text", { class: "node-name", x: outside ? 14 : 34, y: 23 }, outside ? "Outside" : fitting(node.name, "600 14px", size - 44)),
        drawn("text", { class: "node-note", x: 14, y: 43 }, outside ? "who calls" : fitting([note(node) || `p95 ${took(node.p95)}`, node.label].join(" · "), "12px", size - 26)),
      ),
    );
  }
  return svg;
};

const table = (map, open) => {
  const names = new Map(map.nodes.map((one) => [one.id, called(one)]));
  const head = ["Caller", "Callee", "Calls", "Fail", "Failed before", "p95", "p95 before", "Samples"];
  const box = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "All calls of the map, the worst first" });
  box.append(
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, "All calls of the map, the worst first"),
      element("thead", {}, element("tr", {}, head.map((text) => element("th", { scope: "col" }, text)))),
      element(
        "tbody",
        {},
        map.edges.map((one) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, names.get(one.caller)),
            element("td", { class: `is-${one.status} callee` }, shape(one.status), element("span", { class: "unseen" }, `${STATUS[one.status]}: `), names.get(one.callee)),
            [count(one.requests), share(one.fault_share), share(one.before?.fault_share ?? null), took(one.p95), took(one.before?.p95)].map((text) => element("td", {}, text)),
            element("td", {}, element("button", { type: "button", class: "button is-quiet", "data-key": `edge ${one.caller} ${one.callee}`, click: () => open(one) }, "Traces", element("span", { class: "unseen" }, ` of calls from ${names.get(one.caller)} to ${names.get(one.callee)}`))),
          ),
        ),
      ),
    ),
  );
  return element("details", { class: "as-table", "data-key": "map table" }, element("summary", { "data-key": "map summary" }, "Table"), box);
};

// One trace: its steps as bars on its time, and its log lines.
const step = (one, whole) => {
  const bar = element("span", { class: "step-full" });
  bar.style.marginLeft = `${Math.min(99, (100 * one.after) / whole)}%`;
  bar.style.width = `${Math.max(0.6, Math.min(100, (100 * (one.seconds ?? 0)) / whole))}%`;
  const said = [one.label, one.asked ?? [one.aws.operation, one.aws.table].filter(Boolean).join(" "), one.http_status].filter(Boolean).join(" · ");
  const name = element("span", { class: "step-name" }, one.met !== "ok" && [shape(MET[one.met][0]), element("span", { class: "unseen" }, `${MET[one.met][1]}: `), " "], one.name);
  name.style.paddingLeft = `${Math.min(6, one.depth) * 12}px`;
  return element(
    "li",
    { class: `step is-${MET[one.met][0]}` },
    name,
    element("span", { class: "step-took" }, one.seconds === null ? "under way" : seconds(one.seconds)),
    element("span", { class: "step-bar", "aria-hidden": "true" }, bar),
    said && element("span", { class: "step-said" }, said),
    one.exception && element("span", { class: "step-thrown" }, [one.exception, one.message].filter(Boolean).join(": "), one.where && ` (${one.where})`),
  );
};
const followed = (trace) => {
  const whole = Math.max(trace.seconds, 1e-6);
  const { lines } = trace;
  return [
    element("p", { class: "trace-says" }, trace.answer),
    element("ol", { class: "steps" }, trace.steps.map((one) => step(one, whole))),
    element("h4", {}, "Log lines"),
    lines.lines.length > 0 &&
      element(
        "div",
        { class: "lines", tabindex: "0", role: "region", "aria-label": "Log lines of this trace" },
        element("ol", {}, lines.lines.map((one) => element("li", {}, element("span", { class: "line-at" }, `${precise.format(new Date(one.at))} ${one.group}`), element("code", {}, one.text)))),
      ),
    lines.why && element("p", { class: "note" }, capital(lines.why)),
    element("p", { class: "note" }, trace.id, " · ", link(trace.console, "In AWS's console", `console ${trace.id}`)),
  ];
};

// Reads and draws the map for as long as it is on the screen; `ask` asks the API.
export const serviceMap = (ask) => {
  let service = "";
  let whole = false; // all services, not only the one that is chosen
  let known = {}; // { of, data, wrong, at }
  let seen = false;
  let reading; // stops the reading that is under way
  let looking; // stops the search for traces that is
  let timer;

  const of = () => (whole || !service ? "" : service);
  const fresh = () => known.of === of() && known.at && Date.now() - known.at < 1000 * EVERY - 500;
  const look = async () => {
    clearTimeout(timer);
    if (!seen || !service || document.hidden) return;
    timer = setTimeout(look, 1000 * EVERY);
    if (fresh()) return;
    reading?.abort();
    reading = new AbortController();
    const { signal } = reading;
    const wanted = of();
    const at = Date.now();
    try {
      const data = await ask(`v1/traces/map${wanted ? `?service=${encodeURIComponent(wanted)}` : ""}`, { signal });
      known = { of: wanted, data, at };
    } catch (error) {
      if (signal.aborted || !service) return;
      known = { ...(known.of === wanted ? known : {}), of: wanted, wrong: error.message, at: 0 };
    }
    paintAll();
  };

  const open = (map) => (one) => {
    const names = new Map(map.nodes.map((node) => [node.id, node]));
    const [caller, callee] = one.callee ? [names.get(one.caller), names.get(one.callee)] : [null, one];
    const dialog = byId("moment");
    const list = element("div", { role: "status" }, element("p", { class: "note" }, "Looking for sample traces…"));
    const before = one.before;
    const facts = [
      ["Sampled calls", one.requests ? `${count(one.requests)} in ${lasting(epoch(map.until) - epoch(map.since))}` : "–", before ? count(before.requests) : "–"],
      ["Fail", share(one.fault_share), before ? share(before.fault_share) : "–"],
      ["p95", took(one.p95), before ? took(before.p95) : "–"],
    ];
    byId("moment-title").textContent = caller ? `${called(caller)} → ${called(callee)}` : callee.type === "client" ? "From outside" : callee.name;
    byId("moment-body").replaceChildren(
      element("p", { class: "note" }, [callee.label, callee.services.length > 0 && `of ${callee.services.join(", ")}`].filter(Boolean).join(" ")),
      element(
        "table",
        { class: "facts" },
        element("thead", {}, element("tr", {}, ["", "Now", "Hour before"].map((text) => element(text ? "th" : "td", text ? { scope: "col" } : {}, text)))),
        element("tbody", {}, facts.map(([what, ...values]) => element("tr", {}, element("th", { scope: "row" }, what), values.map((value) => element("td", {}, value))))),
      ),
      element("h3", {}, one.faults > 0 ? "Traces that failed here" : one.slower ? "Traces that were slow here" : "Latest traces"),
      list,
    );
    if (!dialog.open) dialog.showModal();
    byId("moment-title").focus();
    sample(list, caller, callee, one);
  };

  const sample = async (list, caller, callee, one) => {
    const query = new URLSearchParams({ limit: "8" });
    const named = (key, node) => {
      query.set(key, node.name);
      if (node.type) query.set(key === "node" ? "type" : "caller_type", node.type);
    };
    if (callee.type !== "client") named("node", callee);
    if (caller && callee.type !== "client") named("caller", caller);
    if (one.faults > 0) query.set("kind", "fault");
    else if (one.slower) query.set("slower", `${Math.round(2000 * one.before.p95)}ms`);
    looking?.abort();
    looking = new AbortController();
    const { signal } = looking;
    try {
      const found = await ask(`v1/traces?${query}`, { signal });
      const further = found.traces.length && found.why ? `${capital(found.why)}.` : "There are more: ./parapet traces lists them.";
      const more = found.more ? element("p", { class: "note" }, further) : null;
      list.replaceChildren(
        ...[
          found.traces.length ? element("ul", { class: "traces" }, found.traces.map((trace) => row(trace, signal))) : element("p", { class: "nothing" }, `${capital(found.why ?? "nothing was found")}.`),
          more,
        ].filter(Boolean),
      );
    } catch (error) {
      if (!signal.aborted) list.replaceChildren(element("p", { class: "missing is-wrong" }, `Could not be read: ${error.message}`));
    }
  };

  const row = (trace, signal) => {
    const body = element("div", { class: "trace-body" });
    const [colour, word] = MET[trace.met];
    const failed = trace.failing ? `in ${trace.failing.name}${trace.failing.message ? `: ${trace.failing.message}` : ""}` : "";
    const details = element(
      "details",
      { class: `trace is-${colour}` },
      element(
        "summary",
        { "data-key": `trace ${trace.id}` },
        shape(colour),
        element("span", { class: "trace-what" }, element("b", {}, [trace.method, trace.url?.replace(/^https?:\/\/[^/]+/, "") || trace.entry].filter(Boolean).join(" ")), element("span", {}, ` ${word}${trace.http_status ? ` with ${trace.http_status}` : ""} after ${tidy(seconds(trace.answered))}`)),
        element("time", { datetime: trace.at }, clock.format(new Date(trace.at))),
        failed && element("span", { class: "trace-failed" }, failed),
      ),
      body,
    );
    details.addEventListener("toggle", async () => {
      if (!details.open || body.firstChild) return;
      body.replaceChildren(element("p", { class: "note", role: "status" }, "Reading the trace and its log lines…"));
      try {
        body.replaceChildren(...followed(await ask(`v1/traces/${encodeURIComponent(trace.id)}`, { signal })).flat(9).filter(Boolean));
      } catch (error) {
        if (!signal.aborted) body.replaceChildren(element("p", { class: "missing is-wrong" }, `Could not be read: ${error.message}`));
        if (!signal.aborted) details.addEventListener("toggle", () => details.open || body.replaceChildren(), { once: true });
      }
    });
    return element("li", {}, details);
  };

  const choose = (all) => {
    whole = all;
    paintAll();
    look();
  };
  const paintAll = () => {
    const mine = known.of === of();
    const { data, wrong } = mine ? known : {};
    paint(byId("map"), [service, whole, data, wrong], () => {
      const button = (all, text) => element("button", { type: "button", class: "map-choice", "aria-pressed": String(whole === all), "data-key": `map ${all}`, click: () => choose(all) }, text);
      return [
        element("header", { class: "map-head" }, element("h2", { id: "map-title" }, "Service map"), element("div", { class: "map-choices" }, button(false, service), button(true, "All services"))),
        wrong && element("p", { class: "missing is-wrong" }, `Could not be read: ${wrong}`),
        data ? body(data) : !wrong && element("p", { class: "missing" }, "Reading who calls whom…"),
      ];
    });
  };
  const body = (data) => {
    if (data.status !== "ok") {
      const word = data.status === "denied" ? "May not look" : "No traces";
      return element("div", { class: "instead" }, shape("grey"), element("p", { class: "instead-word" }, word), element("p", { class: "instead-why" }, capital(data.why ?? "")));
    }
    const worst = data.edges.some((one) => one.status === "red") ? "red" : data.edges.some((one) => one.status === "amber") ? "amber" : "green";
    const show = open(data);
    const frame = element("div", { class: "map-frame" });
    const further = element("p", { class: "note", hidden: true }, "There is more to the right: scroll the picture sideways.");
    sizes.set(frame, (width) => {
      const held = frame.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const drawing = picture(data, width, show);
      frame.replaceChildren(drawing);
      further.hidden = Number(drawing.getAttribute("width")) <= width;
      if (held) [...frame.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus({ preventScroll: true });
    });
    observer.observe(frame);
    // At once, so that what had the keyboard is there again.
    const width = byId("map").clientWidth;
    if (width > 0) sizes.get(frame)(width - 2);
    return [
      element("p", { class: `map-says is-${worst}` }, shape(worst), element("span", {}, tidy(data.answer))),
      further,
      frame,
      element("footer", { class: "card-foot" }, element("p", {}, "As of ", since(data.as_of), ". ", capital(data.estimate), "."), table(data, show)),
    ];
  };

  new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    look();
  }, { rootMargin: "80px" }).observe(byId("map"));
  document.addEventListener("visibilitychange", look);

  return {
    draw: (name) => {
      if (name === service) return;
      service = name;
      paintAll();
      look();
    },
    forget: () => {
      for (const one of [reading, looking]) one?.abort();
      clearTimeout(timer);
      service = "";
      known = {};
      byId("map").replaceChildren();
    },
  };
};
const sizes = new WeakMap(); // frame -> what draws its picture in a width
const observer = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (!target.isConnected) observer.unobserve(target);
    else if (contentRect.width > 0) sizes.get(target)(Math.floor(contentRect.width));
  }
});
