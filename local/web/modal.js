// The modal that the app has opened before this person: shown once, submitted until the app is content.

import { draw, text } from "/blocks.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("modal");
const over = new Set(); // ids of the modals that this page has closed
let open; // the modal that is shown

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
  open = view;
  if (!dialog.open) dialog.showModal();
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
    try {
      const { errors } = await ask("submit", { modal: id, values });
      complain(errors);
      if (!Object.keys(errors).length && dialog.open) finish();
    } catch (error) {
      complain({});
      byId("modal-trouble").textContent = error.message;
    } finally {
      busy(false);
    }
  });
  byId("modal-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    if (!over.has(open.id)) {
      over.add(open.id);
      // It may have been closed elsewhere already.
      ask("close", { modal: open.id }).catch(() => {});
    }
    closed();
  });
};
