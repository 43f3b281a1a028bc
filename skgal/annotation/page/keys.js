// Which key stands for which class.

const DIGITS = [..."1234567890"];

/** Whether every class is a single character, and so its own key: key 3 must mean the digit 3. */
const areKeys = (names) => names.every((name) => [...name].length === 1 && name !== "?");

/** Whether 1 to 9, then 0, can count the classes without being taken for the name of one. */
const areCounted = (names) => !names.some((name) => /^\d/.test(name));

/** Whether some classes have no key, and must be found by typing. */
export const needSearch = (names) =>
  !areKeys(names) && !(areCounted(names) && names.length <= DIGITS.length);

/** The position of the class that a key stands for; -1 if it stands for none. */
export function classOf(names, key) {
  const named = areKeys(names) ? names.findIndex((name) => name.toLowerCase() === key) : -1;
  if (named >= 0 || !areCounted(names)) return named;
  const position = DIGITS.indexOf(key);
  return position < names.length ? position : -1;
}

/** What to show as the key of a class; null where its name is the key, or it has none. */
export const hintOf = (names, index) => (areCounted(names) ? DIGITS[index] ?? null : null);

/** Positions of the classes that a typed text may mean: those it begins come first. */
export function matches(names, typed) {
  const text = typed.trim().toLowerCase();
  if (!text) return names.map((_, index) => index);
  const found = (test) => names.flatMap((name, index) => (test(name.toLowerCase()) ? [index] : []));
  const begun = found((name) => name.startsWith(text));
  return [...begun, ...found((name) => !name.startsWith(text) && name.includes(text))];
}
