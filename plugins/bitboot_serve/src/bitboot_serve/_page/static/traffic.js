// What was sent and received in each minute of the last hour: bars above and below a line, and a table.

import { canvas, el, keep, svg, write } from "./dom.js";
import { bytes, count, minute } from "./words.js";

const HEIGHT = 290;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 4, 8, 24];
const MINUTES = 60;

const UNITS = {
  bytes: { sent: "sent_bytes", received: "received_bytes", words: bytes },
  datagrams: { sent: "sent", received: "received", words: count },
};

/** Each minute's sums over all networks, and how to put them: `{at, sent, received, words}`. */
export function summed(minutes, unit) {
  const { sent, received } = UNITS[unit];
  const sum = (networks, name) => networks.reduce((total, network) => total + network[name], 0);
  return minutes.map((one) => ({
    at: one.at * 1000,
    sent: sum(one.networks, sent),
    received: sum(one.networks, received),
    words: UNITS[unit].words,
  }));
}

/** Draws them into the section, as wide as it is. */
export function drawTraffic(section, minutes, unit) {
  const rows = summed(minutes, unit);
  const { words } = UNITS[unit];
  const total = (name) => words(rows.reduce((sum, row) => sum + row[name], 0));
  const sums = `${total("sent")} sent, ${total("received")} received`;
  write(section.querySelector("#traffic-sum"), rows.length ? sums : "Nothing yet: it is counted by the minute");
  const place = section.querySelector(".drawing");
  if (place.clientWidth > 0) place.replaceChildren(drawing(rows, words, place, sums));
  keep(section.querySelector("tbody"), [...rows].reverse(), (row) => row.at, () => {
    const [at, sent, received] = [el("th", { scope: "row" }), el("td"), el("td")];
    return {
      node: el("tr", {}, at, sent, received),
      update(row) {
        write(at, minute(row.at));
        write(sent, row.words(row.sent));
        write(received, row.words(row.received));
      },
    };
  });
}

function drawing(rows, words, place, sums) {
  const said = `Last hour, by the minute: ${sums}. The table below has each minute.`;
  const { image, width } = canvas(place, HEIGHT, said);
  const most = nice(Math.max(1, ...rows.map((row) => Math.max(row.sent, row.received))));
  const middle = TOP + (HEIGHT - TOP - BOTTOM) / 2;
  const reach = (HEIGHT - TOP - BOTTOM) / 2;
  for (const share of [1, 0.5, 0, -0.5, -1]) {
    const y = middle - share * reach;
    image.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y, class: share ? "grid" : "axis" }));
    if (Math.abs(share) !== 0.5) labelled(image, share ? words(most) : "0", y, share);
  }
  const step = (width - LEFT - RIGHT) / MINUTES;
  const newest = rows.length ? rows[rows.length - 1].at : Date.now();
  for (const row of rows) {
    const back = Math.round((newest - row.at) / 60_000);
    const x = LEFT + (MINUTES - 1 - back) * step;
    if (back >= MINUTES) continue;
    const bar = (value, name, sign) => {
      const height = Math.max(value > 0 ? 1.5 : 0, (value / most) * (reach - 1));
      const y = sign > 0 ? middle - 1 - height : middle + 1;
      const size = { x: x + step * 0.14, y, width: step * 0.72, height, rx: Math.min(2, step * 0.2) };
      return svg("rect", { ...size, class: name });
    };
    const title = `${minute(row.at)}: ${words(row.sent)} sent, ${words(row.received)} received`;
    const whole = { x, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM, class: "sense" };
    image.append(
      svg("g", { class: "minute" }, svg("title", {}, title), svg("rect", whole), bar(row.sent, "sent", 1), bar(row.received, "received", -1)),
    );
  }
  for (const back of width < 480 ? [59, 30, 0] : [59, 45, 30, 15, 0]) {
    const anchor = back === 59 ? "start" : back === 0 ? "end" : "middle";
    const x = back === 59 ? LEFT : back === 0 ? width - RIGHT : LEFT + (MINUTES - 0.5 - back) * step;
    const text = svg("text", { x, y: HEIGHT - 6, "text-anchor": anchor, class: "tick" });
    text.append(back === 0 ? "now" : minute(newest - back * 60_000));
    image.append(text);
  }
  return image;
}

function labelled(image, words, y, share) {
  const shift = share === 1 ? 8 : share === -1 ? 0 : 4;
  image.append(svg("text", { x: LEFT - 8, y: y + shift, "text-anchor": "end", class: "tick" }, words));
}

/** The least of 1, 2, 2.5, 5 times a power of ten that is not below `number`. */
export function nice(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= number);
}
