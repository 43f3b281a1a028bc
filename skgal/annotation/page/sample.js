// One sample: its picture or its row, and what the model believes of it.

import { make } from "./dom.js";
import { fetchImage, whenNear } from "./images.js";

const MOST_BELIEFS = 3;

/** The picture or the table row of the sample at a position of the batch. */
export function showSample(batch, position) {
  return batch.image ? picture(batch, position) : row(batch, position);
}

function picture(batch, position) {
  const { width, height } = batch.image;
  const image = make("img", { alt: `Sample ${position + 1}`, width, height });
  image.style.setProperty("--aspect", width / height);
  whenNear(image, async () => {
    image.src = await fetchImage(batch, position);
  });
  return image;
}

function row(batch, position) {
  const values = batch.samples[position].row;
  const rows = batch.columns.map((name, column) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, values[column])));
  return make("table", { "aria-label": `Sample ${position + 1}` }, make("tbody", {}, ...rows));
}

/** What the model believes: bars for the most probable classes, or a number. */
export function showBelief(batch, position) {
  const belief = batch.samples[position].belief;
  const box = make("div", { className: "belief" });
  if (belief === null) box.append("No belief recorded.");
  else if (typeof belief === "number") box.append(`The model expects ${belief.toPrecision(4)}.`);
  else box.append(...bars(batch.classes, belief));
  return box;
}

function bars(names, shares) {
  const order = shares.map((_, index) => index).sort((a, b) => shares[b] - shares[a]);
  return order.slice(0, MOST_BELIEFS).map((index) => {
    const bar = make("progress", { max: 1, value: shares[index] });
    return make("label", {}, `${names[index]} · ${Math.round(100 * shares[index])} %`, bar);
  });
}
