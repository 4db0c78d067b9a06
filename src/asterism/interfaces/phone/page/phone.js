// The phone: an account and two lines, of which one talks at a time.
import { Line } from "./line.js";
import { decoded } from "./words.js";

const LINES = 2;
const LONGEST = 80; // characters of a name

// A number or name in a form fit to be shown. What callers say of themselves is anything: signs that cannot be seen, or
// that turn the direction of writing, could make one look like another.
function nameOf(identity) {
  const number = shown(identity.uri.user ?? "") || identity.uri.host;
  const name = shown(identity.display_name ?? "");
  return name && name !== number ? `${name} (${number})` : number;
}

function shown(text) {
  const plain = decoded(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}

export class Phone extends EventTarget {
  constructor(account, media, settings) {
    super();
    this.account = account;
    this.media = media;
    this.lines = Array.from({ length: LINES }, (_, index) => new Line(index + 1, media, settings));
    for (const line of this.lines) {
      line.addEventListener("change", () => this.dispatchEvent(new CustomEvent("line", { detail: line })));
      line.addEventListener("problem", ({ detail }) => this.#tell(detail));
      // Where our address has changed, the connection is lost as well, and does not notice for long.
      line.addEventListener("lost", () => account.reconnect());
    }
    account.addEventListener("call", ({ detail }) => this.#offered(detail));
    // Calls outlive a lost connection: the server is told where to find us, and media look for a new path.
    account.addEventListener("reconnected", () => { for (const line of this.lines) line.findPath(); });
  }

  #tell(text) { this.dispatchEvent(new CustomEvent("problem", { detail: text })); }

  get talking() { return this.lines.find((line) => line.state === "talking"); }
  get incoming() { return this.lines.find((line) => line.state === "incoming"); }
  get busy() { return this.lines.some((line) => line.busy); }
  get #free() { return this.lines.find((line) => line.state === "free") ?? this.lines.find((line) => line.state === "over"); }
  other(line) { return this.lines.find((one) => one !== line); }

  #offered(session) {
    const line = this.#free;
    if (line) line.offered(session, nameOf(session.remote_identity));
    else session.terminate({ status_code: 486 });
  }

  // The line of a new call; without one it is told why.
  get #mayDial() {
    if (this.lines.some((line) => line.state === "calling" || line.state === "ringing")) {
      return this.#tell("A call is being made already.");
    }
    return this.#free ?? this.#tell("Both lines are in use: end a call first.");
  }

  async #quiet(line) {
    const talking = this.talking;
    if (talking && talking !== line) await talking.hold();
  }

  async dial(number, withCamera = false) {
    if (this.account.state !== "registered") return this.#tell("You are not signed in.");
    if (!this.#mayDial) return;
    await this.#quiet(null);
    // Meanwhile a call may have come in.
    const line = this.#mayDial;
    if (line) await line.dial(this.account.agent, this.account.uri(number), number, withCamera);
  }

  async answer(line, withCamera = false) {
    await this.#quiet(line);
    await line.answer(withCamera);
  }

  async resume(line) {
    await this.#quiet(line);
    await line.resume();
  }

  transfer(line, number) { line.transfer(this.account.uri(number), number); }

  // Who is on one line gets to talk with who is on the other, without us.
  join(line) {
    const other = this.other(line);
    if (line.answered && other.answered) line.transfer(other.session.remote_identity.uri.toString(), other.who, other);
  }

  press(key) { return this.talking?.sendDigits(key) ?? false; }
}
