// A JsSIP phone: what the test calls is on window.phone.
import JsSIP from "jssip";

window.phone = {
  messages: [],
  registrations: 0,
  start(url, domain, user, password) {
    const socket = new JsSIP.WebSocketInterface(url);
    this.ua = new JsSIP.UA({
      sockets: [socket],
      uri: `sip:${user}@${domain}`,
      password,
      // It refreshes five seconds before the end.
      register_expires: 7,
      session_timers: false,
    });
    this.ua.on("newMessage", (event) => {
      if (event.originator === "remote") this.messages.push(event.request.body);
    });
    this.ua.on("registered", () => { this.registrations += 1; });
    const registered = new Promise((resolve, reject) => {
      this.ua.on("registered", () => resolve("registered"));
      this.ua.on("registrationFailed", (event) => reject(new Error(`${event.cause}`)));
    });
    this.ua.start();
    return registered;
  },
  again() {
    const before = this.registrations;
    return new Promise((resolve) => {
      this.ua.on("registered", () => { if (this.registrations > before) resolve(this.registrations); });
      this.ua.register();
    });
  },
  send(target, text) {
    return new Promise((resolve) => this.ua.sendMessage(target, text, { eventHandlers: {
      succeeded: (event) => resolve(event.response.status_code),
      failed: (event) => resolve(event.response ? event.response.status_code : event.cause),
    } }));
  },
  options(target) {
    return new Promise((resolve) => this.ua.sendOptions(target, "", { eventHandlers: {
      succeeded: (event) => resolve(event.response.status_code),
      failed: (event) => resolve(event.response ? event.response.status_code : event.cause),
    } }));
  },
  notifies: [],
  watch(target, event, accept) {
    const watch = this.watching = this.ua.subscribe(target, event, accept, { expires: 600, params: {} });
    watch.on("notify", (terminated, request, body) => this.notifies.push([terminated, body ?? ""]));
    return new Promise((resolve, reject) => {
      watch.on("accepted", () => resolve("accepted"));
      watch.on("terminated", (code) => { this.notifies.push(["over", `${code}`]); reject(new Error(`${code}`)); });
      watch.subscribe();
    });
  },
  unwatch() { this.watching.terminate(); },
  connected() { return this.ua.isConnected() && this.ua.isRegistered(); },
  async stop() {
    const gone = new Promise((resolve) => this.ua.on("unregistered", () => resolve("unregistered")));
    this.ua.unregister();
    await gone;
    this.ua.stop();
    return "unregistered";
  },
};
