// What happened, in plain words.

const STATUS = {
  401: "the password is wrong",
  403: "the server does not allow it",
  404: "there is no such number",
  407: "the password is wrong",
  408: "nobody answered",
  410: "there is no such number any more",
  480: "nobody is there now",
  484: "the number is not complete",
  486: "busy",
  487: "cancelled",
  488: "the two sides have no audio format in common",
  500: "the server had a problem",
  502: "the server had a problem",
  503: "the server cannot take the call now",
  600: "busy",
  603: "declined",
  606: "the two sides have no audio format in common",
};

const CAUSE = {
  Busy: "busy",
  Rejected: "declined",
  Unavailable: "nobody is there now",
  "Not Found": "there is no such number",
  "Address Incomplete": "the number is not complete",
  "Incompatible SDP": "the two sides have no audio format in common",
  "Authentication Error": "the password is wrong",
  Canceled: "cancelled",
  "No Answer": "nobody answered",
  Expires: "nobody answered",
  "Request Timeout": "the server does not answer",
  "Connection Error": "the connection to the server was lost",
  "RTP Timeout": "no sound got through",
  "WebRTC Error": "the browser could not agree with the server about sound",
  "Bad Media Description": "the browser could not agree with the server about sound",
  "User Denied Media Access": "no microphone",
  "Dialog Error": "the server has lost the call",
};

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// The same within a sentence.
export function reason(cause, status) {
  return STATUS[status] ?? CAUSE[cause] ?? (status ? `the server answered ${status}` : "it failed");
}

// Text of an address, of which a percent sign need not be the beginning of anything.
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Why a call is over.
export function causeText(cause, originator, answered, status) {
  if (answered && (cause === "Terminated" || !cause)) return originator === "remote" ? "The other side hung up" : "Call ended";
  if (cause === "Canceled") return originator === "remote" ? "Missed call" : "Cancelled";
  if (originator === "local" && cause === "Busy") return "Declined";
  if (originator === "local" && cause === "Rejected") return "Declined";
  return capital(reason(cause, status));
}

// Why the microphone, or the camera, cannot be had.
export function mediaProblem(error, what = "microphone") {
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The browser does not let this page use the ${what}. Allow it in the address bar, then call again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `There is no ${what}. Connect one, or choose another under Devices.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${what} cannot be used: another program may have it.`;
    case "InsecureContextError":
      return error.message;
    default:
      return `The ${what} cannot be used: ${error?.message ?? error}`;
  }
}

export const ACCOUNT = {
  "signed-out": "Not signed in",
  connecting: "Connecting …",
  registering: "Signing in …",
  registered: "Signed in",
  lost: "No connection, trying again …",
};

export function registrationProblem(cause, status, user) {
  if (status === 401 || status === 403 || status === 407 || cause === "Authentication Error") {
    return `The server does not know the user ${user} with this password.`;
  }
  if (status === 404) return `The server does not know the user ${user}.`;
  return `Signing in failed: ${reason(cause, status)}.`;
}

export function connectionProblem(url) {
  const secure = url.startsWith("wss:");
  return "The server cannot be reached." + (secure
    ? " If the browser warned of this page's certificate, open this page anew and accept it: the phone uses the same one."
    : " Is it running?");
}

export const LINE = {
  free: "Free",
  calling: "Calling …",
  ringing: "Ringing …",
  incoming: "Incoming call",
  talking: "Connected",
  held: "On hold",
  over: "Ended",
};
