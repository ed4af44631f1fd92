// The page: asks for what Slack shows a person each second, draws what has changed, and sends what they press and type.

import { draw, text } from "/blocks.js";
import { mail, unreadMails } from "/mail.js";
import { follow, start } from "/modal.js";
import { ago, day, element, mrkdwn, names, unescape } from "/mrkdwn.js";
import { pagerduty, triggered } from "/pagerduty.js";

const byId = (id) => document.getElementById(id);
const list = byId("list");
const scroller = byId("messages");
const drawn = new Map(); // ts -> { node, message, content }
const unfolded = new Set(); // ts of the threads that are
const working = new Map(); // button -> true while the app takes it
const outcomes = new Map(); // ts -> what went wrong
const seen = new Map(); // person and place -> ts of the messages that they have seen
let version = "";
let slack; // what it shows
let you = sessionStorage.getItem("you") ?? "";
let where = 0; // the place that is shown: the channel, or the direct messages
let pressed; // where the keyboard was when a button was pressed: { ts, action }
let soon = 0; // until when news are expected

const place = () => slack.places[where];
const label = (one) => (one === slack.places[0] ? `#${one.name}` : "Direct messages");
const person = () => slack.people.find(({ id }) => id === you) ?? slack.people[0];

// Messages

const name = (ts, button) => JSON.stringify([ts, button.action_id, button.value]);

const actionButton = (button, ts) => {
  const busy = working.has(name(ts, button));
  const node = element(
    "button",
    { type: "button", class: `button ${button.style ?? ""}`, "data-action": button.action_id, "aria-disabled": busy },
    busy ? "Working…" : text(button.text),
  );
  node.addEventListener("click", () => busy || press(button, ts));
  return node;
};

const content = (message) => {
  const parts = (message.blocks ?? []).map((block) => draw(block, (button) => actionButton(button, message.ts)));
  if (!parts.length) parts.push(element("p", { class: "block-text" }, mrkdwn(message.text)));
  const outcome = outcomes.get(message.ts);
  if (outcome) parts.push(element("p", { class: "outcome failed", role: "alert" }, outcome));
  return parts;
};

const dismissal = (ts) => {
  const node = element("button", { type: "button", class: "link" }, "Dismiss");
  node.addEventListener("click", async () => {
    await tell(ts, ask("dismiss", { ts }));
    scroller.focus();
  });
  return element("p", { class: "only-you" }, "Only visible to you · ", node);
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
  if (message.ephemeral) body.append(dismissal(message.ts));
  if (!isReply && message.replies.length) body.append(thread(message));
  const size = isReply ? 24 : 36;
  return element(
    "article",
    { class: `message ${message.ephemeral ? "ephemeral" : ""}`, tabindex: -1, "aria-label": unescape(message.text) },
    element("img", { class: "avatar", src: "/parapet.svg", alt: "", width: size, height: size }),
    body,
  );
};

const thread = (message) => {
  const { replies, ts } = message;
  const shown = unfolded.has(ts);
  const last = Number(replies.at(-1).ts);
  const toggle = element(
    "button",
    { type: "button", class: "thread-toggle", "aria-expanded": String(shown), "aria-controls": `thread-${ts}` },
    element("span", { class: "chevron", "aria-hidden": "true" }, "›"),
    element("span", { class: "count" }, replies.length === 1 ? "1 reply" : `${replies.length} replies`),
    element("span", { class: "last" }, "last ", element("time", { "data-at": last }, ago(last))),
  );
  toggle.addEventListener("click", () => {
    if (!unfolded.delete(ts)) unfolded.add(ts);
    drawMessage(message);
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
const drawMessage = (message) => {
  const before = drawn.get(message.ts);
  const held = before?.node.contains(document.activeElement) ? document.activeElement : undefined;
  const node = element("li", { class: "row", "data-ts": message.ts }, article(message, false));
  if (before) before.node.replaceWith(node);
  else list.append(node);
  drawn.set(message.ts, { node, message, content: JSON.stringify(message) });
  if (held) takeUp(node, held.dataset.action, held.classList.contains("thread-toggle"));
};

const takeUp = (node, action, toggle) => {
  const again = action && node.querySelector(`[data-action="${CSS.escape(action)}"]`);
  (again || (toggle && node.querySelector(".thread-toggle")) || node.querySelector("article"))
    .focus({ preventScroll: true });
};

const holding = (ts) =>
  [...drawn.values()].find(({ message }) => message.ts === ts || message.replies.some((reply) => reply.ts === ts));

// What is shown

const show = () => {
  const { messages } = place();
  const key = `${you} ${place().id}`;
  const known = seen.get(key);
  byId("empty").hidden = messages.length > 0;
  byId("empty-text").textContent = where
    ? `Parapet has not written to ${person().name} directly: it does when they make a change that it looks after.`
    : "Break a guardrail in another terminal and see it put right here, or sign in below without MFA.";
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const present = new Set(messages.map((message) => message.ts));
  for (const [ts, { node }] of drawn) {
    if (!present.has(ts)) {
      node.remove();
      drawn.delete(ts);
    }
  }
  const first = !drawn.size;
  for (const message of messages) {
    if (drawn.get(message.ts)?.content !== JSON.stringify(message)) drawMessage(message);
  }
  days(messages);
  const all = messages.flatMap((message) => [message, ...message.replies]);
  const fresh = known ? all.filter((message) => !known.has(message.ts)) : [];
  const standing = fresh.filter((message) => present.has(message.ts));
  const news = [...pagerduty(slack.incidents), ...mail(slack.mails), ...fresh.map((message) => unescape(message.text))];
  if (news.length) byId("announcer").textContent = news.join(". ");
  for (const message of standing) drawn.get(message.ts).node.classList.add("fresh");
  if (first || (atEnd && standing.length)) toEnd();
  else if (standing.length) byId("newer").hidden = false;
  seen.set(key, new Set(all.map((message) => message.ts)));
  byId("place").textContent = document.title = label(place());
  byId("text").placeholder = `/parapet help, as ${person().name}`;
  places();
  views();
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

// Where and who one is

const unread = (one) => {
  const known = seen.get(`${you} ${one.id}`) ?? new Set();
  return one.messages.filter((message) => !known.has(message.ts)).length;
};

const places = () => {
  const said = JSON.stringify([where, slack.places.map(unread)]);
  if (byId("places").dataset.said === said) return;
  byId("places").dataset.said = said;
  const focused = byId("places").contains(document.activeElement);
  byId("places").replaceChildren(
    ...slack.places.map((one, number) => {
      const count = unread(one);
      const node = element(
        "button",
        { type: "button", class: "place", "aria-current": number === where && "page" },
        ...(number ? [label(one)] : [element("span", { class: "hash", "aria-hidden": "true" }, "#"), one.name]),
        ...(count ? [element("span", { class: "unread" }, count, element("span", { class: "unseen" }, " new"))] : []),
      );
      node.addEventListener("click", () => go(number));
      return node;
    }),
  );
  if (focused) byId("places").querySelector("[aria-current]").focus();
};

// On a narrow screen, one of the three at a time.

const views = () => {
  const news = { slack: 0, pagerduty: triggered(slack.incidents), mail: unreadMails() };
  for (const button of byId("views").querySelectorAll("button")) {
    const count = news[button.dataset.view];
    const here = button.dataset.view === document.body.dataset.view;
    if (here) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    button.querySelector(".unread")?.remove();
    if (count && !here) button.append(element("span", { class: "unread" }, count));
  }
};
for (const button of byId("views").querySelectorAll("button")) {
  button.addEventListener("click", () => {
    document.body.dataset.view = button.dataset.view;
    views();
    if (button.dataset.view === "slack") toEnd();
  });
}

const clear = () => {
  for (const { node } of drawn.values()) node.remove();
  drawn.clear();
  outcomes.clear();
  byId("announcer").textContent = "";
  byId("newer").hidden = true;
};

const go = (number) => {
  where = number;
  clear();
  show();
};

const people = () => {
  if (byId("people").querySelector("label")) return;
  for (const one of slack.people) {
    const radio = element("input", { type: "radio", name: "you", value: one.id, checked: one.id === you });
    radio.addEventListener("change", async () => {
      you = one.id;
      sessionStorage.setItem("you", you);
      version = "";
      clear();
      await refresh();
    });
    const face = element("span", { class: `face ${one.name}`, "aria-hidden": "true" }, one.name[0]);
    byId("people").append(element("label", { class: "person" }, radio, face, one.name));
  }
};

// Talking to Slack

const post = async (path, body) => {
  const response = await fetch(`/inbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error("The local account does not answer: is it still running?");
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
};

const ask = async (path, body) => {
  soon = Date.now() + 5000;
  const answer = await post(path, { as: you, channel: place().id, ...body });
  await refresh();
  return answer;
};

const redraw = (ts) => {
  const held = holding(ts);
  if (held) drawMessage(held.message);
};

// Shows at a message what goes wrong.
const tell = async (ts, doing) => {
  outcomes.delete(ts);
  try {
    await doing;
  } catch (error) {
    outcomes.set(ts, error.message);
  }
  redraw(ts);
};

const press = async (button, ts) => {
  pressed = { ts, action: button.action_id };
  if (button.confirm && !(await confirmed(button.confirm))) return;
  working.set(name(ts, button), true);
  outcomes.delete(ts);
  redraw(ts);
  const { action_id, value } = button;
  const doing = ask("actions", { ts, action_id, value: value ?? "" }).finally(() => working.delete(name(ts, button)));
  await tell(ts, doing);
};

// The browser tells of a dialog's end late, perhaps when it is open again: whoever opens it ends the question before.
let answered = () => {};
byId("confirm").addEventListener("close", ({ target }) => target.open || answered(target.returnValue === "confirm"));

const confirmed = (confirm) => {
  const dialog = byId("confirm");
  answered(false);
  for (const [id, part] of [["title", "title"], ["text", "text"], ["yes", "confirm"], ["deny", "deny"]]) {
    byId(`confirm-${id}`).replaceChildren(text(confirm[part]));
  }
  byId("confirm-yes").className = `button ${confirm.style ?? "primary"}`;
  dialog.returnValue = "deny";
  dialog.showModal();
  return new Promise((resolve) => {
    answered = resolve;
  });
};

start(ask, () => {
  const held = pressed && holding(pressed.ts);
  if (held) takeUp(held.node, pressed.action);
});

const refresh = async () => {
  try {
    const asked = you;
    const headers = version ? { "If-None-Match": version } : {};
    const response = await fetch(`/inbox/messages${asked && `?as=${asked}`}`, { headers });
    if (response.status === 404 && asked) {
      // Somebody of another workspace, remembered from then.
      you = "";
      return await refresh();
    }
    const said = await response.text();
    if (response.status === 200 && asked === you) {
      version = response.headers.get("ETag") ?? "";
      slack = JSON.parse(said);
      you = person().id;
      for (const one of [...slack.people, ...slack.groups]) names.set(one.id, `@${one.name}`);
      people();
      show();
      follow(slack.modal);
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

// What is typed: `doing` returns what to say when it went well.
const composer = (form, output, wait, doing) => {
  byId(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = byId(output);
    shown.classList.remove("failed");
    shown.textContent = wait;
    try {
      shown.textContent = await doing();
    } catch (error) {
      shown.textContent = error.message;
      shown.classList.add("failed");
    }
  });
};
composer("command", "command-outcome", "Sending…", async () => {
  await ask("command", { text: byId("text").value });
  byId("text").value = "";
  toEnd();
  return "";
});
composer("sign-in", "outcome", "Signing in…", async () => {
  const { text: said } = await post("sign-in", { user: byId("user").value, mfa: byId("mfa").checked });
  return said;
});
byId("newer").addEventListener("click", toEnd);
// A picture that comes in late pushes the end away from whoever is reading there.
let following = true;
list.addEventListener("load", () => following && toEnd(), true);
scroller.addEventListener("scroll", () => {
  following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  if (following) byId("newer").hidden = true;
});

const tick = async () => {
  if (!document.hidden) await refresh();
  for (const time of document.querySelectorAll("time[data-at]")) {
    const shown = ago(Number(time.dataset.at));
    if (time.textContent !== shown) time.textContent = shown;
  }
  setTimeout(tick, Date.now() < soon ? 250 : 1000);
};
tick();
