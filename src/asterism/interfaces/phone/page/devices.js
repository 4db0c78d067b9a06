// The dialog in which devices are chosen.
import { KINDS } from "./media.js";
import { mediaProblem } from "./words.js";

const byId = (id) => document.getElementById(id);

export function connectDevices(media, changed) {
  const dialog = byId("devices");
  const hint = byId("devices-hint");

  async function fill() {
    const devices = await media.list();
    let named = false;
    for (const [what, kind] of Object.entries(KINDS)) {
      const select = byId(what);
      const found = devices.filter((one) => one.kind === kind && one.deviceId && one.deviceId !== "default");
      named ||= found.some((one) => one.label);
      const options = found.map((one, index) => new Option(one.label || `${what} ${index + 1}`, one.deviceId));
      select.replaceChildren(new Option("As the system has it", ""), ...options);
      select.value = media.chosen[what] ?? "";
      if (select.selectedIndex < 0) select.value = "";
      select.disabled = kind === "audiooutput" && !media.choosesSpeakers;
    }
    byId("allow").hidden = named;
    hint.textContent = named
      ? (media.choosesSpeakers ? "" : "This browser lets the system choose the speaker.")
      : "The browser names devices once the microphone is allowed.";
  }

  for (const what of Object.keys(KINDS)) {
    byId(what).onchange = ({ target }) => {
      media.choose(what, target.value);
      changed(what);
    };
  }
  byId("open-devices").onclick = async () => {
    dialog.showModal();
    await fill();
  };
  byId("allow").onclick = async () => {
    try {
      await media.allow();
      await fill();
    } catch (error) {
      hint.textContent = mediaProblem(error);
    }
  };
  navigator.mediaDevices?.addEventListener("devicechange", () => { if (dialog.open) fill(); });
}
