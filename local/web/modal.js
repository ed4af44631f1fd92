// The modal that the app has opened before this person: shown once, submitted until the app is content.

import { draw, text } from "/blocks.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("modal");
const over = new Set(); // ids of the modals that this page has closed
let open; // the modal that is shown
let gone = () => {}; // tells that it has gone

const inputs = () => [...byId("modal-blocks").querySelectorAll("[data-block]")];

const complain = (errors) => {
  for (const input of inputs()) {
    const wrong = errors[input.dataset.block] ?? "";
    byId(`${input.id}-error`).textContent = wrong;
    input.setAttribute("aria-invalid", String(Boolean(wrong)));
  }
  inputs().find((input) => errors[input.dataset.block])?.focus();
};

const busy = (working) => {
  byId("modal-submit").setAttribute("aria-disabled", String(working));
  byId("modal-submit").replaceChildren(working ? "Working…" : text(open.submit));
};

const draft = (view) => {
  byId("modal-title").replaceChildren(text(view.title));
  byId("modal-blocks").replaceChildren(...view.blocks.map((block) => draw(block)));
  byId("modal-trouble").textContent = "";
  byId("modal-close").replaceChildren(view.close ? text(view.close) : "Cancel");
  byId("modal-submit").hidden = !view.submit;
  if (view.submit) busy(false);
  const wanted = view.blocks.find((block) => block.element?.focus_on_load)?.block_id;
  (inputs().find((input) => input.dataset.block === wanted) ?? inputs()[0])?.focus();
};

// Closes what Slack has closed already.
const finish = () => {
  over.add(open.id);
  dialog.close();
};

// Follows what is open in Slack: opens, changes and closes with it.
export const follow = (view) => {
  if (!view || over.has(view.id)) {
    if (dialog.open) finish();
    return;
  }
  if (dialog.open && open.id === view.id) return;
  if (!dialog.open) {
    gone();
    dialog.showModal();
  }
  open = view;
  draft(view);
};

// `ask(path, body)` talks to Slack as this person; `closed` is called when the modal has gone.
export const start = (ask, closed) => {
  byId("modal-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (byId("modal-submit").getAttribute("aria-disabled") === "true") return;
    const { id } = open;
    const values = Object.fromEntries(inputs().map((input) => [input.dataset.block, input.value]));
    byId("modal-trouble").textContent = "";
    busy(true);
    const shown = () => dialog.open && open.id === id;
    try {
      const { errors } = await ask("submit", { modal: id, values });
      if (!shown()) return;
      complain(errors);
      if (!Object.keys(errors).length) finish();
    } catch (error) {
      if (!shown()) return;
      complain({});
      byId("modal-trouble").textContent = error.message;
    } finally {
      if (shown()) busy(false);
    }
  });
  gone = () => {
    if (!open) return;
    const { id } = open;
    open = undefined;
    if (!over.has(id)) {
      over.add(id);
      // It may have been closed elsewhere already.
      ask("close", { modal: id }).catch(() => {});
    }
    closed();
  };
  byId("modal-close").addEventListener("click", () => dialog.close());
  // The browser tells of it late, perhaps when the next one is open: `follow` has told then.
  dialog.addEventListener("close", () => dialog.open || gone());
};
