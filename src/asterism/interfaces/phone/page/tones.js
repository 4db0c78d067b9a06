// The tones that a phone makes by itself: ringing here, ringing there, keys. Made on the spot, no files.

const PAIRS = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477], "*": [941, 1209], 0: [941, 1336], "#": [941, 1477],
};
const RINGING = { frequencies: [440, 480], on: 1, off: 4, volume: 0.06 }; // heard by who calls
const RING = { frequencies: [523.25, 659.25], on: 0.9, off: 2, volume: 0.2 }; // of an incoming call
const WAITING = { frequencies: [440], on: 0.2, off: 6, volume: 0.06 }; // of an incoming call beside another

export class Tones {
  constructor(media) {
    this.media = media;
    this.playing = "";
    this.timer = 0;
    this.waiting = false; // for the browser's leave
  }

  // A browser lets a page sound only after somebody has touched it. Until then nothing is put by: all of it would be
  // heard at once.
  async #beep(frequencies, seconds, volume, device = "speaker") {
    this.context ??= new AudioContext();
    const { context } = this;
    if (context.state !== "running") {
      if (this.waiting) return;
      this.waiting = true;
      const wanted = this.playing;
      await context.resume().catch(() => {});
      this.waiting = false;
      if (context.state !== "running" || this.playing !== wanted) return;
    }
    const sink = this.media.chosen[device] ?? "";
    if ("setSinkId" in context && context.sinkId !== sink) await context.setSinkId(sink).catch(() => {});
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(context.destination);
    const now = context.currentTime;
    gain.gain.setTargetAtTime(volume, now, 0.01);
    gain.gain.setTargetAtTime(0, now + seconds, 0.02);
    for (const frequency of frequencies) {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(gain);
      tone.start();
      tone.stop(now + seconds + 0.2);
    }
  }

  key(key) { if (PAIRS[key]) this.#beep(PAIRS[key], 0.12, 0.05); }

  // What is to be heard now: "ringing", "ring", "waiting" or "" for nothing.
  play(what) {
    if (what === this.playing) return;
    this.playing = what;
    clearInterval(this.timer);
    if (!what) return;
    const { frequencies, on, off, volume } = { ringing: RINGING, ring: RING, waiting: WAITING }[what];
    const beep = () => this.#beep(frequencies, on, volume, what === "ring" ? "ringer" : "speaker");
    beep();
    this.timer = setInterval(beep, (on + off) * 1000);
  }
}
