// A SIP.js phone: what the test calls is on window.phone.
import { Messager, Registerer, RegistererState, Subscriber, SubscriptionState, UserAgent } from "sip.js";

function settled(request) {
  return new Promise((resolve) => request({
    onAccept: (response) => resolve(response.message.statusCode),
    onReject: (response) => resolve(response.message.statusCode),
  }));
}

window.phone = {
  messages: [],
  async start(url, domain, user, password) {
    this.agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${user}@${domain}`),
      authorizationUsername: user,
      authorizationPassword: password,
      transportOptions: { server: url, keepAliveInterval: 1 },
      delegate: { onMessage: (message) => { this.messages.push(message.request.body); message.accept(); } },
      logLevel: "error",
    });
    await this.agent.start();
    this.registerer = new Registerer(this.agent, { expires: 4, refreshFrequency: 50 });
    return await this.register();
  },
  register() {
    return new Promise((resolve, reject) => this.registerer.register({ requestDelegate: {
      onAccept: () => resolve("registered"),
      onReject: (response) => reject(new Error(`${response.message.statusCode}`)),
    } }));
  },
  again() { return this.register(); },
  send(target, text) {
    const messager = new Messager(this.agent, UserAgent.makeURI(target), text);
    return settled((requestDelegate) => messager.message({ requestDelegate }));
  },
  options(target) {
    const core = this.agent.userAgentCore;
    const uri = UserAgent.makeURI(target);
    const message = core.makeOutgoingRequestMessage("OPTIONS", uri, this.agent.configuration.uri, uri, {});
    return settled((delegate) => core.request(message, delegate));
  },
  notifies: [],
  watch(target, event, accept) {
    const options = { expires: 600, extraHeaders: [`Accept: ${accept}`] };
    const watch = this.watching = new Subscriber(this.agent, UserAgent.makeURI(target), event, options);
    watch.delegate = { onNotify: (notification) => {
      const state = notification.request.getHeader("Subscription-State");
      this.notifies.push([state.startsWith("terminated"), notification.request.body]);
      notification.accept();
    } };
    return new Promise((resolve, reject) => {
      watch.stateChange.addListener((state) => {
        if (state === SubscriptionState.Subscribed) resolve("accepted");
        if (state === SubscriptionState.Terminated) { this.notifies.push(["over", ""]); reject(new Error("over")); }
      });
      watch.subscribe();
    });
  },
  async unwatch() { await this.watching.unsubscribe(); },
  connected() {
    return this.agent.isConnected() && this.registerer.state === RegistererState.Registered;
  },
  async stop() {
    const answer = await settled((requestDelegate) => this.registerer.unregister({ requestDelegate }));
    await this.agent.stop();
    return answer === 200 ? "unregistered" : answer;
  },
};
