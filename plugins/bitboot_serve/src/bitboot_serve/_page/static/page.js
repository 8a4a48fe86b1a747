// The page: asks the daemon again and again, follows its events, and shows what it says.

import { SignedOut, events, get, takeToken, useToken } from "./api.js";
import { mark, plain, write } from "./dom.js";
import { noteActivity, showAnnouncements, showNetworks, showProblems, showSwarms } from "./panels.js";
import { drawRouting } from "./routing.js";
import { drawTraffic, summed } from "./traffic.js";
import { bytes, count, counted, reachability, seconds } from "./words.js";

const OFTEN = 2000;
const SELDOM = 10_000;
const AT_LEAST = 400;
const LONGEST_PAUSE = 30_000;

const find = (selector) => document.querySelector(selector);
const known = { status: null, swarms: [], minutes: [], contacts: [], failing: new Map(), lost: null, signingIn: false };

const pause = (length) => new Promise((resolve) => setTimeout(resolve, length));

// What the loops below pause with. To be woken while it asks makes a loop ask once more.
class Sleeper {
  #woken = false;
  #end = () => {};

  async sleep(length) {
    await pause(AT_LEAST);
    if (!this.#woken) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, length);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
  }

  wake() {
    this.#woken = true;
    this.#end();
  }
}

const sleepers = Object.fromEntries(
  ["status", "swarms", "announcements", "traffic", "contacts", "following"].map((name) => [name, new Sleeper()]),
);

const seen = () =>
  document.hidden
    ? new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }))
    : Promise.resolve();

// What is asked

async function askStatus() {
  known.status = await get("v1/status");
  showNetworks(known.status.networks);
  chooseNetworks(known.status.networks);
}

async function askSwarms() {
  known.swarms = (await get("v1/swarms")).swarms;
  showSwarms(known.swarms);
}

async function askAnnouncements() {
  showAnnouncements((await get("v1/announcements")).announcements);
}

async function askTraffic() {
  known.minutes = (await get("v1/traffic")).minutes;
  draw();
}

async function askContacts() {
  const network = find("#routing-network").value;
  known.contacts = network ? (await get(`v1/networks/${encodeURIComponent(network)}/contacts`)).contacts : [];
  draw();
}

// Where one fails the others go on; the page says so, and asks again later and later.
async function repeat(ask, every, sleeper) {
  for (let failures = 0; ; ) {
    await seen();
    try {
      await ask();
      showFigures();
      failures = 0;
      settle(ask, null);
    } catch (error) {
      failures += 1;
      settle(ask, error);
    }
    await sleeper.sleep(Math.min(LONGEST_PAUSE, every * 2 ** failures));
  }
}

// At first the stream tells who is there, up to "present": they have not come just now.
async function follow() {
  for (let failures = 0, last = null; ; ) {
    let isNews = last !== null;
    try {
      for await (const { event, data, id } of events("v1/watches", { after: last })) {
        if (event === "open") settle(follow, null);
        else failures = 0;
        last = id ?? last;
        if (event === "reset") isNews = false;
        else if (event === "present") isNews = true;
        else if (event === "failing") known.failing.set(data.swarm, data.failures);
        else if (isNews && (event === "peer-joined" || event === "peer-left")) {
          noteActivity(event === "peer-joined", data);
          sleepers.swarms.wake();
        }
      }
    } catch (error) {
      settle(follow, error);
    }
    failures += 1;
    await sleepers.following.sleep(Math.min(LONGEST_PAUSE, 1000 * 2 ** failures));
    await seen();
  }
}

// What is wrong

const failing = new Map();

function settle(ask, error) {
  if (error === null) failing.delete(ask);
  else failing.set(ask, error);
  const errors = [...failing.values()];
  const signedOut = errors.some((one) => one instanceof SignedOut);
  find("#sign-in").hidden = !signedOut;
  find("#main").hidden = known.status === null && (signedOut || errors.length === 0);
  if (known.signingIn && !find("#main").hidden) {
    known.signingIn = false;
    find("#main").focus();
  }
  const lost = !signedOut && errors.length > 0;
  if (lost && known.lost === null) known.lost = Date.now();
  if (errors.length === 0) known.lost = null;
  mark(document.body, "stale", lost);
  const own = lost ? [{ message: lostWords(errors[0]), hint: errors[0].hint ?? LOST_HINT }] : [];
  const problems = [...own, ...(known.status?.problems ?? []), ...unscanned()];
  showProblems(problems);
  showState(signedOut, lost, problems.length);
}

// Swarms that are watched, but that a network could not be asked for: who is there may be others by now.
function unscanned() {
  return known.swarms.flatMap(({ swarm, watched }) => {
    const failures = watched ? Object.entries(known.failing.get(swarm) ?? {}) : [];
    return failures.map(([network, error]) => ({
      message: `${plain(swarm, 60)} could not be looked up on ${network}: ${error.message}`,
      hint: error.hint,
    }));
  });
}

const LOST_HINT = "look whether it runs, with `bitboot serve --status`; this page goes on asking";

function lostWords(error) {
  const since = seconds((Date.now() - known.lost) / 1000);
  const why = error instanceof TypeError || error.name === "TimeoutError" ? "no answer" : error.message;
  return `The daemon could not be asked for ${since}: ${why}. What is shown is older`;
}

function showState(signedOut, lost, problems) {
  const node = find("#state");
  const [kind, words] = signedOut
    ? ["warn", "Signed out"]
    : lost
      ? ["bad", "No answer"]
      : problems
        ? ["warn", counted(problems, "problem")]
        : known.status === null
          ? ["idle", "Asking the daemon"]
          : ["good", "All is well"];
  node.dataset.kind = kind;
  write(node, words);
  document.title = kind === "good" || kind === "idle" ? "Bitboot" : `${words} · Bitboot`;
}

// What is shown

function showFigures() {
  const { status, swarms, minutes } = known;
  if (status === null) return;
  const peers = new Set(swarms.flatMap((swarm) => swarm.peers.map((peer) => `${peer.host} ${peer.port}`)));
  write(find("#figure-peers"), count(peers.size));
  write(find("#figure-swarms"), `in ${counted(swarms.length, "swarm")}`);
  write(find("#figure-contacts"), count(status.networks.reduce((sum, one) => sum + one.contacts, 0)));
  write(find("#figure-networks"), `in ${counted(status.networks.length, "network")}`);
  const place = bestPlace(status.networks);
  const [short, meaning] = reachability(place?.reachability);
  write(find("#figure-reachability"), short);
  write(find("#figure-outside"), place?.outside ? `seen at ${plain(place.outside)}` : meaning);
  const last = (unit) => summed(minutes.slice(-1), unit)[0];
  const [datagrams, size] = [last("datagrams"), last("bytes")];
  write(find("#figure-traffic"), datagrams ? count(datagrams.sent + datagrams.received) : "–");
  write(find("#figure-bytes"), datagrams ? `datagrams, ${bytes(size.sent + size.received)}` : "not counted yet");
  const connections = counted(status.clients, "connection");
  write(find("#daemon"), `Version ${plain(status.version, 40)}, up ${seconds(status.uptime)}, ${connections}`);
}

const RANKS = ["open", "mapped", "cone", "symmetric", "blocked", "unknown"];

function bestPlace(networks) {
  const places = networks.flatMap((network) => network.reachability);
  return places.sort((one, other) => RANKS.indexOf(one.reachability) - RANKS.indexOf(other.reachability))[0];
}

function chooseNetworks(networks) {
  const pick = find("#routing-network");
  const names = networks.map((network) => network.name);
  if (names.join("\n") === [...pick.options].map((option) => option.value).join("\n")) return;
  const chosen = pick.value;
  pick.replaceChildren(...names.map((name) => new Option(plain(name), name, false, name === chosen)));
  sleepers.contacts.wake();
}

function draw() {
  const unit = find("#traffic input:checked").value;
  drawTraffic(find("#traffic"), known.minutes, unit);
  drawRouting(find("#routing"), known.contacts);
}

// It begins

takeToken();
find("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(find("#token").value.trim());
  find("#token").value = "";
  known.signingIn = true;
  for (const sleeper of Object.values(sleepers)) sleeper.wake();
});
find("#traffic").addEventListener("change", draw);
find("#routing").addEventListener("change", () => sleepers.contacts.wake());
let width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (contentRect.width !== width) draw();
  width = contentRect.width;
}).observe(find("#main"));
repeat(askStatus, OFTEN, sleepers.status);
repeat(askSwarms, OFTEN, sleepers.swarms);
repeat(askAnnouncements, OFTEN, sleepers.announcements);
repeat(askTraffic, SELDOM, sleepers.traffic);
repeat(askContacts, SELDOM, sleepers.contacts);
follow();
