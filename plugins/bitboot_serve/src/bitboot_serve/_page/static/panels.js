// The parts of the page that are lists: problems, networks, swarms, announcements, and who came and went.

import { el, keep, plain, write } from "./dom.js";
import { count, counted, endpoint, networkState, reachability, seconds, time } from "./words.js";

const SHOWN_PEERS = 60;
const SHOWN_ENTRIES = 12;
const FRESH = 4000;
const MINE = ["", "0.0.0.0", "::"];

const list = (id) => document.querySelector(`#${id} > ul, #${id} > ol`);

function fill(id, items, keyOf, make) {
  const empty = document.querySelector(`#${id} > .empty`);
  if (empty !== null) empty.hidden = items.length > 0;
  keep(list(id), items, keyOf, make);
}

/** What is wrong, and what to do about it. */
export function showProblems(problems) {
  document.querySelector("#problems").hidden = problems.length === 0;
  fill("problems", problems, (one) => `${one.message}\n${one.hint ?? ""}`, (one) => ({
    node: el("li", {}, el("p", {}, plain(one.message, 600)), hint(one.hint)),
    update() {},
  }));
}

function hint(text) {
  return text ? el("p", { class: "quiet" }, `What to do: ${plain(text, 600)}`) : null;
}

/** Each network, how it is doing, and who can reach us there. */
export function showNetworks(networks) {
  fill("networks", networks, (one) => one.name, () => {
    const [name, state, facts, trouble] = [el("h3"), el("p", { class: "dot" }), el("dl", { class: "facts" }), el("div")];
    return {
      node: el("li", {}, el("div", { class: "head" }, name, state), facts, trouble),
      update(one) {
        write(name, plain(one.name));
        write(state, networkState(one.state));
        state.dataset.state = one.state;
        keep(facts, factsOf(one), ([term]) => term, ([term]) => fact(term));
        const errors = one.error ? [one.error] : [];
        keep(trouble, errors, (error) => `${error.message}\n${error.hint}`, (error) => ({
          node: el("div", { class: "trouble" }, el("p", {}, plain(error.message, 600)), hint(error.hint)),
          update() {},
        }));
      },
    };
  });
}

function factsOf(network) {
  const facts = [
    ["Served by", network.backend === network.protocol ? network.backend : `${network.backend} (${network.protocol})`],
    ["Contacts", count(network.contacts)],
  ];
  if (network.listen) facts.push(["Listens at", network.listen]);
  for (const place of network.reachability) {
    const [short, meaning] = reachability(place.reachability);
    const outside = place.outside ? `, seen at ${place.outside}` : "";
    facts.push([`IPv${place.family}`, `${short}: ${meaning}${outside}`]);
  }
  return facts;
}

function fact(term) {
  const value = el("dd");
  if (term === "Listens at") value.classList.add("place");
  return {
    node: el("div", {}, el("dt", {}, term), value),
    update([, text]) {
      write(value, plain(text));
    },
  };
}

/** Each swarm, and who is in it. */
export function showSwarms(swarms) {
  fill("swarms", swarms, (one) => `${one.private} ${one.key}`, (first) => {
    const name = el("h3", {}, el("bdi", {}, plain(first.swarm)));
    const [number, tags, peers] = [el("p", { class: "number" }), el("p", { class: "tags" }), el("ul", { class: "plain peers" })];
    const more = el("p", { class: "quiet" });
    peers.setAttribute("aria-label", `Peers of ${plain(first.swarm)}`);
    let known = null; // none is new when the swarm is first seen
    return {
      node: el("li", { class: "swarm" }, el("div", { class: "head" }, name, number), tags, peers, more),
      update(one) {
        write(number, counted(one.peers.length, "peer"));
        write(tags, tagsOf(one).join(" · "));
        const shown = one.peers.slice(0, SHOWN_PEERS);
        const former = known;
        known = new Set(one.peers.map(idOf));
        keep(peers, shown, idOf, (peer) => peerOf(peer, former !== null && !former.has(idOf(peer))));
        peers.hidden = shown.length === 0;
        const hidden = one.peers.length - shown.length;
        more.hidden = hidden === 0 && shown.length > 0;
        write(more, hidden > 0 ? `and ${count(hidden)} more` : "Nobody has been found yet.");
      },
    };
  });
}

function tagsOf(swarm) {
  const tags = [`key ${swarm.key.slice(0, 12)}…`];
  if (swarm.watched) tags.push("watched");
  if (swarm.announced) tags.push("announced");
  if (swarm.private) tags.push("private");
  return tags;
}

const idOf = (peer) => `${peer.host} ${peer.port}`;

function peerOf(first, isNew) {
  const [data, from] = [el("span", { class: "data" }), el("span", { class: "quiet" })];
  const member = first.member ? el("span", { class: "quiet" }, `member ${plain(first.member, 8)}`) : null;
  const node = el("li", {}, el("code", {}, plain(endpoint(first.host, first.port))), member, data, from);
  if (isNew) {
    node.classList.add("fresh");
    setTimeout(() => node.classList.remove("fresh"), FRESH);
  }
  return {
    node,
    update(peer) {
      write(data, peer.data ? plain(peer.data) : "");
      write(from, peer.sources.map((name) => plain(name, 40)).join(", "));
      data.hidden = !peer.data;
    },
  };
}

/** What is announced, and how it stands on each network. */
export function showAnnouncements(announcements) {
  fill("announcements", announcements, (one) => one.id, () => {
    const [name, place, lease] = [el("bdi"), el("p", {}), el("p", { class: "quiet" })];
    const networks = el("ul", { class: "plain" });
    return {
      node: el("li", {}, el("div", { class: "head" }, el("h3", {}, name), place), networks, lease),
      update(one) {
        write(name, plain(one.swarm));
        write(place, MINE.includes(one.host) ? `port ${one.port} of this machine` : plain(endpoint(one.host, one.port)));
        write(lease, leaseOf(one));
        keep(networks, one.networks, (network) => network.name, () => standing());
      },
    };
  });
}

function leaseOf(announcement) {
  if (announcement.lapses_in === null) return "Kept while its program is connected";
  return `Lapses in ${seconds(announcement.lapses_in)} unless its program renews it`;
}

function standing() {
  const [name, words, trouble] = [el("strong"), el("span"), el("p", { class: "trouble" })];
  const node = el("li", { class: "dot" }, name, " ", words, trouble);
  return {
    node,
    update(network) {
      write(name, plain(network.name));
      write(words, storedOf(network));
      node.dataset.state = network.stored_on > 0 ? "ready" : network.error ? "failed" : "connecting";
      trouble.hidden = !network.error;
      const { message, hint: what } = network.error ?? {};
      write(trouble, message ? plain(what ? `${message}. What to do: ${what}` : message, 800) : "");
    },
  };
}

function storedOf(network) {
  const words = [];
  if (network.stored_on > 0) words.push(`stored on ${counted(network.stored_on, "node")}`);
  else words.push(network.error ? "not stored" : "being stored");
  if (network.expires_in !== null) words.push(`expires in ${seconds(network.expires_in)}`);
  if (network.next_try !== null) words.push(`announced again in ${seconds(network.next_try)}`);
  return words.join(", ");
}

const entries = [];
let number = 0;

/** Notes who came or went. */
export function noteActivity(joined, peer) {
  const who = plain(endpoint(peer.host, peer.port));
  entries.unshift({ number: ++number, at: Date.now(), joined, who, swarm: plain(peer.swarm) });
  entries.length = Math.min(entries.length, SHOWN_ENTRIES);
  fill("activity", entries, (one) => one.number, (one) => ({
    node: el(
      "li",
      { class: one.joined ? "joined" : "left" },
      el("time", { datetime: new Date(one.at).toISOString() }, time(one.at)),
      el("span", {}, el("code", {}, one.who), one.joined ? " joined " : " left ", el("bdi", {}, one.swarm)),
    ),
    update() {},
  }));
  speak(`${who} ${joined ? "joined" : "left"} ${plain(peer.swarm, 60)}`);
}

const SPEAK_EVERY = 3000;
let unspoken = [];
let speaking = null;

// A busy swarm must not talk without end: what comes within three seconds is said in one sentence.
function speak(sentence) {
  unspoken.push(sentence);
  speaking ??= setTimeout(() => {
    const said = unspoken.length > 3 ? `${unspoken.length} peers came or went` : unspoken.join(". ");
    write(document.querySelector("#spoken"), said);
    [unspoken, speaking] = [[], null];
  }, SPEAK_EVERY);
}
