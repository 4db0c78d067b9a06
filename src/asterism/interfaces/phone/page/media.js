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

  #get(constraints) {
    if (!navigator.mediaDevices) {
      const error = new Error("Browsers give a microphone only to pages with https, or of the same machine."
        + (this.httpsUrl ? ` Open ${this.httpsUrl} instead.` : " The server has no https yet (tlsenable in http.conf)."));
      error.name = "InsecureContextError";
      throw error;
    }
    return navigator.mediaDevices.getUserMedia(constraints);
  }

  // A chosen device that is not there any more is no reason to have no call.
  #wish(what) { return this.chosen[what] ? { deviceId: { ideal: this.chosen[what] } } : true; }

  async capture(withCamera) {
    const audio = this.#wish("microphone");
    if (!withCamera) return await this.#get({ audio });
    return await this.#get({ audio, video: this.#wish("camera") });
  }

  async captureCamera() { return await this.#get({ video: this.#wish("camera") }); }

  // Names of devices are told only after the microphone was allowed once.
  async allow() {
    const stream = await this.#get({ audio: true });
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
