// A SIP.js phone that calls: what the test calls is on window.phone.
import { Inviter, Registerer, SessionState, UserAgent, Web } from "sip.js";

window.phone = {
  state: "free",
  incoming: null,
  audio: Object.assign(new Audio(), { autoplay: true }),
  async start(url, domain, user, password) {
    this.agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${user}@${domain}`),
      authorizationUsername: user,
      authorizationPassword: password,
      transportOptions: { server: url },
      delegate: { onInvite: (invitation) => { this.take(invitation); this.incoming = invitation; } },
      logLevel: "error",
    });
    await this.agent.start();
    return await new Promise((resolve, reject) => new Registerer(this.agent).register({ requestDelegate: {
      onAccept: () => resolve("registered"),
      onReject: (response) => reject(new Error(`${response.message.statusCode}`)),
    } }));
  },
  take(session) {
    this.session = session;
    session.stateChange.addListener((state) => {
      // Chromium lets a page measure only what it plays.
      if (state === SessionState.Established) this.audio.srcObject = this.stream;
      this.state = state;
    });
  },
  get stream() { return this.session.sessionDescriptionHandler.remoteMediaStream; },
  get connection() { return this.session.sessionDescriptionHandler.peerConnection; },
  async dial(number, domain, video = false) {
    const options = { sessionDescriptionHandlerOptions: { constraints: { audio: true, video } } };
    this.take(new Inviter(this.agent, UserAgent.makeURI(`sip:${number}@${domain}`), options));
    await this.session.invite();
  },
  async answer(video = false) {
    await this.incoming.accept({ sessionDescriptionHandlerOptions: { constraints: { audio: true, video } } });
  },
  // A re-INVITE: hold, resume, or an ICE restart.
  again(options) {
    return new Promise((resolve) => this.session.invite({
      sessionDescriptionHandlerOptions: options,
      sessionDescriptionHandlerModifiers: options.hold ? [Web.holdModifier] : [],
      requestDelegate: { onAccept: () => resolve("accepted"), onReject: (response) => resolve(response.message.statusCode) },
    }));
  },
  digits(tones) { return this.session.sessionDescriptionHandler.sendDtmf(tones, { duration: 120, interToneGap: 80 }); },
  refer(number, domain) { return this.session.refer(UserAgent.makeURI(`sip:${number}@${domain}`)); },
  async end() { await this.session.bye(); },
  get over() { return this.state === SessionState.Terminated; },
};
