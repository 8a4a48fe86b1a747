// Making and keeping elements. Whatever is written is text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with attributes and children: elements, or text. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/**
 * An SVG as wide as `place`, `height` high where a letter has 16 pixels: all in it grows with the page's letters.
 * Gives it and its width in its own units. `words` is what it says to whoever does not see it.
 */
export function canvas(place, height, words) {
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const width = place.clientWidth / scale;
  const size = { width: place.clientWidth, height: height * scale, viewBox: `0 0 ${width} ${height}` };
  return { image: svg("svg", { ...size, role: "img", "aria-label": words }), width };
}

/** Writes text where it is another one: what is selected, or was read aloud, is left alone. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets a class, or takes it away. */
export function mark(node, name, is) {
  if (node.classList.contains(name) !== is) node.classList.toggle(name, is);
}

const kept = new WeakMap();

/**
 * Has `parent` hold one element for each item, in their order. An element stays while its key does, so that focus,
 * selection and opened details stay too. `make(item)` gives `{node, update(item)}`.
 */
export function keep(parent, items, keyOf, make) {
  if (!kept.has(parent)) kept.set(parent, new Map());
  const parts = kept.get(parent);
  const wanted = new Set(items.map(keyOf));
  for (const [key, part] of parts) {
    if (!wanted.has(key)) {
      part.node.remove();
      parts.delete(key);
    }
  }
  let before = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    let part = parts.get(key);
    if (part === undefined) parts.set(key, (part = make(item)));
    part.update(item);
    if (part.node === before) before = before.nextSibling;
    else parent.insertBefore(part.node, before);
  }
}

// C0, C1, zero-width, bidirectional controls and the byte order mark: what could hide or turn other text.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** What a stranger wrote, with every character that cannot be seen written out, and at most `limit` of them. */
export function plain(text, limit = 200) {
  const seen = String(text).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const points = [...seen];
  return points.length > limit ? `${points.slice(0, limit).join("")}…` : seen;
}
