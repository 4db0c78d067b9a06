// The page: forms, keys of the keyboard, and what is said aloud. What a phone does is in phone.js and line.js.
import { Account } from "./account.js";
import { Card } from "./card.js";
import { connectDevices } from "./devices.js";
import { Media } from "./media.js";
import { Phone } from "./phone.js";
import { Settings } from "./settings.js";
import { Tones } from "./tones.js";
import { ACCOUNT, decoded } from "./words.js";

const KEYS = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""],
];
const SPOKEN = { "*": "star", "#": "pound" };

const byId = (id) => document.getElementById(id);
const number = byId("number");

async function start() {
  const settings = new Settings();
  await settings.read();
  const httpsUrl = settings.httpsPort ? `https://${location.hostname}:${settings.httpsPort}${location.pathname}` : "";
  const media = new Media(httpsUrl);
  const account = new Account(settings);
  const phone = new Phone(account, media, settings);
  const tones = new Tones(media);
  const withCamera = () => byId("with-camera").checked;
  const cards = phone.lines.map((line) => new Card(line, phone, byId("line"), withCamera));
  byId("lines").append(...cards.map((card) => card.element));

  // -- what is told ---------------------------------------------------------------------------------

  function tell(text) {
    byId("problem-text").textContent = text;
    byId("problem").hidden = !text;
  }
  byId("problem-close").onclick = () => tell("");
  account.addEventListener("problem", ({ detail }) => tell(detail));
  phone.addEventListener("problem", ({ detail }) => tell(detail));

  const announced = new Map();
  function announce(card) {
    const { line } = card;
    const help = line.state === "incoming" ? `. ${answers(document.activeElement) ? "Enter answers, " : ""}Escape declines` : "";
    const text = line.state === "free" ? "" : `Line ${line.number}: ${line.who}: ${card.words}${help}`;
    if (announced.get(line) === text) return;
    announced.set(line, text);
    if (text) byId("said").textContent = text;
  }

  function drawTitle() {
    const { incoming, talking } = phone;
    const what = incoming ? `📞 ${incoming.who} calls` : talking ? `${talking.who} ·` : "";
    document.title = `${what} Asterism phone`.trim();
  }

  function sound() {
    const { incoming } = phone;
    const calling = phone.lines.find((line) => line.state === "ringing" && !line.earlyMedia);
    tones.play(incoming ? (phone.lines.some((line) => line.answered) ? "waiting" : "ring") : calling ? "ringing" : "");
  }

  phone.addEventListener("line", ({ detail }) => {
    for (const card of cards) card.draw(); // what can be done with one line depends on the other
    announce(cards[detail.number - 1]);
    drawTitle();
    sound();
    byId("call").textContent = phone.busy ? "Second call" : "Call";
  });

  function applyDevice(what) {
    for (const { line, parts } of cards) {
      if (what === "speaker") media.speakOn(parts.audio, what);
      else if (what !== "ringer") line.useDevice(what);
    }
  }
  connectDevices(media, applyDevice);
  applyDevice("speaker");
  if (media.refusal) tell(media.refusal);

  // -- signing in -----------------------------------------------------------------------------------

  account.addEventListener("change", () => {
    const { state } = account;
    const inside = state === "registered" || ((state === "lost" || state === "registering") && !byId("phone").hidden);
    const entered = inside && byId("phone").hidden;
    byId("account").dataset.state = state;
    byId("account-text").textContent = state === "registered" ? `Signed in as ${account.user}` : ACCOUNT[state];
    byId("sign-in").hidden = inside;
    byId("sign-in-button").disabled = state !== "signed-out";
    byId("phone").hidden = !inside;
    byId("sign-out").hidden = state === "signed-out";
    byId("sign-out").textContent = inside ? "Sign out" : "Cancel";
    if (state === "registered") tell("");
    if (state === "registered" || state === "lost") byId("said").textContent = byId("account-text").textContent;
    if (entered) number.focus();
    else if (state === "signed-out") byId("user").focus();
  });
  byId("sign-in").onsubmit = (event) => {
    event.preventDefault();
    tell("");
    account.signIn(byId("user").value.trim(), byId("password").value, byId("keep").checked);
    byId("password").value = "";
  };
  byId("sign-out").onclick = () => account.signOut();
  addEventListener("beforeunload", (event) => { if (phone.busy) event.preventDefault(); });
  addEventListener("pagehide", () => account.leave());
  addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });

  // -- dialling -------------------------------------------------------------------------------------

  function press(key) {
    tones.key(key);
    if (phone.talking) phone.press(key);
    else number.value += key;
  }
  for (const [key, letters] of KEYS) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = key;
    if (SPOKEN[key]) button.setAttribute("aria-label", SPOKEN[key]);
    button.append(`${key} `, Object.assign(document.createElement("small"), { textContent: letters }));
    button.onclick = () => press(key);
    button.onmousedown = (event) => event.preventDefault(); // the focus, and with it Enter, stays where it is
    byId("keys").append(button);
  }
  byId("erase").onclick = () => {
    number.value = number.value.slice(0, -1);
    number.focus();
  };
  byId("dial").onsubmit = (event) => {
    event.preventDefault();
    const wanted = number.value.trim();
    if (!wanted) {
      number.focus();
      // Digits go to the call that talks: for a second one it is held first.
      phone.talking?.hold();
      return;
    }
    number.value = "";
    tell("");
    phone.dial(wanted, withCamera());
  };

  // -- the keyboard -----------------------------------------------------------------------------------

  // Whether Enter is for the phone: a button that has the focus is pressed by it, a form is sent. These are the browser's.
  function answers(target) {
    return !(target.closest("button, a, select, .transfer") || (target === number && number.value));
  }

  function onEnter(target) {
    const { incoming } = phone;
    if (!incoming || !answers(target)) return false;
    phone.answer(incoming, withCamera());
    return true;
  }

  function onEscape() {
    if (cards.some((card) => card.close())) return true;
    const line = phone.incoming ?? phone.lines.find((one) => one.state === "calling" || one.state === "ringing") ?? phone.talking;
    if (!line) return false;
    line.hangUp();
    return true;
  }

  addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || byId("phone").hidden || byId("devices").open) return;
    const { target, key } = event;
    const typing = target.matches?.("input:not([type=checkbox]), select");
    let done = false;
    if (key === "Enter") done = onEnter(target);
    else if (key === "Escape") done = onEscape();
    else if (/^[0-9*#]$/.test(key) && !event.repeat && (!typing || (target === number && phone.talking))) {
      press(key);
      done = true;
    }
    if (done) event.preventDefault();
  });

  const kept = account.kept();
  const wished = decoded(location.hash.slice(1));
  byId("user").value = wished || kept?.user || "";
  if (kept && (!wished || wished === kept.user)) account.signIn(kept.user, kept.password, true);
  else (wished ? byId("password") : byId("user")).focus();
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  byId("problem-text").textContent = `The phone cannot start: ${error.message}`;
  byId("problem").hidden = false;
});
