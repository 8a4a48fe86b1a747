// The routing table: each contact at its XOR distance from us, at the height of its round trip; and a table.

import { canvas, el, keep, plain, svg, write } from "./dom.js";
import { counted, endpoint, roundTrip } from "./words.js";

const HEIGHT = 280;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 40, 30, 40];
const DOT = 4.5;

/** Draws the contacts into the section, as wide as it is. */
export function drawRouting(section, contacts) {
  const place = section.querySelector(".drawing");
  const sorted = [...contacts].sort((one, other) => one.distance - other.distance);
  const said = wordsFor(sorted);
  write(section.querySelector("#routing-words"), said);
  if (place.clientWidth > 0) place.replaceChildren(...(sorted.length ? [drawing(sorted, place, said)] : []));
  const details = section.querySelector("details");
  details.hidden = sorted.length === 0;
  keep(section.querySelector("tbody"), sorted, (one) => `${one.host} ${one.port}`, (one) => {
    const [distance, trip] = [el("td"), el("td")];
    return {
      node: el("tr", {}, el("th", { scope: "row" }, el("code", {}, plain(endpoint(one.host, one.port)))), distance, trip),
      update(now) {
        write(distance, `${now.distance} bits`);
        write(trip, tripOf(now));
      },
    };
  });
}

function tripOf(contact) {
  const known = contact.round_trip === null ? "not known" : roundTrip(contact.round_trip);
  return contact.silent ? `${known}, silent now` : known;
}

function wordsFor(contacts) {
  if (contacts.length === 0) return "No contacts, or nodes of this network have no ids.";
  const trips = contacts.map((one) => one.round_trip).filter((trip) => trip !== null);
  trips.sort((one, other) => one - other);
  const words = [counted(contacts.length, "contact")];
  if (trips.length) words.push(`half of them answer within ${roundTrip(trips[Math.floor((trips.length - 1) / 2)])}`);
  const silent = contacts.filter((one) => one.silent).length;
  if (silent) words.push(`${silent} silent now`);
  return words.join(", ");
}

function drawing(contacts, place, said) {
  const { image, width } = canvas(place, HEIGHT, `Routing table: ${said}. The table below has each contact.`);
  const [near, far] = [contacts[0].distance, contacts[contacts.length - 1].distance];
  const columns = far - near + 1;
  const step = (width - LEFT - RIGHT) / columns;
  const x = (distance) => LEFT + (far - distance + 0.5) * step;
  const y = heights(contacts);
  rows(image, y, width);
  const floor = HEIGHT - BOTTOM;
  const every = Math.max(1, Math.ceil(34 / step));
  for (let distance = far; distance >= near; distance--) {
    const here = contacts.filter((one) => one.distance === distance);
    const at = x(distance);
    image.append(svg("line", { x1: at, x2: at, y1: TOP, y2: floor, class: "grid" }));
    if (here.length && step >= 14) label(image, at, TOP - 10, String(here.length), "count");
    if ((far - distance) % every === 0) exponent(image, at, floor + 16, distance);
    spread(here, y, step, at).forEach(([contact, cx, cy]) => image.append(dot(contact, cx, cy)));
  }
  label(image, LEFT, HEIGHT - 5, "far from here", "tick", "start");
  label(image, width - RIGHT, HEIGHT - 5, "near", "tick", "end");
  const us = width - RIGHT / 2;
  image.append(svg("circle", { cx: us, cy: floor, r: 7, class: "us" }, svg("title", {}, "This node")));
  label(image, us, floor + 22, "here", "tick");
  return image;
}

// Round trips on a logarithmic scale, between powers of ten; whose is not known lies on the floor.
function heights(contacts) {
  const trips = contacts.map((one) => one.round_trip).filter((trip) => trip > 0);
  const low = Math.floor(Math.log10(Math.min(0.01, ...trips)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(0.01, ...trips))));
  const floor = HEIGHT - BOTTOM;
  const of = (trip) => {
    if (!(trip > 0)) return floor;
    return floor - 14 - ((Math.log10(trip) - low) / (high - low)) * (floor - 14 - TOP);
  };
  return { of, low, high, floor };
}

function rows(image, y, width) {
  for (let power = y.low; power <= y.high; power++) {
    const at = y.of(10 ** power);
    image.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: at, y2: at, class: "grid" }));
    label(image, LEFT - 8, at + 4, roundTrip(10 ** power).replace(".0", ""), "tick", "end");
  }
  image.append(svg("line", { x1: LEFT, x2: width - RIGHT / 2, y1: y.floor, y2: y.floor, class: "axis" }));
}

// Dots of one column that would cover each other step aside, as far as the column is wide.
function spread(contacts, y, step, middle) {
  const placed = [];
  const aside = Math.min(DOT * 2 + 1, Math.max(2, step / 3));
  for (const contact of contacts) {
    const cy = y.of(contact.round_trip);
    let cx = middle;
    for (let turn = 1; placed.some(([, ox, oy]) => Math.hypot(ox - cx, oy - cy) < DOT * 1.8) && turn < 9; turn++) {
      const off = Math.ceil(turn / 2) * aside * (turn % 2 ? 1 : -1);
      if (Math.abs(off) <= step / 2) cx = middle + off;
    }
    placed.push([contact, cx, cy]);
  }
  return placed;
}

function dot(contact, cx, cy) {
  const where = plain(endpoint(contact.host, contact.port));
  const said = `${where}, distance ${contact.distance} bits, round trip ${tripOf(contact)}`;
  return svg("circle", { cx, cy, r: DOT, class: contact.silent ? "contact silent" : "contact" }, svg("title", {}, said));
}

function label(image, x, y, words, kind, anchor = "middle") {
  image.append(svg("text", { x, y, "text-anchor": anchor, class: kind }, words));
}

// 2 to the power of the distance
function exponent(image, x, y, distance) {
  const text = svg("text", { x, y, "text-anchor": "middle", class: "tick" }, "2");
  text.append(svg("tspan", { dy: -4, "font-size": "0.75em" }, String(distance)));
  image.append(text);
}
