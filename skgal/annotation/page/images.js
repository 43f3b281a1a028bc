// Images come in bundles, each fetched once: hundreds of small requests would take seconds.

import { readImages } from "./api.js";
import { find } from "./dom.js";

const bundles = new Map();

/** Fetch the image at a position of the batch, and its neighbours; resolves to its address. */
export async function fetchImage(batch, position) {
  const { perBundle } = batch.image;
  const key = `${batch.number}/${Math.floor(position / perBundle)}`;
  if (!bundles.has(key)) bundles.set(key, readImages(key));
  try {
    const images = await bundles.get(key);
    return `data:image/png;base64,${images[position % perBundle]}`;
  } catch (error) {
    bundles.delete(key); // so that the next attempt asks again
    throw error;
  }
}

/** Forget the images of earlier batches. */
export const forgetImages = () => bundles.clear();

/** Call `load` once an element is about to scroll into view. */
export function whenNear(element, load) {
  const root = find("stage"); // the margin only counts for what scrolls

  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }, { root, rootMargin: "100% 0px" });
  observer.observe(element);
}
