// One sample at a time, as large as the window allows.

import { make } from "./dom.js";
import { showSample } from "./sample.js";

export function showSingle(stage, { batch, item, answered }) {
  const position = item.positions[0];
  const caption = answered ? `Answered: ${answered}` : `Sample ${position + 1}`;
  const figure = make("figure", {},
    showSample(batch, position), make("figcaption", {}, caption));
  const shown = make("div", { className: "single" }, figure);
  stage.replaceChildren(shown);
}
