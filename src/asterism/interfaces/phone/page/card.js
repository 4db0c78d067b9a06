// How one line looks: its card is drawn anew from the line's state whenever that changes.
import { LINE } from "./words.js";
import { measure, text as qualityText } from "./quality.js";

const TICK_MS = 1000;
const MEASURE_TICKS = 2;

function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = two(Math.floor(seconds / 60) % 60);
  return `${seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : ""}${minutes}:${two(seconds % 60)}`;
}

export class Card {
  constructor(line, phone, template, withCamera) {
    this.line = line;
    this.phone = phone;
    this.withCamera = withCamera;
    this.element = template.content.cloneNode(true).firstElementChild;
    this.parts = Object.fromEntries([...this.element.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one]));
    this.buttons = Object.fromEntries([...this.element.querySelectorAll("[data-do]")].map((one) => [one.dataset.do, one]));
    this.element.id = `line-${line.number}`;
    this.parts.title.textContent = `Line ${line.number}`;
    this.parts.title.id = `line-${line.number}-title`;
    this.element.setAttribute("aria-labelledby", this.parts.title.id);
    this.parts.actions.setAttribute("aria-label", `What to do with line ${line.number}`);
    this.parts.audio.srcObject = line.remote;
    this.#connectButtons();
    this.ticks = 0;
    setInterval(() => this.#tick(), TICK_MS);
    this.draw();
  }

  #connectButtons() {
    const { line, phone, buttons, parts } = this;
    buttons.answer.onclick = () => phone.answer(line, this.withCamera());
    buttons.decline.onclick = () => line.hangUp();
    buttons.hangUp.onclick = () => line.hangUp();
    buttons.hold.onclick = () => (line.state === "held" ? phone.resume(line) : line.hold());
    buttons.mute.onclick = () => line.setMuted(!line.muted);
    buttons.camera.onclick = () => line.setCamera(!line.camera);
    buttons.join.onclick = () => phone.join(line);
    buttons.transfer.onclick = () => this.#askTarget(parts.transfer.hidden);
    parts.transfer.onsubmit = (event) => {
      event.preventDefault();
      const target = parts.target.value.trim();
      if (target) phone.transfer(line, target);
      this.#askTarget(false);
    };
  }

  #askTarget(open) {
    this.parts.transfer.hidden = !open;
    this.buttons.transfer.setAttribute("aria-expanded", String(open));
    if (open) {
      this.parts.target.value = "";
      this.parts.target.focus();
    } else if (this.buttons.transfer.checkVisibility()) {
      this.buttons.transfer.focus();
    }
  }

  // Escape closes what is open here; whether there was anything.
  close() {
    if (this.parts.transfer.hidden) return false;
    this.#askTarget(false);
    return true;
  }

  // What is said of the line, also to who cannot see it.
  get words() {
    const { line } = this;
    if (line.state === "over") return line.outcome || LINE.over;
    if (line.transferring) return `Transferring to ${line.transferring} …`;
    if (line.state === "talking" && line.heldByOther) return "On hold by the other side";
    if (line.state === "talking" && line.muted) return "Connected, you are muted";
    return LINE[line.state];
  }

  draw() {
    const { line, parts, buttons, element } = this;
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    element.dataset.state = line.state;
    parts.state.textContent = this.words;
    parts.who.textContent = line.state === "free" ? "" : line.who;
    parts.who.hidden = line.state === "free";
    const shown = {
      answer: line.state === "incoming",
      decline: line.state === "incoming",
      hold: line.answered,
      mute: line.answered,
      camera: line.answered,
      transfer: line.answered && !line.transferring,
      join: line.answered && !line.transferring && this.phone.other(line).answered,
      hangUp: line.busy && line.state !== "incoming",
    };
    for (const [name, show] of Object.entries(shown)) buttons[name].hidden = !show;
    parts.actions.hidden = !Object.values(shown).some(Boolean);
    buttons.hold.textContent = line.state === "held" ? "Resume" : "Hold";
    buttons.mute.setAttribute("aria-pressed", String(line.muted));
    buttons.camera.setAttribute("aria-pressed", String(line.camera));
    buttons.hangUp.textContent = line.answered ? "Hang up" : "Cancel";
    if (!line.answered) this.#askNothing();
    parts.videos.hidden = !(line.answered && (line.camera || line.showsVideo));
    parts["remote-video"].hidden = !line.showsVideo;
    parts["local-video"].hidden = !line.camera;
    if (parts["remote-video"].srcObject !== line.remote) parts["remote-video"].srcObject = line.remote;
    if (parts.audio.srcObject !== line.remote) parts.audio.srcObject = line.remote;
    if (parts["local-video"].srcObject !== line.local) parts["local-video"].srcObject = line.local;
    if (!this.#hears) {
      parts.quality.hidden = true;
      this.measured = null;
    }
    this.#drawTime();
    // A button that had the focus may be gone.
    if (focused && !focused.checkVisibility()) this.#passFocus();
  }

  // Whether there should be sound to judge: who is on hold may hear nothing.
  get #hears() { return this.line.state === "talking" && !this.line.heldByOther; }

  #askNothing() {
    this.parts.transfer.hidden = true;
    this.buttons.transfer.setAttribute("aria-expanded", "false");
  }

  // The first thing that can be done with the line, else the number.
  #passFocus() {
    const first = Object.values(this.buttons).find((button) => !button.hidden);
    (first ?? document.getElementById("number")).focus();
  }

  #drawTime() {
    const { line, parts } = this;
    parts.time.textContent = line.answered ? clock(Date.now() - line.since) : "";
  }

  #tick() {
    this.#drawTime();
    this.ticks += 1;
    if (this.ticks % MEASURE_TICKS === 0 && this.#hears) this.#measure().catch(() => {});
  }

  async #measure() {
    const { line, parts } = this;
    const before = this.measured;
    const now = await measure(line.connection, before?.sums);
    if (!this.#hears || this.measured !== before) return;
    this.measured = now;
    const { said, details } = qualityText(now);
    parts.quality.hidden = !before; // the first one has nothing to compare with
    parts.quality.dataset.word = said;
    parts.quality.replaceChildren(Object.assign(document.createElement("strong"), { textContent: said }), ` ${details}`);
  }
}
