// How good a call sounds: from the browser's statistics (W3C webrtc-stats) to a plain word.

// The sums so far.
async function sums(connection) {
  const found = { received: 0, lost: 0, jitter: 0, round: null, lossThere: null, codec: "", frames: 0, size: "" };
  const report = await connection.getStats();
  for (const one of report.values()) {
    if (one.type === "inbound-rtp" && one.kind === "audio") {
      found.received += one.packetsReceived ?? 0;
      found.lost += one.packetsLost ?? 0;
      found.jitter = one.jitter ?? 0;
      found.codec = (report.get(one.codecId)?.mimeType ?? "").replace("audio/", "");
    } else if (one.type === "inbound-rtp" && one.kind === "video") {
      found.frames += one.framesDecoded ?? 0;
      if (one.frameWidth) found.size = `${one.frameWidth}×${one.frameHeight}`;
    } else if (one.type === "remote-inbound-rtp" && one.kind === "audio") {
      found.lossThere = one.fractionLost ?? null;
      found.round ??= one.roundTripTime ?? null;
    } else if (one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined) {
      found.round ??= one.currentRoundTripTime;
    }
  }
  return found;
}

export function word({ arrives, loss, jitter, round }) {
  if (!arrives) return "No sound arrives";
  if (loss > 5 || jitter > 60 || round > 600) return "Poor";
  if (loss > 1 || jitter > 30 || round > 300) return "Fair";
  return "Good";
}

// Numbers of the time since `before`, the `sums` of the last time: loss in percent (the worse direction), jitter and
// round trip in milliseconds.
export async function measure(connection, before) {
  const now = await sums(connection);
  // Browsers count anew for each source: after a transfer there may be fewer than before.
  const since = before && before.received <= now.received ? before : { received: 0, lost: 0, frames: 0 };
  const received = now.received - since.received;
  const lost = Math.max(0, now.lost - since.lost);
  const here = received + lost ? (100 * lost) / (received + lost) : 0;
  const found = {
    sums: now,
    arrives: received > 0,
    loss: Math.max(here, 100 * (now.lossThere ?? 0)),
    jitter: 1000 * now.jitter,
    round: now.round === null ? null : 1000 * now.round,
    codec: now.codec,
    video: now.frames > since.frames ? now.size : "",
  };
  return { ...found, word: word(found) };
}

export function text({ word: said, codec, loss, jitter, round, video }) {
  const parts = [codec, `loss ${loss.toFixed(1)} %`, `jitter ${jitter.toFixed(0)} ms`];
  if (round !== null) parts.push(`round trip ${round.toFixed(0)} ms`);
  if (video) parts.push(`video ${video}`);
  return { said, details: parts.filter(Boolean).join(" · ") };
}
