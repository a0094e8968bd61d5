// The API's description, made from openapi.json: each GET can be tried.
"use strict";

const make = (name, text = "", attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const EXAMPLES = { symbol: "BTC-USD", timeframe: "M1", symbols: "BTC-USD", limit: "5" };

function field(parameter) {
  const label = make("label", parameter.name + " ");
  const example = EXAMPLES[parameter.name] ?? parameter.schema?.default ?? "";
  const input = make("input", "", { name: parameter.name, placeholder: parameter.schema?.type ?? "" });
  input.value = parameter.in === "path" || parameter.name === "limit" || parameter.required ? example : "";
  label.append(input);
  if (parameter.description) label.append(make("small", " " + parameter.description));
  return label;
}

async function ask(path, parameters, form, output) {
  let url = path;
  const query = new URLSearchParams();
  for (const parameter of parameters) {
    const value = form.elements[parameter.name]?.value ?? "";
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "query" && value !== "") query.set(parameter.name, value);
  }
  const full = url + (query.size ? `?${query}` : "");
  const headers = {};
  const token = sessionStorage.getItem("hub-token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const began = performance.now();
  const reply = await fetch(full, { headers });
  const text = await reply.text();
  const took = (performance.now() - began).toFixed(1);
  output.textContent = `GET ${full}\n${reply.status} ${reply.statusText} · ${text.length} bytes · ${took} ms\n\n`;
  try {
    output.textContent += JSON.stringify(JSON.parse(text), null, 2).slice(0, 20000);
  } catch {
    output.textContent += text.slice(0, 20000);
  }
}

function show(path, route) {
  const parameters = (route.parameters ?? []).filter((each) => each.in !== "header");
  const section = make("details");
  const summary = make("summary");
  summary.append(make("code", `GET ${path}`), make("span", ` ${route.summary ?? ""}`));
  const form = make("form");
  const output = make("pre");
  for (const parameter of parameters) form.append(field(parameter));
  const streams = path === "/sse/stream";
  if (streams) form.append(make("p", "A stream without end: try it with curl -N."));
  else form.append(make("button", "Try"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(path, parameters, form, output).catch((error) => { output.textContent = String(error); });
  });
  section.append(summary, make("p", route.description ?? ""), form, output);
  return section;
}

fetch("/openapi.json").then((reply) => reply.json()).then((api) => {
  document.getElementById("version").textContent = api.info.version;
  const routes = document.getElementById("routes");
  for (const [path, methods] of Object.entries(api.paths)) if (methods.get) routes.append(show(path, methods.get));
});
