// Microphone, camera and speakers: which there are, which are chosen.

const CHOSEN = "asterism-phone-devices";
export const KINDS = { microphone: "audioinput", speaker: "audiooutput", ringer: "audiooutput", camera: "videoinput" };

export class Media {
  constructor(httpsUrl) {
    this.httpsUrl = httpsUrl;
    try {
      this.chosen = JSON.parse(localStorage.getItem(CHOSEN)) ?? {};
    } catch {
      this.chosen = {};
    }
  }

  get choosesSpeakers() { return "setSinkId" in HTMLMediaElement.prototype; }

  choose(what, id) {
    this.chosen[what] = id;
    try {
      localStorage.setItem(CHOSEN, JSON.stringify(this.chosen));
    } catch { /* a browser that keeps nothing */ }
  }

  // Why this page can have no microphone at all; empty where it can.
  get refusal() {
    if (navigator.mediaDevices) return "";
    return "Browsers give a microphone only to pages with https, or of the same machine."
      + (this.httpsUrl ? ` Open ${this.httpsUrl} instead.` : " The server has no https yet (tlsenable in http.conf).");
  }

  async #get(constraints) {
    if (this.refusal) throw Object.assign(new Error(this.refusal), { name: "InsecureContextError" });
    return await navigator.mediaDevices.getUserMedia(constraints);
  }

  // A stream of what is chosen of "microphone" and "camera".
  async capture(...kinds) {
    const ask = (wish) => this.#get(Object.fromEntries(kinds.map((what) => [what === "camera" ? "video" : "audio", wish(what)])));
    try {
      return await ask((what) => (this.chosen[what] ? { deviceId: { exact: this.chosen[what] } } : true));
    } catch (error) {
      // A chosen device that is not there any more is no reason to have no call.
      if (error.name !== "OverconstrainedError") throw error;
      return await ask(() => true);
    }
  }

  // Names of devices are told only after the microphone was allowed once.
  async allow() {
    const stream = await this.capture("microphone");
    for (const track of stream.getTracks()) track.stop();
  }

  async list() {
    return navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  }

  async speakOn(element, what) {
    if (!this.choosesSpeakers) return;
    try {
      await element.setSinkId(this.chosen[what] ?? "");
    } catch { /* it is gone: the system's own is used */ }
  }
}
