// The labelling of a batch: what is shown, what a key does, and when an answer counts as given.
// An answer counts once it is in the store; until then no other is taken.
//
// The page and the notebook's widget call `label` with what carries their calls to the session:
// main.js and widget.js.

const MARKUP = `
  <header>
    <h1>Labelling <small id="annotator"></small></h1>
    <div class="progress">
      <label for="progress" id="progress-text">Loading</label>
      <progress id="progress" max="1" value="0"></progress>
    </div>
    <div class="switches">
      <button type="button" id="switch-view" aria-pressed="false">Grid</button>
    </div>
  </header>

  <p id="error" class="notice error" role="alert" hidden></p>
  <section id="finished" class="notice" aria-label="Batch finished" hidden>
    <p>Every sample of this batch has an answer. Until you hand it over you can still undo.</p>
    <button type="button" id="finish" class="primary">Hand over <kbd>Enter</kbd></button>
  </section>

  <main id="stage" aria-label="Samples"></main>

  <footer id="answers" aria-label="Answers">
    <p id="status" role="status"><span class="hint">Answer with the key shown at a class; ? if you
      can’t tell; Backspace takes back; arrows only look around.</span></p>
    <form id="number-form" hidden>
      <label for="number">Value</label>
      <input id="number" inputmode="decimal" autocomplete="off" required>
      <button class="primary">Answer <kbd>Enter</kbd></button>
    </form>
    <div id="search" hidden>
      <label for="filter">Find a class</label>
      <input id="filter" type="search" autocomplete="off" placeholder="Type its name, then Enter">
    </div>
    <div class="choices">
      <div id="classes" class="buttons" role="group" aria-label="Classes"></div>
      <div class="buttons">
        <button type="button" id="decline">Can’t tell <kbd>?</kbd></button>
        <button type="button" id="undo">Undo <kbd>Backspace</kbd></button>
      </div>
      <div class="buttons">
        <button type="button" id="switch-predictions" aria-pressed="false"
          title="Hidden at first: who knows what the model predicts tends to agree with it.">
          Model’s prediction</button>
        <div id="prediction" aria-label="The model’s prediction" hidden></div>
      </div>
    </div>
  </footer>
`;

// ---------------------------------------------------------------- elements

/** Make an element with properties (or, where it has no such property, attributes) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A way to fetch the images of a batch, in bundles: hundreds of small requests would take seconds. */
function imageLoader(api, batch) {
  const bundles = new Map();
  return async (position) => {
    const { perBundle } = batch.image;
    const bundle = Math.floor(position / perBundle);
    if (!bundles.has(bundle)) bundles.set(bundle, api.readImages(batch.number, bundle));
    try {
      const images = await bundles.get(bundle);
      return `data:image/png;base64,${images[position % perBundle]}`;
    } catch (error) {
      bundles.delete(bundle); // so that the next attempt asks again
      throw error;
    }
  };
}

/** Call `load` once an element is about to scroll into view in what scrolls. */
function whenNear(root, element, load) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }, { root, rootMargin: "100% 0px" }); // the margin only counts for what scrolls
  observer.observe(element);
}

// ---------------------------------------------------------------- one sample

const MOST_SHARES = 3;

/** The picture or the table row of the sample at a position of the batch. */
function showSample(batch, position) {
  return batch.image ? picture(batch, position) : row(batch, position);
}

function picture(batch, position) {
  const { width, height } = batch.image;
  const image = make("img", { alt: `Sample ${position + 1}`, width, height });
  image.style.setProperty("--aspect", width / height);
  whenNear(batch.stage, image, async () => {
    image.src = await batch.loadImage(position);
  });
  return image;
}

function row(batch, position) {
  const values = batch.samples[position].row;
  const rows = batch.columns.map((name, column) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, values[column])));
  return make("table", { "aria-label": `Sample ${position + 1}` }, make("tbody", {}, ...rows));
}

/** What the model predicts: bars for the most probable classes, or a number. */
function showPrediction(batch, position) {
  const prediction = batch.samples[position].prediction;
  const box = make("div", { className: "prediction" });
  if (prediction === null) box.append("No prediction recorded.");
  else if (typeof prediction === "number") box.append(`The model expects ${prediction.toPrecision(4)}.`);
  else box.append(...bars(batch.classes, prediction));
  return box;
}

function bars(names, shares) {
  const order = shares.map((_, index) => index).sort((a, b) => shares[b] - shares[a]);
  return order.slice(0, MOST_SHARES).map((index) => {
    const bar = make("progress", { max: 1, value: shares[index] });
    return make("label", {}, `${names[index]} · ${Math.round(100 * shares[index])} %`, bar);
  });
}

/** Show one sample, as large as the window allows. */
function showSingle(stage, { batch, item, answered }) {
  const position = item.positions[0];
  const caption = answered ? `Answered: ${answered}` : `Sample ${position + 1}`;
  const figure = make("figure", {},
    showSample(batch, position), make("figcaption", {}, caption));
  const shown = make("div", { className: "single" }, figure);
  stage.replaceChildren(shown);
}

// ---------------------------------------------------------------- all samples as tiles

/** Show the tiles; `choose(index)` is called when one is clicked. */
function showGrid(stage, { batch, items, current, answerOf, isOurs, predictions, choose }) {
  const tiles = items.map((item, index) => {
    const position = item.positions[0];
    const content = showSample(batch, position);
    const tile = make("button", { type: "button", className: "tile" }, content);
    tile.append(make("span", { className: "answer" }));
    if (predictions) tile.append(showPrediction(batch, position));
    tile.addEventListener("click", () => choose(index));
    return make("li", {}, tile);
  });
  const className = batch.image ? "grid" : "grid wide";
  stage.replaceChildren(make("ul", { className }, ...tiles));
  updateGrid(stage, { items, current, answerOf, isOurs });
}

/** Bring captions and the current tile up to date without loading anything again. */
function updateGrid(stage, { items, current, answerOf, isOurs }) {
  stage.querySelectorAll(".tile").forEach((tile, index) => {
    const answer = answerOf(items[index]);
    tile.classList.toggle("done", Boolean(answer));
    tile.querySelector(".answer").textContent = answer ?? "";
    tile.tabIndex = index === current ? 0 : -1;
    if (index === current) tile.setAttribute("aria-current", "true");
    else tile.removeAttribute("aria-current");
  });
  if (!isOurs()) return;
  const tile = stage.querySelectorAll(".tile")[current];
  tile?.scrollIntoView({ block: "nearest" });
  tile?.focus({ preventScroll: true });
}

/** How many tiles a row has: arrow keys up and down move by that many. */
function columnsOf(stage) {
  const tops = [...stage.querySelectorAll("li")].map((tile) => tile.offsetTop);
  const wrapped = tops.findIndex((top) => top !== tops[0]);
  return wrapped < 0 ? tops.length : wrapped;
}

// ---------------------------------------------------------------- a line of samples between two classes

/**
 * Show the line; `submit(answers)` gets one class position for each of its samples.
 *
 * Returns `press(index)`, which sets the two classes by turns: the first key is the left one.
 */
function showLine(stage, { batch, item, answered, isOurs, predictions, submit }) {
  const cells = item.positions.map((position) => {
    const cell = make("li", {}, showSample(batch, position));
    if (predictions) cell.append(showPrediction(batch, position));
    return cell;
  });
  const strip = make("ol", { className: "line", tabIndex: 0, "aria-label": "Line of samples" }, ...cells);
  const box = make("div", { className: "lined" }, strip);
  stage.replaceChildren(box);
  if (answered) {
    box.append(make("figcaption", {}, `Answered: ${answered}`));
    return () => {};
  }
  const { form, press } = turnForm(batch, item, cells, submit);
  box.append(form);
  if (isOurs()) form.querySelector("input").focus({ preventScroll: true });
  return press;
}

function turnForm(batch, item, cells, submit) {
  const n = cells.length;
  const sides = ["left", "right"].map((side, end) => classChoice(batch, side, item.ends?.[end]));
  const [left, right] = sides.map((side) => side.querySelector("select"));
  const slider = make("input", { type: "range", id: "turn", min: 0, max: n, value: Math.round(n / 2) });
  const output = make("output", { htmlFor: "turn" });
  const save = make("button", { className: "primary" }, "Label the line ", make("kbd", {}, "Enter"));
  const form = make("form", { className: "turn" },
    make("div", { className: "sides" }, ...sides),
    make("label", { htmlFor: "turn" }, "Where does the class turn?"), slider, output, save);

  const isLeft = (index) => index < Number(slider.value);
  let touched = false; // else Enter would save a turn that was not chosen
  const classes = () => cells.map((_, index) => (isLeft(index) ? left : right).value);

  function update() {
    cells.forEach((cell, index) => {
      cell.className = isLeft(index) ? "left" : "right";
    });
    output.textContent = describeTurn(Number(slider.value), n);
    slider.setAttribute("aria-valuetext", output.textContent);
    save.disabled = !touched || classes().includes("");
  }

  form.addEventListener("input", () => {
    touched = true;
    update();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!save.disabled) submit(classes().map(Number));
  });
  update();

  let next = left;
  function press(index) {
    touched = true;
    next.value = String(index);
    next = next === left ? right : left;
    update();
    slider.focus({ preventScroll: true });
  }
  return { form, press };
}

function describeTurn(turn, n) {
  if (turn === 0) return "All of the line is the right class.";
  if (turn === n) return "All of the line is the left class.";
  return `The class turns after image ${turn} of ${n}.`;
}

function classChoice(batch, side, chosen) {
  const options = batch.classes.map((name, index) => make("option", { value: index }, name));
  const choose = make("option", { value: "" }, "choose");
  const select = make("select", { id: `class-${side}` }, choose, ...options);
  select.value = chosen ?? "";
  const text = side === "left" ? "Left of the turn" : "Right of the turn";
  return make("label", { className: side }, text, select);
}

// ---------------------------------------------------------------- which key stands for which class

const DIGITS = [..."1234567890"];

/** Whether every class is a single character, and so its own key: key 3 must mean the digit 3. */
const areKeys = (names) => names.every((name) => [...name].length === 1 && name !== "?");

/** Whether 1 to 9, then 0, can count the classes without being taken for the name of one. */
const areCounted = (names) => !names.some((name) => /^\d/.test(name));

/** Whether some classes have no key, and must be found by typing. */
const needSearch = (names) =>
  !areKeys(names) && !(areCounted(names) && names.length <= DIGITS.length);

/** The position of the class that a key stands for; -1 if it stands for none. */
function classOf(names, key) {
  const named = areKeys(names) ? names.findIndex((name) => name.toLowerCase() === key) : -1;
  if (named >= 0 || !areCounted(names)) return named;
  const position = DIGITS.indexOf(key);
  return position < names.length ? position : -1;
}

/** What to show as the key of a class; null where its name is the key, or it has none. */
const hintOf = (names, index) => (areCounted(names) ? DIGITS[index] ?? null : null);

/** Positions of the classes that a typed text may mean: those it begins come first. */
function matches(names, typed) {
  const text = typed.trim().toLowerCase();
  if (!text) return names.map((_, index) => index);
  const found = (test) => names.flatMap((name, index) => (test(name.toLowerCase()) ? [index] : []));
  const begun = found((name) => name.startsWith(text));
  return [...begun, ...found((name) => !name.startsWith(text) && name.includes(text))];
}

// ---------------------------------------------------------------- the session

/**
 * Show a session in a document, or in a shadow root; return a function that ends that.
 *
 * `api` carries the calls: readBatch, readProgress, readImages, answer, undo and finish. It says
 * how often to look for news (pollMilliseconds) and what to say when nobody answers (ended), and
 * calls back where it hears of news by itself (listen).
 */
export function label(root, api) {
  const isPage = root === document;
  const box = make("div", { className: "labelling" });
  box.innerHTML = MARKUP; // a constant: what comes from the session is only ever text
  (isPage ? document.body : root).append(box);
  if (!isPage) box.tabIndex = -1; // takes the keys
  const find = (id) => root.getElementById(id);
  const stage = find("stage");
  let timer = null;
  let looking = false; // whether news are on their way

  /** Whether the person is at work here: a widget mustn't take the focus from a notebook. */
  const isOurs = () => isPage || root.activeElement !== null;

  /** Take the keys again where what had the focus is gone: keys go on after a click on a button. */
  function keepKeys() {
    const focused = root.activeElement;
    if (!isPage && (!focused || focused.disabled)) box.focus({ preventScroll: true });
  }

  const setTitle = (text) => {
    if (isPage) document.title = text;
  };

  const page = {
    isOurs,
    batch: null,
    answers: {}, // from the id of a sample to what was answered, as text
    open: true, // whether the batch still takes answers
    current: 0, // position of the item that gets the next answer
    grid: false,
    predictions: false,
    saving: false,
    saves: 0,
    lost: false, // whether the server was out of reach
    shownAt: 0,
    pressLine: null, // what a class key does while a line is shown
  };


  const items = () => page.batch?.items ?? [];
  const idsOf = (item) => item.positions.map((position) => page.batch.samples[position].id);
  const isLine = (item) => item.ends !== undefined;

  /** What was answered for an item, or null: a line is answered once all of its samples are. */
  function answerOf(item) {
    const given = idsOf(item).map((id) => page.answers[id]);
    if (given.includes(undefined)) return null;
    return [...new Set(given)].join(" | ");
  }

  const isDone = (item) => answerOf(item) !== null;

  // ---------------------------------------------------------------- showing

  function showBatch() {
    const { classes, annotator } = page.batch;
    find("annotator").textContent = annotator ? `as ${annotator}` : "";
    const isNumber = classes === null;
    const hasLines = items().some(isLine);
    find("number-form").hidden = !isNumber;
    find("search").hidden = isNumber || !needSearch(classes);
    find("classes").hidden = isNumber;
    find("answers").hidden = !items().length;
    find("switch-view").hidden = hasLines || !items().length;
    find("switch-predictions").hidden = !page.batch.samples.some((sample) => sample.prediction !== null);
    if (hasLines) page.grid = false;
    if (!isNumber) showClasses();
    showStage();
  }

  function showClasses() {
    const names = page.batch.classes;
    const buttons = matches(names, find("filter").value).map((index) => {
      const button = make("button", { type: "button", value: index }, names[index]);
      const hint = hintOf(names, index);
      if (hint) button.append(" ", make("kbd", {}, hint));
      button.addEventListener("click", () => pressClass(index));
      return button;
    });
    find("classes").replaceChildren(...buttons);
  }

  function showStage() {
    const item = items()[page.current];
    page.pressLine = null;
    if (!item) {
      const text = "Nothing to label now. The next batch will appear here; this page may stay open.";
      stage.replaceChildren(make("p", { className: "waiting" }, text));
    } else if (page.grid) {
      showGrid(stage, {
        ...page, items: items(), answerOf, choose: (index) => moveTo(index),
      });
    } else {
      const shown = { ...page, item, answered: answerOf(item) };
      if (isLine(item)) page.pressLine = showLine(stage, { ...shown, submit });
      else showSingle(stage, shown);
      const next = items()[page.current + 1];
      if (next && page.batch.image) page.batch.loadImage(next.positions[0]).catch(showError);
    }
    // Beside its switch, where the eye is; tiles and lines have theirs with each sample.
    const isSingle = item && !page.grid && !isLine(item);
    find("prediction").hidden = !(isSingle && page.predictions);
    if (isSingle) find("prediction").replaceChildren(showPrediction(page.batch, item.positions[0]));
    page.shownAt = performance.now();
    showProgress();
  }

  /** The server is gone, and nothing was left to do. */
  function showEnd() {
    stage.replaceChildren(make("p", { className: "waiting" }, api.ended));
    find("answers").hidden = true;
    find("finished").hidden = true;
    find("progress-text").textContent = "All done";
    setTitle("All done · Labelling");
    showError(null);
    page.batch = null; // read anew once the server is back
  }

  function showProgress() {
    const n = page.batch.samples.length;
    const done = page.batch.samples.filter((sample) => sample.id in page.answers).length;
    find("progress").max = Math.max(n, 1);
    find("progress").value = done;
    find("progress-text").textContent = n ? `${done} of ${n} answered` : "Nothing to label";
    setTitle(n ? `${done}/${n} · Labelling` : "Labelling");
    find("finished").hidden = !(n && done === n && page.open);
    find("undo").disabled = !done || !page.open;
    const item = items()[page.current];
    const closed = !item || isDone(item) || !page.open;
    find("decline").disabled = closed;
    for (const button of find("classes").children) button.disabled = closed;
    if (page.batch.classes === null && !closed && isOurs()) find("number").focus({ preventScroll: true });
  }

  function showError(error) {
    find("error").textContent = error?.message ?? "";
    find("error").hidden = !error;
  }

  function moveTo(index) {
    if (index < 0 || index >= items().length) return;
    page.current = index;
    if (page.grid) {
      updateGrid(stage, { ...page, items: items(), answerOf });
      page.shownAt = performance.now();
      showProgress();
    } else {
      showStage();
    }
  }

  function moveToOpen() {
    const order = items().map((_, offset) => (page.current + offset) % items().length);
    moveTo(order.find((index) => !isDone(items()[index])) ?? page.current);
  }

  // ---------------------------------------------------------------- answering

  /** Whether the person can have seen what an answer would be for. */
  function isVisible() {
    const shown = page.grid ? stage.querySelectorAll(".tile")[page.current] : stage;
    return [...shown.querySelectorAll("img")].every((image) => image.complete && image.naturalWidth);
  }

  /** Record answers for the current item, one for each of its samples, then go on to the next. */
  async function submit(answers) {
    const item = items()[page.current];
    if (page.saving || !page.open || !item || isDone(item) || !isVisible()) return;
    const seconds = (performance.now() - page.shownAt) / 1000;
    await save(async () => {
      accept(await api.answer(page.batch.number, idsOf(item), answers, seconds));
      find("status").textContent = `Saved: ${answerOf(item)}`;
      find("number").value = find("filter").value = "";
      find("filter").blur();
      if (page.batch.classes) showClasses();
      moveToOpen();
    });
  }

  const submitAll = (value) => submit(items()[page.current].positions.map(() => value));

  function pressClass(index) {
    if (page.pressLine) page.pressLine(index);
    else submitAll(index);
  }

  const undo = () => save(async () => {
    const progress = await api.undo(page.batch.number);
    accept(progress);
    const index = items().findIndex((item) => idsOf(item).includes(progress.undone[0]));
    find("status").textContent = index < 0 ? "Nothing to undo." : "Taken back.";
    moveTo(index < 0 ? page.current : index);
  });

  const finish = () => save(async () => accept(await api.finish(page.batch.number)));

  /** Do what changes the record, one thing at a time; a failure is shown and changes nothing. */
  async function save(change) {
    if (page.saving) return;
    page.saving = true;
    page.saves += 1;
    stage.setAttribute("aria-busy", "true");
    try {
      await change();
      showError(null);
    } catch (error) {
      showError(error);
    } finally {
      page.saving = false;
      stage.removeAttribute("aria-busy");
      keepKeys();
    }
  }

  function accept({ answers, open }) {
    page.answers = answers;
    page.open = open;
  }

  async function readBatch() {
    const batch = await api.readBatch();
    page.batch = { ...batch, stage, loadImage: imageLoader(api, batch) };
    accept(page.batch);
    page.current = 0;
    showBatch();
    if (items().length) moveToOpen();
  }

  /** Follow what others do: a new batch, another person's answers, a server that comes back. */
  async function poll() {
    if (looking) return;
    looking = true;
    try {
      await catchUp();
      if (page.lost) showError(null);
      page.lost = false;
    } catch (error) {
      page.lost = true;
      if (error.status === 0 && page.batch && !(items().length && page.open)) showEnd();
      else showError(error);
    }
    looking = false;
    if (!page.stopped) timer = setTimeout(poll, api.pollMilliseconds);
  }

  async function catchUp() {
    if (page.saving) return;
    const { saves } = page;
    const progress = page.batch && await api.readProgress();
    if (!progress || progress.number !== page.batch.number) await readBatch();
    // What was asked before an answer was given knows nothing of it.
    else if (saves === page.saves) follow(progress);
  }

  function follow(progress) {
    const before = JSON.stringify([page.answers, page.open]);
    const wasDone = items().map(isDone);
    accept(progress);
    if (JSON.stringify([page.answers, page.open]) === before) return;
    const taken = items().length && isDone(items()[page.current]) && !wasDone[page.current];
    if (taken) moveToOpen();
    else if (page.grid) updateGrid(stage, { ...page, items: items(), answerOf });
    showProgress();
  }

  // ---------------------------------------------------------------- keys and buttons

  function toggle(button, name) {
    page[name] = !page[name];
    find(button).setAttribute("aria-pressed", page[name]);
    showStage();
  }

  function steps() {
    const down = page.grid ? columnsOf(stage) : 1;
    return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -down, ArrowDown: down };
  }

  function onKey(event) {
    if (!isPage) event.stopPropagation(); // a notebook has keys of its own
    // A key held down must not label image after image.
    if (event.repeat || event.altKey || event.metaKey || !page.batch) return;
    const typing = event.target.matches("input:not([type=range])") && event.target.value !== "";
    const key = event.key.toLowerCase();
    if (event.ctrlKey ? key === "z" : key === "backspace") {
      if (!typing) claim(event, undo);
    } else if (event.ctrlKey || typing) {
      return;
    } else if (key === "?") {
      claim(event, () => items().length && submitAll(null));
    } else if (key === "enter" && !find("finished").hidden && !event.target.matches("button:not(.tile)")) {
      claim(event, finish);
    } else if (event.key in steps() && !event.target.matches("input, select")) {
      claim(event, () => moveTo(page.current + steps()[event.key]));
    } else if (page.batch.classes && !event.target.matches("select")) {
      const index = classOf(page.batch.classes, key);
      if (index >= 0) claim(event, () => pressClass(index));
      else if (/^[\p{L}\d]$/u.test(event.key)) find("filter").focus();
    }
  }

  function claim(event, action) {
    event.preventDefault();
    action();
    keepKeys();
  }

  root.addEventListener("keydown", onKey);
  find("decline").addEventListener("click", () => submitAll(null));
  find("undo").addEventListener("click", undo);
  find("finish").addEventListener("click", finish);
  find("switch-view").addEventListener("click", () => toggle("switch-view", "grid"));
  find("switch-predictions").addEventListener("click", () => toggle("switch-predictions", "predictions"));
  find("filter").addEventListener("input", showClasses);
  find("filter").addEventListener("keydown", (event) => {
    const first = find("classes").firstElementChild;
    if (event.key === "Enter" && event.target.value && first) claim(event, () => first.click());
    if (event.key === "Escape") claim(event, () => { event.target.value = ""; showClasses(); event.target.blur(); });
  });
  find("number-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const value = Number(find("number").value.replace(",", "."));
    if (Number.isFinite(value)) submitAll(value);
    else showError(new Error(`“${find("number").value}” is not a number.`));
  });
  poll();

  api.listen?.((error) => {
    clearTimeout(timer);
    poll().then(() => error && showError(new Error(error)));
  });
  return () => {
    page.stopped = true;
    clearTimeout(timer);
  };
}
