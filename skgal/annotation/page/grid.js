// All samples of the batch as tiles; one is the current one, and gets the answer.

import { make } from "./dom.js";
import { showPrediction, showSample } from "./sample.js";

/** Show the tiles; `choose(index)` is called when one is clicked. */
export function showGrid(stage, { batch, items, current, answerOf, predictions, choose }) {
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
  updateGrid(stage, { items, current, answerOf });
}

/** Bring captions and the current tile up to date without loading anything again. */
export function updateGrid(stage, { items, current, answerOf }) {
  stage.querySelectorAll(".tile").forEach((tile, index) => {
    const answer = answerOf(items[index]);
    tile.classList.toggle("done", Boolean(answer));
    tile.querySelector(".answer").textContent = answer ?? "";
    tile.tabIndex = index === current ? 0 : -1;
    if (index === current) tile.setAttribute("aria-current", "true");
    else tile.removeAttribute("aria-current");
  });
  const tile = stage.querySelectorAll(".tile")[current];
  tile?.scrollIntoView({ block: "nearest" });
  tile?.focus({ preventScroll: true });
}

/** How many tiles a row has: arrow keys up and down move by that many. */
export function columnsOf(stage) {
  const tops = [...stage.querySelectorAll("li")].map((tile) => tile.offsetTop);
  const wrapped = tops.findIndex((top) => top !== tops[0]);
  return wrapped < 0 ? tops.length : wrapped;
}
