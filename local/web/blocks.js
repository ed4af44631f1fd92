// Block Kit as DOM nodes; what a page cannot show is said, not left out.

import { element, mrkdwn, unescape } from "/mrkdwn.js";

export const text = (object) =>
  object.type === "mrkdwn" ? mrkdwn(object.text) : document.createTextNode(unescape(object.text));

const source = (block) => (block.slack_file ? `/inbox/files/${block.slack_file.id}` : block.image_url);

const kinds = {
  image: (block) =>
    element(
      "figure",
      { class: "block-image" },
      ...(block.title ? [element("figcaption", {}, text(block.title))] : []),
      element("img", { src: source(block), alt: block.alt_text }),
    ),
  // Nothing in it is escaped or read as markup.
  rich_text: (block) =>
    element(
      "div",
      { class: "block-table" },
      ...block.elements.map((part) =>
        element("pre", { tabindex: "0" }, part.elements.map((one) => one.text).join("")),
      ),
    ),
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
  actions: (block, button) => element("div", { class: "block-actions" }, ...block.elements.map(button)),
  input: (block) => {
    const id = `input-${block.block_id}`;
    const optional = block.optional ? [" ", element("span", { class: "optional" }, "(optional)")] : [];
    const notes = [`${id}-error`, ...(block.hint ? [`${id}-hint`] : [])];
    const node = inputs[block.element.type](block.element, {
      id,
      class: "input",
      "data-block": block.block_id,
      "aria-describedby": notes.join(" "),
      "aria-required": String(!block.optional),
    });
    return element(
      "div",
      { class: "block-input" },
      element("label", { for: id }, text(block.label), ...optional),
      node,
      element("p", { id: `${id}-error`, class: "error" }),
      ...(block.hint ? [element("p", { id: `${id}-hint`, class: "hint" }, text(block.hint))] : []),
    );
  },
};

const words = (object) => object && unescape(object.text);

const inputs = {
  plain_text_input: (input, attributes) => {
    const given = { ...attributes, maxlength: input.max_length, placeholder: words(input.placeholder) };
    const node = input.multiline
      ? element("textarea", { ...given, rows: 3 })
      : element("input", { ...given, type: "text", autocomplete: "off" });
    node.value = input.initial_value ?? "";
    return node;
  },
  datepicker: (input, attributes) => element("input", { ...attributes, type: "date", value: input.initial_date }),
  static_select: (input, attributes) => {
    const option = (value, label, selected) => element("option", { value, selected }, label);
    return element(
      "select",
      attributes,
      option("", words(input.placeholder) ?? "Select an option", !input.initial_option),
      ...input.options.map((one) => option(one.value, words(one.text), one.value === input.initial_option?.value)),
    );
  },
};

export const draw = (block, button) =>
  kinds[block.type]?.(block, button) ?? element("p", { class: "block-unknown" }, `a ${block.type} block`);
