// What the page asks of the server. Every address is relative, so each carries the token.

export const pollMilliseconds = 1500;

export const ended = "All done: every answer is saved, and the session has ended. If it starts again "
  + "at this address, this page goes on by itself.";

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const readBatch = () => send("api/batch");

export const readProgress = () => send("api/progress");

/** Record one answer for each id: a class's position, a number, or null for "can't tell". */
export const answer = (number, ids, answers, seconds) =>
  send("api/answers", { number, ids, answers, seconds });

export const undo = (number) => send("api/undo", { number });

export const finish = (number) => send("api/finish", { number });

/** The images of a bundle of a batch, as PNG in base64. */
export const readImages = (number, bundle) => send(`api/images/${number}/${bundle}`);

async function send(address, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Refused(0,
      "The session cannot be reached. Every answer shown as done is saved. If it was started " +
      "again, open its new address; this page goes on by itself if the old one comes back.");
  }
  if (response.ok) return response.json();
  if (response.status === 403) {
    throw new Refused(403, "This address is no longer valid. Open the session's new address.");
  }
  const { error } = await response.json();
  throw new Refused(response.status, error);
}
