// A list of cards, the newest first: what has not changed keeps its place, and what somebody opened stays open.

export const cards = (list, make) => {
  const drawn = new Map(); // id -> { node, content }
  let first = true;
  return (items) => {
    const fresh = [];
    const present = new Set(items.map(({ id }) => id));
    for (const [id, { node }] of drawn) {
      if (!present.has(id)) {
        node.remove();
        drawn.delete(id);
      }
    }
    for (const item of items) {
      const content = JSON.stringify(item);
      const before = drawn.get(item.id);
      if (before?.content === content) continue;
      const node = make(item);
      node.dataset.id = item.id;
      if (!first) node.classList.add("fresh");
      if (before) takeOver(before.node, node);
      drawn.set(item.id, { node, content });
      fresh.push(item);
    }
    items.forEach((item, at) => {
      const { node } = drawn.get(item.id);
      if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    });
    const news = first ? [] : fresh;
    first = false;
    return news;
  };
};

const takeOver = (before, node) => {
  const held = before.contains(document.activeElement);
  const opened = [...before.querySelectorAll("details")].map((one) => one.open);
  node.querySelectorAll("details").forEach((one, number) => {
    one.open = opened[number] ?? one.open;
  });
  before.replaceWith(node);
  if (held) node.querySelector("summary")?.focus({ preventScroll: true });
};
