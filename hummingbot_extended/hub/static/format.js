// How numbers and rows are written, everywhere on the page.

export const $ = (id) => document.getElementById(id);
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const NOTHING = "–";

export const fixed = (value, decimals) => Number(value).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
export const short = (value) => Number(value).toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });
export const signed = (value, decimals) => `${Number(value) < 0 ? "−" : "+"}${fixed(Math.abs(value), decimals)}`;
export const clock = (timestamp) => timestamp.slice(11, 19);
export const sideClass = (side) => (side === "buy" ? "up" : "down");

// The decimals of a number written as text, without zeros at its end: what a column needs so that its points align.
export function decimalsOf(text) {
  const [, fraction = ""] = String(text).split(".");
  return fraction.replace(/0+$/, "").length;
}

export function cell(content, name = "") {
  const element = document.createElement("td");
  element.append(...(Array.isArray(content) ? content : [content]));
  element.className = name;
  return element;
}

export function row(cells, name = "") {
  const element = document.createElement("tr");
  element.append(...cells.map((each) => (each instanceof Node ? each : cell(each))));
  element.className = name;
  return element;
}

export function facts(list, values) {
  list.replaceChildren(...Object.entries(values).map(([name, value]) => {
    const fact = document.createElement("div");
    const text = value instanceof Node ? value : String(value ?? NOTHING);
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    term.append(name);
    description.append(text);
    fact.append(term, description);
    return fact;
  }));
}
