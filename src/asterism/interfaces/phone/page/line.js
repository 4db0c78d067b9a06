// One line: a call from its first message to its last, as a state machine over a session of JsSIP.
//
//            dial              progress            accepted
//   free ──────────▶ calling ──────────▶ ringing ──────────▶ talking ◀──────▶ held
//    ▲  ╲                                                      ▲    held/resumed
//    │   ╲ offered             accepted                        │
//    │    ╰────────▶ incoming ─────────────────────────────────╯
//    │ cleared                         ended, from any of them
//    ╰───────────── over ◀────────────────────────────────────────
import JsSIP from "./vendor/jssip.js";
import { causeText, mediaProblem, reason } from "./words.js";

export const NEXT = {
  free: { dial: "calling", offered: "incoming" },
  calling: { progress: "ringing", accepted: "talking", ended: "over" },
  ringing: { progress: "ringing", accepted: "talking", ended: "over" },
  incoming: { accepted: "talking", ended: "over" },
  talking: { held: "held", ended: "over" },
  held: { resumed: "talking", ended: "over" },
  over: { cleared: "free", dial: "calling", offered: "incoming" },
};

const OVER_SECONDS = 6;
const DIGIT_MS = 120;
const GATHER_MS = 1500; // for a STUN or TURN server that does not answer
const LOST_MS = 3000; // without a path before another is looked for

const READY_MS = 50; // between looks at whether an offer or answer is still on its way
const READY_TRIES = 200;

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export class Line extends EventTarget {
  #turn = Promise.resolve();

  constructor(number, media, settings) {
    super();
    this.number = number;
    this.media = media; // getUserMedia with the chosen devices
    this.settings = settings;
    this.#clear();
  }

  #clear() {
    this.state = "free";
    this.session = null;
    this.who = "";
    this.outcome = ""; // in plain words, when it is over
    this.since = 0; // when it was answered, in milliseconds
    this.muted = false;
    this.heldByOther = false;
    this.transferring = "";
    this.local = null; // MediaStream
    this.remote = new MediaStream();
    this.earlyMedia = false;
    this.changing = false; // the browser is asked for a microphone or a camera
  }

  get busy() { return this.state !== "free" && this.state !== "over"; }
  get answered() { return this.state === "talking" || this.state === "held"; }
  get connection() { return this.session?.connection ?? null; }
  get camera() { return Boolean(this.local?.getVideoTracks().some((track) => track.enabled && track.readyState === "live")); }
  get showsVideo() { return this.remote.getVideoTracks().some((track) => track.readyState === "live" && !track.muted); }

  #happen(event) {
    const next = NEXT[this.state][event];
    if (next === undefined) return false;
    this.state = next;
    this.#changed();
    return true;
  }

  #changed() { this.dispatchEvent(new Event("change")); }
  #tell(text) { this.dispatchEvent(new CustomEvent("problem", { detail: text })); }

  // -- beginning ----------------------------------------------------------------------------------

  async dial(agent, target, who, withCamera) {
    if (!this.#begin("dial", who)) return;
    const [stream, pcConfig] = await Promise.all([this.#capture(withCamera), this.settings.path()]);
    if (stream === null || this.state !== "calling") return;
    this.#take(agent.call(target, {
      mediaStream: stream,
      pcConfig,
      // Video of the other side is taken where we show ours.
      rtcOfferConstraints: stream.getVideoTracks().length ? { offerToReceiveVideo: true } : {},
    }));
  }

  offered(session, who) {
    if (this.#begin("offered", who)) this.#take(session);
  }

  #begin(event, who) {
    if (this.state === "over") this.#clear();
    if (NEXT[this.state][event] === undefined) return false;
    this.who = who;
    return this.#happen(event);
  }

  async answer(withCamera) {
    if (this.state !== "incoming" || this.changing) return;
    this.changing = true;
    const [stream, pcConfig] = await Promise.all([this.#capture(withCamera), this.settings.path()]);
    this.changing = false;
    if (stream !== null && this.state === "incoming") this.session.answer({ mediaStream: stream, pcConfig });
    else if (this.state === "incoming") this.session.terminate({ status_code: 480 });
  }

  async #capture(withCamera) {
    const { session } = this;
    let stream;
    try {
      // One question of the browser's for both; a camera that cannot be had is no reason to have no call.
      const both = withCamera ? this.media.capture("microphone", "camera") : Promise.reject();
      stream = await both.catch(() => this.media.capture("microphone"));
    } catch (error) {
      this.#tell(mediaProblem(error));
      if (this.state === "calling" && this.session === session) this.#end("No microphone");
      return null;
    }
    if (withCamera && !stream.getVideoTracks().length) this.#tell("The camera cannot be had: the call goes on without it.");
    if (this.busy && this.session === session) {
      this.local = stream;
      for (const track of stream.getTracks()) this.#keepAlive(track);
      return stream;
    }
    stop(stream);
    return null;
  }

  // A microphone that is pulled out in the middle of a call: another one takes over.
  #keepAlive(track) {
    const what = track.kind === "audio" ? "microphone" : "camera";
    track.addEventListener("ended", () => { if (what === "microphone") this.useDevice(what); else this.#changed(); });
  }

  #take(session) {
    this.session = session;
    session.on("progress", ({ originator, response }) => {
      if (originator !== "remote") return;
      this.earlyMedia = Boolean(response?.body);
      this.#happen("progress");
    });
    session.on("accepted", () => {
      this.since = Date.now();
      this.#happen("accepted");
    });
    session.on("ended", ({ originator, cause }) => this.#end(causeText(cause, originator, true)));
    session.on("failed", ({ originator, cause, message }) => {
      this.#end(this.outcome || causeText(cause, originator, false, message?.status_code));
    });
    session.on("hold", ({ originator }) => {
      if (originator === "local") this.#happen("held");
      else this.heldByOther = true;
      this.#changed();
    });
    session.on("unhold", ({ originator }) => {
      if (originator === "local") this.#happen("resumed");
      else this.heldByOther = false;
      this.#changed();
    });
    session.on("muted", () => { this.muted = true; this.#changed(); });
    session.on("unmuted", () => { this.muted = false; this.#changed(); });
    session.on("refer", ({ reject }) => reject());
    let timer = 0;
    session.on("icecandidate", ({ ready }) => {
      clearTimeout(timer);
      timer = setTimeout(ready, GATHER_MS);
    });
    if (session.connection) this.#watch(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
  }

  #watch(connection) {
    connection.addEventListener("track", ({ track }) => {
      for (const old of this.remote.getTracks()) if (old.kind === track.kind) this.remote.removeTrack(old);
      this.remote.addTrack(track);
      for (const event of ["mute", "unmute", "ended"]) track.addEventListener(event, () => this.#changed());
      this.#changed();
    });
    let timer = 0;
    connection.addEventListener("iceconnectionstatechange", () => {
      clearTimeout(timer);
      if (connection.iceConnectionState === "disconnected") timer = setTimeout(() => this.dispatchEvent(new Event("lost")), LOST_MS);
    });
  }

  // -- during the call ----------------------------------------------------------------------------

  hold() { return this.#ask(() => this.state === "talking", (done) => this.session.hold({}, done)); }
  resume() { return this.#ask(() => this.state === "held", (done) => this.session.unhold({}, done)); }

  // Have the browser look for another way for the media (RFC 8445: an ICE restart), and tell the server where we are now.
  async findPath() {
    if (!this.answered) return;
    const { connection } = this;
    const { iceServers } = await this.settings.path();
    if (connection !== this.connection) return;
    connection.setConfiguration({ ...connection.getConfiguration(), iceServers });
    await this.#renegotiate({ rtcOfferConstraints: { iceRestart: true } });
  }

  #renegotiate(options = {}) { return this.#ask(() => this.answered, (done) => this.session.renegotiate(options, done)); }

  // What the server must agree to goes one after another, however quickly somebody clicks. Whether it was agreed to.
  #ask(possible, ask) {
    const { session } = this;
    const change = async () => {
      for (let tries = 0; this.session === session && !session?.isReadyToReOffer() && tries < READY_TRIES; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, READY_MS));
      }
      if (this.session !== session || !possible()) return false;
      return await new Promise((resolve) => {
        this.addEventListener("over", () => resolve(false), { once: true });
        if (!ask(() => resolve(true))) resolve(false);
      });
    };
    this.#turn = this.#turn.then(change, change);
    return this.#turn;
  }

  setMuted(muted) {
    if (!this.session) return;
    if (muted) this.session.mute({ audio: true });
    else this.session.unmute({ audio: true });
  }

  async setCamera(on) {
    const tracks = this.local?.getVideoTracks().filter((track) => track.readyState === "live") ?? [];
    if (!this.answered || this.changing) return;
    if (tracks.length) {
      for (const track of tracks) track.enabled = on;
      this.#changed();
      return;
    }
    if (!on) return;
    this.changing = true;
    try {
      const stream = await this.media.capture("camera");
      if (!this.answered) return stop(stream);
      const [track] = stream.getVideoTracks();
      this.local.addTrack(track);
      this.#keepAlive(track);
      const idle = this.connection.getTransceivers().find((one) => one.receiver.track.kind === "video" && !one.sender.track && !one.stopped);
      if (idle) {
        await idle.sender.replaceTrack(track);
        idle.direction = "sendrecv";
      } else {
        this.connection.addTrack(track, this.local);
      }
      this.#renegotiate({ rtcOfferConstraints: { offerToReceiveVideo: true } });
    } catch (error) {
      this.#tell(mediaProblem(error, "camera"));
    } finally {
      this.changing = false;
      this.#changed();
    }
  }

  // The microphone or camera that is chosen now, without a word to the other side: what is sent keeps its form.
  async useDevice(what) {
    const kind = what === "camera" ? "video" : "audio";
    const { session, connection } = this;
    const sender = connection?.getSenders().find(({ track }) => track?.kind === kind);
    if (!this.answered || !sender) return;
    try {
      const stream = await this.media.capture(what);
      if (this.session !== session) return stop(stream);
      const old = sender.track;
      const [track] = stream.getTracks();
      track.enabled = old.enabled; // muted and held stay what they are
      await sender.replaceTrack(track);
      old.stop();
      if (this.session !== session) return stop(stream);
      this.local.removeTrack(old);
      this.local.addTrack(track);
      this.#keepAlive(track);
      this.#changed();
    } catch (error) {
      this.#tell(mediaProblem(error, what));
    }
  }

  // RTP events (RFC 4733).
  sendDigits(digits) {
    if (this.state !== "talking") return false;
    this.session.sendDTMF(digits, { transportType: "RFC2833", duration: DIGIT_MS, interToneGap: 80 });
    return true;
  }

  // The other side is sent elsewhere: to a number, or to whom another line talks with.
  // `other` is that line (RFC 3891: Replaces has the tags as the server sees them).
  transfer(target, who, other = null) {
    if (!this.answered || this.transferring) return;
    this.transferring = who;
    this.#changed();
    const failed = (text) => {
      this.transferring = "";
      this.#tell(`The call could not be transferred to ${who}: ${text}.`);
      this.#changed();
    };
    const uri = JsSIP.URI.parse(target);
    if (other) {
      const { call_id: call, local_tag: ours, remote_tag: theirs } = other.session._dialog.id;
      uri.setHeader("Replaces", encodeURIComponent(`${call};to-tag=${theirs};from-tag=${ours}`));
    }
    this.session.refer(uri, {
      eventHandlers: {
        requestFailed: ({ response, cause }) => failed(reason(cause, response?.status_code)),
        failed: ({ status_line: line }) => failed(reason("", line?.status_code)),
        accepted: () => {
          this.outcome = `Transferred to ${who}`;
          if (this.busy) this.session.terminate();
          if (other?.busy) other.hangUp(this.outcome);
        },
      },
    });
  }

  // -- the end ------------------------------------------------------------------------------------

  hangUp(outcome = "") {
    this.outcome = outcome || this.outcome;
    if (!this.session) this.#end(this.outcome || "Cancelled");
    else if (this.state === "incoming") this.session.terminate({ status_code: 486 });
    else this.session.terminate();
  }

  #release() {
    stop(this.local);
    this.local = null;
  }

  #end(text) {
    this.outcome = this.outcome || text;
    this.#release();
    for (const track of this.remote.getTracks()) this.remote.removeTrack(track);
    this.session = null;
    this.changing = false;
    this.transferring = "";
    if (!this.#happen("ended")) return;
    this.dispatchEvent(new Event("over"));
    setTimeout(() => {
      if (this.state !== "over") return;
      this.#clear();
      this.#changed();
    }, OVER_SECONDS * 1000);
  }
}
