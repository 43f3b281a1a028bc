// The widget of a notebook: labelling.js above, in a shadow root; its calls are messages to the kernel.

const PATIENCE_MILLISECONDS = 20000;

function connect(model) {
  const view = Math.random().toString(36).slice(2); // a widget may be shown several times
  const waiting = new Map();
  let last = 0;

  function call(name, ...values) {
    const request = `${view}-${last += 1}`;
    return new Promise((resolve, reject) => {
      waiting.set(request, ({ result, status, error }) => {
        if (error === undefined) resolve(result);
        else reject(Object.assign(new Error(error), { status }));
      });
      setTimeout(() => {
        const error = "The kernel doesn’t answer: it is busy, or gone. Every answer shown as done is "
          + "saved; the labelling goes on by itself once the kernel does.";
        waiting.get(request)?.({ status: 0, error });
        waiting.delete(request);
      }, PATIENCE_MILLISECONDS);
      model.send({ request, call: name, values });
    });
  }

  let hear = () => {};
  const onMessage = (message) => {
    if (message.request === undefined) hear(message.error);
    waiting.get(message.request)?.(message);
    waiting.delete(message.request);
  };
  model.on("msg:custom", onMessage);

  return {
    pollMilliseconds: 10000, // each makes the kernel's busy light blink; news come by themselves
    ended: "Every answer is saved. The kernel is busy, or gone; the labelling goes on once it is back.",
    readBatch: () => call("describe"),
    readProgress: () => call("progress"),
    readImages: (number, bundle) => call("images", number, bundle),
    answer: (...values) => call("answer", ...values),
    undo: (number) => call("undo", number),
    finish: (number) => call("finish", number),
    listen: (callback) => { hear = callback; },
    disconnect: () => model.off("msg:custom", onMessage),
  };
}

/** Follow the notebook's theme, which need not be the system's. */
function schemeOf({ jpThemeLight, vscodeThemeKind }) {
  if (jpThemeLight !== undefined) return jpThemeLight === "false" ? "dark" : "light";
  return vscodeThemeKind?.includes("dark") ? "dark" : "light";
}

function render({ model, el }) {
  const host = make("div", { className: "skgal-labelling" });
  const follow = () => { host.style.colorScheme = schemeOf(document.body.dataset); };
  const theme = new MutationObserver(follow);
  theme.observe(document.body, { attributes: true });
  follow();
  host.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's keys are not meant here
  el.append(host);
  const root = host.attachShadow({ mode: "open" });
  root.append(make("style", {}, STYLE));
  const api = connect(model);
  const stop = label(root, api);
  return () => {
    stop();
    theme.disconnect();
    api.disconnect();
  };
}

export default { render };
