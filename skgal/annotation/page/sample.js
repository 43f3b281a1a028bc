// One sample: its picture or its row, and what the model predicts for it.

import { make } from "./dom.js";
import { fetchImage, whenNear } from "./images.js";

const MOST_SHARES = 3;

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

/** What the model predicts: bars for the most probable classes, or a number. */
export function showPrediction(batch, position) {
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
