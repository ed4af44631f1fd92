// Charts: lines over time as SVG, with a cursor that mouse, finger and keyboard move, and the same as a table.

import { drawn, element } from "./nodes.js";
import { capital, clock, dated, moment } from "./words.js";

const cursors = new Map(); // chart -> the time that its cursor is at
export const forgetCursors = () => cursors.clear();

const nice = (rough) => {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 2.5, 5, 10].find((step) => step * power >= rough - 1e-12) ?? 10);
};
export const scale = (low, high, fixed) => {
  const step = nice(Math.max((high - low) / 3, 1e-9));
  const bottom = Math.max(0, Math.floor(low / step + 1e-9) * step);
  const top = fixed ?? Math.ceil(high / step - 1e-9) * step;
  const ticks = [];
  for (let at = fixed === undefined ? bottom : top; at >= bottom - 1e-9 && at <= top + 1e-9; at += fixed === undefined ? step : -step) {
    ticks.push(Number(at.toFixed(9)));
  }
  return { bottom, top, ticks };
};
const hours = (from, until, span, wide) => {
  const every = { "3h": wide ? 0.5 : 1, "24h": wide ? 3 : 6, "30d": wide ? 96 : 168 }[span];
  const found = [];
  const at = new Date(from * 1000);
  if (span === "30d") {
    const last = new Date(until * 1000);
    last.setHours(0, 0, 0, 0);
    while (last / 1000 > from) {
      found.push(last / 1000);
      last.setDate(last.getDate() - every / 24);
    }
    return found.reverse();
  }
  at.setMinutes(0, 0, 0);
  for (; at / 1000 < until; at.setMinutes(at.getMinutes() + 30)) {
    if (at / 1000 >= from && (at.getHours() + at.getMinutes() / 60) % every === 0) found.push(at / 1000);
  }
  return found;
};
// A line that stops where nothing is known; a point alone is a dot.
const line = (points, x, y) => {
  let path = "";
  const dots = [];
  points.forEach(([at, value], number) => {
    if (value === null) return;
    const before = points[number - 1]?.[1] ?? null;
    const after = points[number + 1]?.[1] ?? null;
    if (before === null && after === null) dots.push([x(at), y(value)]);
    else path += `${before === null ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return { path, dots };
};
const stretches = (points, period) => {
  const found = [];
  for (const [at, value] of points) {
    const last = found.at(-1);
    if (value !== null) continue;
    if (last && last[1] === at) last[1] = at + period;
    else found.push([at, at + period]);
  }
  return found;
};

// Where something began.
const mark = (x, y) => drawn("path", { class: "mark", d: `M${x} ${y}l-4 7h8z` });

let charts = 0;
// Makes the figure of a chart of one or more series over the same periods, and the same as a table.
//   key, label: what it is; series: [{ name, points }], the first the one that counts
//   caption: what stands above it, where its card does not tell
//   goal: { value, words, above } where there is a bound, and whether it is bad to be above it
//   say: what a value is called; range: (lowest, highest) -> scale; marks: [{ at, words }] on the axis of time
export const chart = ({ key, label, caption, series, goal, say, range, period, span, marks = [], open }) => {
  const number = ++charts;
  const main = series[0].points;
  const from = main[0][0];
  const until = main.at(-1)[0] + period;
  const begun = marks.filter(({ at }) => at >= from && at < until);
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
  const place = main.findLastIndex(([, value]) => value !== null);
  const readout = element("span", { class: "readout" });
  const svg = drawn("svg", { class: "plot", role: "img", "aria-labelledby": `chart-${number}-title chart-${number}-desc` });
  const slider = element("div", {
    class: "cursor",
    role: "slider",
    tabindex: "0",
    "data-key": `${key}/cursor`,
    "aria-label": `${label}: a moment. Enter tells what happened then`,
    "aria-valuemin": 0,
    "aria-valuemax": main.length - 1,
  });
  let index = place < 0 ? main.length - 1 : place;
  const kept = main.findIndex(([at]) => at === cursors.get(key));
  if (kept >= 0) index = kept;
  let pointer = () => {};

  const told = (at) =>
    series
      .map(({ name, points }) => {
        const value = points[at]?.[1] ?? null;
        return `${series.length > 1 ? `${name} ` : ""}${value === null ? "no data" : say(value)}`;
      })
      .join(" · ");
  const move = (to, shown = true) => {
    index = Math.max(0, Math.min(main.length - 1, to));
    slider.setAttribute("aria-valuenow", index);
    slider.setAttribute("aria-valuetext", `${moment(main[index][0])}: ${told(index)}`);
    readout.replaceChildren(...(shown ? [element("strong", {}, moment(main[index][0])), ` ${told(index)}`] : []));
    pointer(shown);
  };
  const resting = () => move(index, document.activeElement === slider);
  const under = (event) => {
    const box = slider.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * main.length);
  };
  const keys = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e6, End: 1e6 };
  slider.addEventListener("pointermove", (event) => event.pointerType === "mouse" && move(under(event)));
  slider.addEventListener("pointerleave", resting);
  slider.addEventListener("focus", () => move(index));
  slider.addEventListener("blur", resting);
  slider.addEventListener("click", (event) => {
    move(under(event));
    cursors.set(key, main[index][0]);
    open(main[index][0], period);
  });
  slider.addEventListener("keydown", (event) => {
    if (event.key in keys) {
      move(index + keys[event.key]);
      cursors.set(key, main[index][0]);
    } else if (event.key === "Enter" || event.key === " ") open(main[index][0], period);
    else return;
    event.preventDefault();
  });

  const lowest = values.length ? Math.min(...values) : null;
  const described = [
    `From ${moment(from)} to ${moment(until)}.`,
    values.length ? `Between ${say(lowest)} and ${say(Math.max(...values))}.` : "Nothing is known of it.",
    place >= 0 && `The newest is ${say(main[place][1])}, at ${moment(main[place][0])}.`,
    goal && `${capital(goal.words)}.`,
    `${main.filter(([, value]) => value === null).length} of ${main.length} periods have no data.`,
    ...marks.map(({ at, words }) => `${words} at ${moment(at)}.`),
  ].filter(Boolean);

  const size = (width, height) => {
    const { bottom, top, ticks } = range(lowest ?? 0, values.length ? Math.max(...values) : 1);
    const left = 8 + Math.max(...ticks.map((tick) => say(tick).length)) * 6.2;
    const [right, above, below] = [6, 8, 22];
    const x = (at) => left + ((at - from) / (until - from)) * (width - left - right);
    const y = (value) => above + (1 - (value - bottom) / (top - bottom)) * (height - above - below);
    const middle = (at) => x(at + period / 2);
    const floor = height - below;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const bound = goal && goal.value >= bottom && goal.value <= top ? y(goal.value) : null;
    const paths = series.map(({ name, points }, order) => ({ name, order, ...line(points, middle, y) })).reverse();
    const bad = bound === null ? null : goal.above ? [0, bound] : [bound, height - bound];
    const strokes = (more) =>
      paths.map(({ path, dots, order }) => [
        path && drawn("path", { class: `line line-${order} ${more}`, d: path }),
        dots.map(([cx, cy]) => drawn("circle", { class: `dot line-${order} ${more}`, cx, cy, r: 1.6 })),
      ]);
    const hair = drawn("line", { class: "hair", y1: above, y2: floor, visibility: "hidden" });
    const ball = drawn("circle", { class: "ball", r: 3.5, visibility: "hidden" });
    svg.replaceChildren(
      drawn("title", { id: `chart-${number}-title` }, label),
      drawn("desc", { id: `chart-${number}-desc` }, described.join(" ")),
      ...ticks.flatMap((tick) => [
        drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
        drawn("text", { class: "tick", x: left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, say(tick)),
      ]),
      ...stretches(main, period).map(([start, end]) =>
        drawn("rect", { class: "unknown", x: x(start), width: Math.max(1, x(end) - x(start)), y: floor - 3, height: 3 }),
      ),
      ...hours(from, until, span, width > 460).map((at) =>
        drawn(
          "text",
          { class: "tick", x: Math.min(width - 18, Math.max(left + 10, x(at))), y: height - 6, "text-anchor": "middle" },
          (span === "30d" ? dated : clock).format(new Date(at * 1000)),
        ),
      ),
      ...(bad
        ? [
            drawn("clipPath", { id: `chart-${number}-bad` }, drawn("rect", { x: 0, width, y: bad[0], height: bad[1] })),
            drawn("line", { class: "goal", x1: left, x2: width - right, y1: bound, y2: bound }),
          ]
        : []),
      ...strokes("").flat(9).filter(Boolean),
      ...(bad
        ? [drawn("g", { "clip-path": `url(#chart-${number}-bad)` }, ...strokes("is-bad").flat(9).filter(Boolean))]
        : []),
      ...begun.map(({ at }) => mark(x(at), floor - 1)),
      hair,
      ball,
    );
    slider.style.left = `${left}px`;
    slider.style.right = `${right}px`;
    pointer = (shown) => {
      const [at, value] = main[index];
      for (const end of ["x1", "x2"]) hair.setAttribute(end, middle(at));
      hair.setAttribute("visibility", shown ? "visible" : "hidden");
      ball.setAttribute("visibility", shown && value !== null ? "visible" : "hidden");
      if (value === null) return;
      ball.setAttribute("cx", middle(at));
      ball.setAttribute("cy", y(value));
    };
    resting();
  };
  const frame = element("div", { class: "frame" }, svg, slider);
  sizes.set(frame, size);
  observer.observe(frame);
  const rows = () =>
    main.map(([at], row) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, moment(at)),
        series.map(({ points }) => element("td", {}, points[row][1] === null ? "no data" : say(points[row][1]))),
      ),
    );
  const table = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": `${label}, as a table` });
  const details = element("details", { class: "as-table", "data-key": `${key}/table` }, element("summary", { "data-key": `${key}/summary` }, "Table"), table);
  details.addEventListener("toggle", () => {
    if (!details.open || table.firstChild) return;
    table.append(
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, label),
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "From"), series.map(({ name }) => element("th", { scope: "col" }, name)))),
        element("tbody", {}, rows().reverse()),
      ),
    );
  });
  const legend = [
    caption && element("span", {}, caption),
    goal && element("span", { class: "bound" }, goal.words),
    begun.length > 0 && element("span", { class: "begun" }, drawn("svg", { viewBox: "0 0 8 7", "aria-hidden": "true" }, mark(4, 0)), begun.length === 1 ? "an alarm or alert began" : "alarms or alerts began"),
  ];
  return [element("figure", { class: "chart" }, element("figcaption", {}, legend, readout), frame), details];
};
const sizes = new WeakMap(); // frame -> what draws its chart in a size
const observer = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (!target.isConnected) observer.unobserve(target);
    else if (contentRect.width > 0) sizes.get(target)(Math.round(contentRect.width), Math.round(contentRect.height));
  }
});

