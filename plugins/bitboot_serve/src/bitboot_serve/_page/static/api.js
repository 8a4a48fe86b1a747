// Asking the daemon. Its token comes in the address's fragment, which no request carries, and stays in this tab.

const KEY = "bitboot-token";
const TIMEOUT = 10_000;
const MAX_EVENT = 1 << 20;

/** The daemon wants a token, or another one. */
export class SignedOut extends Error {}

/** The daemon's own words for what went wrong (RFC 9457). */
export class Problem extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

let token = null;

/** Takes the token out of the address, else the one that this tab knows. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    useToken(given);
  } else {
    token = sessionStorage.getItem(KEY);
  }
}

/** Uses this token from now on, and after a reload. */
export function useToken(given) {
  token = given;
  sessionStorage.setItem(KEY, given);
}

/** Whether there is one. */
export const hasToken = () => token !== null;

async function ask(path, accept, signal, more = {}) {
  const headers = { Accept: accept, ...more };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  const options = { headers, signal, cache: "no-store", credentials: "omit", redirect: "error" };
  const response = await fetch(path, options);
  if (response.ok) return response;
  if (response.status === 401) throw new SignedOut("the daemon wants its token");
  const said = await response.json().catch(() => ({}));
  throw new Problem(said.detail ?? said.title ?? `the daemon answered ${response.status}`, said.hint);
}

/** What the daemon answers. Throws SignedOut, Problem, or a TypeError where it does not answer. */
export async function get(path) {
  const response = await ask(path, "application/json", AbortSignal.timeout(TIMEOUT));
  return response.json();
}

/** The server-sent events of a path, until it ends: `{event, data, id}`, with data read as JSON; first "open". */
export async function* events(path, { signal, after = null } = {}) {
  const response = await ask(path, "text/event-stream", signal, after === null ? {} : { "Last-Event-ID": after });
  yield { event: "open", data: null, id: null };
  let event = { event: "message", data: [], id: null };
  for await (const line of lines(response.body.pipeThrough(new TextDecoderStream()))) {
    if (line === "") {
      if (event.data.length > 0) yield { ...event, data: JSON.parse(event.data.join("\n")) };
      event = { event: "message", data: [], id: event.id };
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.event = value;
    else if (field === "data") event.data.push(value);
    else if (field === "id") event.id = value;
  }
}

async function* lines(stream) {
  const reader = stream.getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      if (rest.length > MAX_EVENT) throw new Error("the daemon's event has no end");
      const ended = rest.split("\n");
      rest = ended.pop();
      for (const line of ended) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } finally {
    await reader.cancel();
  }
}
