// A line of samples between two classes: the person says where the class turns.

import { make } from "./dom.js";
import { showPrediction, showSample } from "./sample.js";

/**
 * Show the line; `submit(answers)` gets one class position for each of its samples.
 *
 * Returns `press(index)`, which sets the two classes by turns: the first key is the left one.
 */
export function showLine(stage, { batch, item, answered, predictions, submit }) {
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
  form.querySelector("input").focus({ preventScroll: true });
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
  let touched = false; // else Enter would save a turn that nobody has chosen
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
