// What happened around a moment: the answer, whom to suspect and what speaks against it, what could not be looked at.

import { element } from "./nodes.js";
import { capital, epoch, tidy, universal } from "./words.js";

const POLL = 1000; // milliseconds between two looks at an explanation that is being worked out
const LONGEST = 30; // so many looks at most

const FATES = { partial: "in part", denied: "not allowed", late: "too slow", failed: "failed", no_data: "no data" };
const share = (value) => `${Math.round(100 * value)} %`;

const reasons = (mark, title, lines) =>
  lines.length > 0 &&
  element(
    "ul",
    { class: `reasons is-${mark}`, "aria-label": title },
    lines.map((one) => element("li", {}, element("span", { class: "unseen" }, `${title}: `), tidy(one))),
  );

const suspect = (one, than) =>
  element(
    "li",
    { class: "suspect" },
    element(
      "p",
      { class: "suspect-title" },
      // Of a call it is the name of whom it goes to.
      element("span", {}, one.kind === "edge" ? one.title : capital(one.title)),
      element("span", { class: "suspect-score", title: "how likely" }, share(one.score)),
    ),
    element("p", { class: "item-why" }, element("time", { datetime: one.at }, universal(epoch(one.at), than))),
    reasons("for", "for it", one.evidence),
    reasons("against", "against it", one.against),
  );

// What is offered about the first suspect: asking for it does nothing yet, but puts the question to people.
const offered = (one, ask) => {
  const said = element("p", { class: "note", role: "status" }, one.ask ? `It can be taken back: ${one.what}.` : `It is not offered to take it back: ${one.why}.`);
  const press = async ({ currentTarget: button }) => {
    button.disabled = true;
    try {
      await ask(`v1/changes/${one.change}/revert`, { body: {} });
      said.textContent = `Asked whether to ${one.what}: the question comes under “Waiting for you” within seconds.`;
      button.remove();
    } catch (error) {
      said.textContent = `It could not be asked for: ${error.message}`;
      button.disabled = false;
    }
  };
  return [said, one.ask && element("button", { type: "button", class: "button", "data-key": "revert", click: press }, "Ask to take it back")];
};

const looked = (one) =>
  element(
    "li",
    {},
    element("b", {}, capital(one.id)),
    one.status === "ok" ? "" : ` (${FATES[one.status] ?? one.status})`,
    `: ${tidy([one.answer, one.reason].filter(Boolean).join("; ") || "nothing")}`,
  );

const drawn = (told, ask) => [
  element("p", { class: "answer" }, tidy(told.answer)),
  told.onset && told.done && element("p", { class: "note" }, `${share(told.confidence)} sure`),
  told.suspects.length > 0 && element("ol", { class: "suspects" }, told.suspects.map((one) => suspect(one, epoch(told.as_of)))),
  told.revert?.guardrail && offered(told.revert, ask),
  told.before.length > 0 &&
    element("p", { class: "note" }, `It was so before: ${told.before.map((one) => universal(epoch(one.at), 0)).join(", ")}`),
  // Of what is still being looked at nothing is shown as if it were all.
  told.done &&
    told.sections.length > 0 &&
    element(
      "details",
      { class: "more", "data-key": "sections" },
      element("summary", { "data-key": "sections" }, `What was looked at${told.sections.every((one) => one.status === "ok") ? "" : ": not everything could be"}`),
      element("ul", { class: "looked" }, told.sections.map(looked)),
    ),
];

// Explains a moment within a node; `ask` is how the API is asked.
export const explain = async (node, ask, path) => {
  const show = (told, ...more) => node.replaceChildren(...[drawn(told, ask), more].flat(9).filter(Boolean));
  const wait = () => element("p", { class: "note" }, "Looking at traces and log lines…");
  const open = (told) => !told.done && told.status !== "given_up";

  const whole = async (first) => {
    show(first, wait());
    try {
      let told = await ask(`${path}&depth=full`);
      for (let looks = 0; open(told) && looks < LONGEST && node.isConnected; looks += 1) {
        // What was seen at once stays until there is more.
        show(told.onset ? told : first, wait());
        await new Promise((resolve) => setTimeout(resolve, POLL));
        told = await ask(`v1/explanations/${told.id}`);
      }
      const unfinished = element("p", { class: "note" }, "Nobody has finished looking: try again in a minute.");
      if (told.done || told.onset) show(told, !told.done && unfinished);
      else show(first, unfinished);
    } catch (error) {
      show(first, element("p", { class: "note" }, `It could not be looked at any closer: ${error.message}`));
    }
  };
  const told = await ask(path);
  show(told, element("button", { type: "button", class: "button is-quiet", "data-key": "thoroughly", click: () => whole(told) }, "Look thoroughly"));
};
