// Being registered: one agent of JsSIP, and what the page says of it.
//
//                sign in                open                   200
//   signed-out ──────────▶ connecting ────────▶ registering ────────▶ registered
//       ▲                      ▲  ▲                  │ refused            │
//       │                      │  ╰─────── lost ◀────┼────────────────────┤ closed
//       ╰──────────────────────┴─────────────────────╯ ◀──────────────────╯ sign out
import JsSIP from "./vendor/jssip.js";
import { connectionProblem, registrationProblem } from "./words.js";

const KEPT = "asterism-phone";
const PATIENCE = 2; // attempts to connect before the page says that nothing answers
const AGAIN_MS = 4000; // after the server would not, or did not answer
const LONGEST_MS = 60000;

export class Account extends EventTarget {
  constructor(settings) {
    super();
    this.settings = settings;
    this.state = "signed-out";
    this.user = "";
    this.agent = null;
    this.wait = AGAIN_MS;
  }

  get domain() { return this.settings.domain || location.hostname; }
  get url() { return new URL("../ws", location.href).href.replace(/^http/, "ws").replace(/[?#].*$/, ""); }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  #tell(text) { this.dispatchEvent(new CustomEvent("problem", { detail: text })); }

  // Nothing is kept beyond the tab, and nothing at all unless wished.
  kept() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT)) ?? null;
    } catch {
      return null;
    }
  }

  #keep(account) {
    try {
      if (account === null) sessionStorage.removeItem(KEPT);
      else sessionStorage.setItem(KEPT, JSON.stringify(account));
    } catch { /* a browser that keeps nothing */ }
  }

  signIn(user, password, keep) {
    this.#stop();
    this.user = user;
    let attempts = 0;
    let agent;
    try {
      agent = new JsSIP.UA({
        sockets: [new JsSIP.WebSocketInterface(this.url)],
        uri: this.uri(user),
        authorization_user: user,
        password,
        user_agent: `Asterism phone (${JsSIP.name} ${JsSIP.version})`,
        register_expires: 120,
        session_timers: false,
        connection_recovery_min_interval: 1,
        connection_recovery_max_interval: 15,
      });
    } catch {
      this.#tell("This cannot be a user name.");
      return;
    }
    // Events of an agent that was replaced say nothing any more.
    const on = (event, react) => agent.on(event, (data) => { if (this.agent === agent) react(data ?? {}); });
    on("connected", () => {
      attempts = 0;
      const again = this.state === "lost";
      this.#become("registering");
      if (again) this.dispatchEvent(new Event("reconnected"));
    });
    on("disconnected", () => {
      attempts += 1;
      if (attempts === PATIENCE) this.#tell(connectionProblem(this.url));
      this.#become("lost");
    });
    on("registered", () => {
      this.wait = AGAIN_MS;
      this.#keep(keep ? { user, password } : null);
      this.#become("registered");
    });
    on("registrationFailed", ({ cause, response }) => {
      const status = response?.status_code;
      // What says nothing of the account is tried again: with the next connection, and there is one when none was lost.
      if (status === undefined ? cause !== "Authentication Error" : status === 408 || (status >= 500 && status < 600)) {
        if (status !== undefined) this.#tell("The server cannot sign you in now. It is tried again.");
        this.#become("lost");
        if (cause !== "Connection Error") this.#tryAgain(agent, status === undefined);
        return;
      }
      this.#tell(registrationProblem(cause, status, user));
      this.signOut();
    });
    on("newRTCSession", ({ originator, session }) => {
      if (originator === "remote") this.dispatchEvent(new CustomEvent("call", { detail: session }));
    });
    this.agent = agent;
    this.#become("connecting");
    agent.start();
  }

  // Less often each time. Who answers is only asked again; who does not may be at the end of a connection that is dead.
  #tryAgain(agent, dead) {
    setTimeout(() => {
      if (this.agent !== agent || this.state !== "lost") return;
      if (dead) this.reconnect();
      else if (agent.transport.isConnected()) agent.register();
    }, this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_MS);
  }

  // Have a connection that begins now; where there is none, one is on its way.
  reconnect() {
    const transport = this.agent?.transport;
    if (!transport?.isConnected()) return;
    transport.disconnect();
    transport.connect();
  }

  signOut() {
    this.#keep(null);
    this.#stop();
    this.#become("signed-out");
  }

  // The page goes: say so to the server, but keep what is kept for its next visit.
  leave() { this.#stop(); }

  #stop() {
    const agent = this.agent;
    this.agent = null;
    agent?.stop();
  }

  // The SIP URI of what was dialled: a number, a name, or a whole address.
  uri(target) {
    if (/^sips?:/.test(target)) return target;
    const at = target.lastIndexOf("@");
    const [user, domain] = at > 0 ? [target.slice(0, at), target.slice(at + 1)] : [target, this.domain];
    return `sip:${encodeURIComponent(user).replaceAll("%2B", "+")}@${domain}`;
  }
}
