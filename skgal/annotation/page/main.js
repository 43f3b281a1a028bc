// The session on the page: what is shown, what a key does, and when an answer counts as given.
// An answer counts once the server has it on disk; until then the page takes no other.

import * as api from "./api.js";
import { find, make } from "./dom.js";
import { columnsOf, showGrid, updateGrid } from "./grid.js";
import { fetchImage, forgetImages } from "./images.js";
import { classOf, hintOf, matches, needSearch } from "./keys.js";
import { showLine } from "./line.js";
import { showPrediction } from "./sample.js";
import { showSingle } from "./single.js";

const POLL_MILLISECONDS = 1500;

const page = {
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

const stage = find("stage");

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
    if (next && page.batch.image) fetchImage(page.batch, next.positions[0]).catch(showError);
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
  const text = "All done: every answer is saved, and the session has ended. If it starts again at "
    + "this address, this page goes on by itself.";
  stage.replaceChildren(make("p", { className: "waiting" }, text));
  find("answers").hidden = true;
  find("finished").hidden = true;
  find("progress-text").textContent = "All done";
  document.title = "All done · Labelling";
  showError(null);
  page.batch = null; // read anew once the server is back
}

function showProgress() {
  const n = page.batch.samples.length;
  const done = page.batch.samples.filter((sample) => sample.id in page.answers).length;
  find("progress").max = Math.max(n, 1);
  find("progress").value = done;
  find("progress-text").textContent = n ? `${done} of ${n} answered` : "Nothing to label";
  document.title = n ? `${done}/${n} · Labelling` : "Labelling";
  find("finished").hidden = !(n && done === n && page.open);
  find("undo").disabled = !done || !page.open;
  const item = items()[page.current];
  const closed = !item || isDone(item) || !page.open;
  document.body.classList.toggle("closed", closed);
  find("decline").disabled = closed;
  for (const button of find("classes").children) button.disabled = closed;
  if (page.batch.classes === null && !closed) find("number").focus({ preventScroll: true });
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
  }
}

function accept({ answers, open }) {
  page.answers = answers;
  page.open = open;
}

async function readBatch() {
  page.batch = await api.readBatch();
  forgetImages();
  accept(page.batch);
  page.current = 0;
  showBatch();
  if (items().length) moveToOpen();
}

/** Follow what others do: a new batch, another person's answers, a server that comes back. */
async function poll() {
  try {
    await catchUp();
    if (page.lost) showError(null);
    page.lost = false;
  } catch (error) {
    page.lost = true;
    if (error.status === 0 && page.batch && !(items().length && page.open)) showEnd();
    else showError(error);
  }
  setTimeout(poll, POLL_MILLISECONDS);
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
}

document.addEventListener("keydown", onKey);
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
