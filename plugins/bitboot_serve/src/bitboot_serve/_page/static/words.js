// Numbers, times and states as people read them.

const LANGUAGE = "en";
const whole = new Intl.NumberFormat(LANGUAGE);
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const hour = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** 1,234 */
export const count = (number) => whole.format(number);

/** "1 peer", "2 peers" */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** "12:03:22", of milliseconds since 1970 */
export const time = (at) => clock.format(at);

/** "12:03" */
export const minute = (at) => hour.format(at);

/** "8 s", "12 min", "3 h 5 min", "2 days" */
export function seconds(length) {
  const left = Math.max(0, Math.round(length));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.round(left / 60)} min`;
  const minutes = Math.round(left / 60);
  if (minutes < 48 * 60) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  return `${Math.floor(minutes / 1440)} days`;
}

/** "640 µs", "3.2 ms", "48 ms", "1.2 s" */
export function roundTrip(length) {
  if (length < 0.001) return `${Math.round(length * 1e6)} µs`;
  const milliseconds = length * 1000;
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${length.toFixed(1)} s`;
}

/** "0 B", "812 B", "3.1 kB", "1.4 MB" */
export function bytes(number) {
  if (number < 1000) return `${count(number)} B`;
  const [unit, size] = number < 1e6 ? ["kB", 1e3] : number < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  const scaled = number / size;
  return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${unit}`;
}

/** An endpoint: IPv6 in brackets. */
export const endpoint = (host, port) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

const REACHED = {
  open: ["Open", "anybody can begin a conversation"],
  mapped: ["Mapped", "the router lets anybody in"],
  cone: ["Behind a NAT", "it lets in whom this machine has written to"],
  symmetric: ["Symmetric NAT", "nobody but those this machine has written to"],
  blocked: ["Blocked", "nothing gets in or out"],
  unknown: ["Not known yet", "too little has been seen"],
};

/** A short word for a reachability, and what it means. */
export const reachability = (value) => REACHED[value] ?? REACHED.unknown;

const STATES = { ready: "In touch", connecting: "Getting in touch", failed: "Not in touch" };

/** A word for a network's state. */
export const networkState = (value) => STATES[value] ?? "Unknown";
