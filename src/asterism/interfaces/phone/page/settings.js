// What the server tells of itself: asked for when the page is opened, and before each call.

const PATIENCE_MS = 3000;

export class Settings {
  domain = "";
  httpsPort = null;
  iceServers = [];

  // Passwords for a TURN server expire, so that what was told once may be of no use any more.
  async read() {
    const answer = await fetch("settings.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    Object.assign(this, await answer.json());
  }

  // Where the browser may look for a path; what was known last, while the server does not answer.
  async path() {
    await this.read().catch(() => {});
    return { iceServers: this.iceServers, bundlePolicy: "max-bundle" };
  }
}
