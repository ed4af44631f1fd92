// The page: asks for the messages each second, draws what has changed, and carries out what is pressed.

import { ago, day, element, mrkdwn, unescape } from "/mrkdwn.js";

const byId = (id) => document.getElementById(id);
const list = byId("list");
const scroller = byId("messages");
const drawn = new Map(); // ts -> { node, content }
const open = new Set(); // ts of the threads that are unfolded
const working = new Map(); // action and value -> true while it is carried out
const outcomes = new Map(); // ts -> { text, failed }
let version = "";
let known; // ts of all messages, once the first have come

// Blocks

const text = (object) =>
  object.type === "mrkdwn" ? mrkdwn(object.text) : document.createTextNode(unescape(object.text));

const blocks = {
  header: (block) => element("h3", { class: "block-header" }, text(block.text)),
  divider: () => element("hr"),
  section: (block) => {
    const parts = [];
    if (block.text) parts.push(element("p", { class: "block-text" }, text(block.text)));
    if (block.fields) {
      parts.push(element("ul", { class: "fields" }, ...block.fields.map((field) => element("li", {}, text(field)))));
    }
    return element("div", { class: "block-section" }, ...parts);
  },
  context: (block) =>
    element("div", { class: "block-context" }, ...block.elements.map((one) => element("span", {}, text(one)))),
  actions: (block, ts) =>
    element("div", { class: "block-actions" }, ...block.elements.map((button) => actionButton(button, ts))),
};

const actionButton = (button, ts) => {
  const busy = working.has(name(button));
  const node = element(
    "button",
    { type: "button", class: `button ${button.style ?? ""}`, "data-action": button.action_id, "aria-disabled": busy },
    busy ? "Working…" : unescape(button.text.text),
  );
  node.addEventListener("click", () => busy || press(button, ts));
  return node;
};

const name = (button) => JSON.stringify([button.action_id, button.value]);

// Messages

const content = (message) => {
  const parts = (message.blocks ?? []).map((block) =>
    (blocks[block.type] ?? (() => element("p", { class: "block-unknown" }, `a ${block.type} block`)))(block, message.ts),
  );
  if (!parts.length) parts.push(element("p", { class: "block-text" }, mrkdwn(message.text)));
  const outcome = outcomes.get(message.ts);
  if (outcome) {
    parts.push(element("p", { class: `outcome ${outcome.failed ? "failed" : ""}`, role: "status" }, outcome.text));
  }
  return parts;
};

const article = (message, isReply) => {
  const at = Number(message.ts);
  const moment = new Date(at * 1000);
  const body = element(
    "div",
    { class: "message-body" },
    element(
      "p",
      { class: "by" },
      element("strong", {}, "Parapet"),
      element("span", { class: "app" }, "APP"),
      element("time", { datetime: moment.toISOString(), title: moment.toLocaleString(), "data-at": at }, ago(at)),
    ),
    ...content(message),
  );
  if (!isReply && message.replies.length) body.append(thread(message));
  const size = isReply ? 24 : 36;
  return element(
    "article",
    { class: "message", tabindex: -1, "aria-label": unescape(message.text) },
    element("img", { class: "avatar", src: "/parapet.svg", alt: "", width: size, height: size }),
    body,
  );
};

const thread = (message) => {
  const { replies, ts } = message;
  const shown = open.has(ts);
  const last = Number(replies.at(-1).ts);
  const toggle = element(
    "button",
    { type: "button", class: "thread-toggle", "aria-expanded": String(shown), "aria-controls": `thread-${ts}` },
    element("span", { class: "chevron", "aria-hidden": "true" }, "›"),
    element("span", { class: "count" }, replies.length === 1 ? "1 reply" : `${replies.length} replies`),
    element("span", { class: "last" }, "last ", element("time", { "data-at": last }, ago(last))),
  );
  toggle.addEventListener("click", () => {
    if (!open.delete(ts)) open.add(ts);
    draw(message);
    drawn.get(ts).node.querySelector(".thread-toggle").focus();
  });
  const rows = element(
    "ol",
    { class: "thread", id: `thread-${ts}`, hidden: !shown },
    ...replies.map((reply) => element("li", {}, article(reply, true))),
  );
  return element("div", { class: "thread-of" }, toggle, rows);
};

// Draws one message in its place, and gives the keyboard back to where it was in it.
const draw = (message) => {
  const before = drawn.get(message.ts);
  const held = before?.node.contains(document.activeElement) ? document.activeElement : undefined;
  const action = held?.dataset.action;
  const node = element("li", { class: "row", "data-ts": message.ts }, article(message, false));
  if (before) before.node.replaceWith(node);
  else list.append(node);
  drawn.set(message.ts, { node, message, content: JSON.stringify(message) });
  if (held) {
    const again = action && node.querySelector(`[data-action="${CSS.escape(action)}"]`);
    (again || (held.classList.contains("thread-toggle") && node.querySelector(".thread-toggle")) ||
      node.querySelector("article")).focus({ preventScroll: true });
  }
};

const show = ({ channel, messages }) => {
  byId("channel").textContent = channel;
  document.title = `#${channel}`;
  byId("empty").hidden = messages.length > 0;
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const present = new Set(messages.map((message) => message.ts));
  for (const [ts, { node }] of drawn) {
    if (!present.has(ts)) {
      node.remove();
      drawn.delete(ts);
    }
  }
  for (const message of messages) {
    if (drawn.get(message.ts)?.content !== JSON.stringify(message)) draw(message);
  }
  days(messages);
  const all = messages.flatMap((message) => [message, ...message.replies]);
  const fresh = known ? all.filter((message) => !known.has(message.ts)) : [];
  const standing = fresh.filter((message) => present.has(message.ts));
  if (fresh.length) byId("announcer").textContent = fresh.map((message) => unescape(message.text)).join(". ");
  for (const message of standing) drawn.get(message.ts).node.classList.add("fresh");
  if (!known || (atEnd && standing.length)) toEnd();
  else if (standing.length) byId("newer").hidden = false;
  known = new Set(all.map((message) => message.ts));
};

const days = (messages) => {
  for (const old of list.querySelectorAll(".day")) old.remove();
  let last = "";
  for (const message of messages) {
    const today = day(new Date(Number(message.ts) * 1000));
    if (today !== last) drawn.get(message.ts).node.before(element("li", { class: "day" }, element("span", {}, today)));
    last = today;
  }
};

const toEnd = () => {
  scroller.scrollTop = scroller.scrollHeight;
  byId("newer").hidden = true;
};

// Talking to the account

const ask = async (path, body) => {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.text;
};

const outcome = async (doing) => {
  try {
    return { text: await doing, failed: false };
  } catch (error) {
    const lost = error instanceof TypeError;
    return { text: lost ? "The local account does not answer: is it still running?" : error.message, failed: true };
  }
};

const press = async (button, ts) => {
  if (button.confirm && !(await confirmed(button.confirm))) return;
  const redraw = () => drawn.has(ts) && draw(drawn.get(ts).message);
  working.set(name(button), true);
  outcomes.delete(ts);
  redraw();
  outcomes.set(ts, await outcome(ask("/inbox/actions", { action_id: button.action_id, value: button.value })));
  working.delete(name(button));
  redraw();
  await refresh();
};

const confirmed = (confirm) => {
  const dialog = byId("confirm");
  for (const [id, part] of [["title", "title"], ["text", "text"], ["yes", "confirm"], ["deny", "deny"]]) {
    byId(`confirm-${id}`).replaceChildren(text(confirm[part]));
  }
  dialog.returnValue = "deny";
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
    dialog.showModal();
  });
};

const refresh = async () => {
  try {
    const response = await fetch("/inbox/messages", { headers: version ? { "If-None-Match": version } : {} });
    if (response.status === 200) {
      version = response.headers.get("ETag") ?? "";
      show(await response.json());
    }
    connection("");
  } catch {
    connection("Not connected: is `make up` still running?");
  }
};

const connection = (problem) => {
  const shown = byId("connection");
  if (shown.textContent !== problem) shown.textContent = problem;
};

byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const shown = byId("outcome");
  shown.classList.remove("failed");
  shown.textContent = "Signing in…";
  const told = await outcome(ask("/inbox/sign-in", { user: byId("user").value, mfa: byId("mfa").checked }));
  shown.textContent = told.text;
  shown.classList.toggle("failed", told.failed);
});
byId("newer").addEventListener("click", toEnd);
scroller.addEventListener("scroll", () => {
  if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80) byId("newer").hidden = true;
});

const tick = async () => {
  if (!document.hidden) await refresh();
  for (const time of document.querySelectorAll("time[data-at]")) {
    const shown = ago(Number(time.dataset.at));
    if (time.textContent !== shown) time.textContent = shown;
  }
  setTimeout(tick, 1000);
};
tick();
