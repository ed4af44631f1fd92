// The mailbox: the newest mail first, as plain text whose links can be followed.

import { cards } from "/cards.js";
import { ago, element } from "/mrkdwn.js";

const byId = (id) => document.getElementById(id);
const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;
const read = new Set(); // ids of the mails that were opened

const linked = (text) => {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(at, match.index));
    parts.push(element("a", { href: match[0], rel: "noreferrer", target: "_blank" }, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
};

const card = (mail) => {
  const opened = element(
    "details",
    {},
    element(
      "summary",
      {},
      element("span", { class: "card-title" }, mail.subject),
      element(
        "span",
        { class: "card-about" },
        `to ${mail.to.join(", ")} · `,
        element("time", { datetime: new Date(mail.at * 1000).toISOString(), "data-at": mail.at }, ago(mail.at)),
      ),
    ),
    element("p", { class: "card-about" }, `AWS Notifications <no-reply@sns.amazonaws.com>, topic ${mail.topic}`),
    element("p", { class: "mail-text" }, ...linked(mail.text)),
  );
  const node = element("li", { class: `card letter ${read.has(mail.id) ? "" : "unread-mail"}` }, opened);
  opened.addEventListener("toggle", () => {
    if (!opened.open) return;
    read.add(mail.id);
    node.classList.remove("unread-mail");
    count();
  });
  return node;
};

let shown = [];
const draw = cards(byId("mail-list"), card);

export const unreadMails = () => shown.filter(({ id }) => !read.has(id)).length;

const count = () => {
  const left = unreadMails();
  byId("mail-count").textContent = left ? `${left} unread` : "";
};

// Shows the mails; returns what is new of them, as people hear it.
export const mail = (mails) => {
  shown = [...mails].reverse();
  const news = draw(shown);
  count();
  byId("mail-empty").hidden = mails.length > 0;
  return news.map((one) => `E-mail: ${one.subject}`);
};
