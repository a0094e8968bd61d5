// Where the data comes from and how well the hub is.

const $ = (id) => document.getElementById(id);
const MAX_LOG = 40;
const span = (seconds) => seconds === null || seconds === undefined ? "–"
  : seconds < 90 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : seconds < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;

function cell(content, name = "") {
  const element = document.createElement("td");
  element.append(...(Array.isArray(content) ? content : [content]));
  element.className = name;
  return element;
}

function scoreOf(source, active) {
  const element = document.createElement("span");
  element.className = source.name === active ? "score active" : source.state === "idle" ? "score idle" : "score";
  element.style.setProperty("--score", `${source.score}%`);
  element.textContent = source.state === "idle" ? source.name : `${source.name} ${source.score.toFixed(0)}`;
  element.title = `${source.state}, ${source.errors} errors`;
  return element;
}

function rowOf(channel) {
  const row = document.createElement("tr");
  const active = channel.sources.find((each) => each.name === channel.active);
  const name = channel.state === "live" ? "up" : channel.state === "stale" ? "warn" : "down";
  row.append(
    cell(`${channel.market} ${channel.feed}${channel.timeframe ? ` ${channel.timeframe}` : ""}`),
    cell(channel.state, name),
    cell(channel.sources.map((each) => scoreOf(each, channel.active))),
    cell(span(active?.age_s)),
    cell(active?.latency_p95_ms == null ? "–" : `${active.latency_p95_ms.toFixed(0)} ms`),
    cell(String(channel.sources.reduce((sum, each) => sum + each.gaps, 0))),
  );
  return row;
}

export function showStatus(status, health, market) {
  const mine = (channel) => channel.market === market;
  const channels = [...(status.channels ?? [])].sort((a, b) => mine(b) - mine(a) || `${a.market}${a.feed}`.localeCompare(`${b.market}${b.feed}`));
  $("sources").tBodies[0].replaceChildren(...channels.map(rowOf));
  const switches = channels.reduce((sum, each) => sum + each.switches, 0);
  $("switches").textContent = `${channels.length} feeds · ${switches} switches`;
  $("verdict").textContent = `${health.status} · ${health.buffer_status}`;
  $("verdict").className = health.status === "healthy" ? "up" : "warn";
  const metrics = status.metrics ?? {};
  const facts = {
    "Up for": span(metrics.uptime_seconds), "Candles kept": metrics.total_candles_buffered, "Memory": `${metrics.memory_usage_mb} MB`,
    "Store": `${metrics.db_size_mb} MB`, "Warnings": metrics.errors, "Role · bus": `${status.role} · ${status.bus?.state ?? "–"}`,
  };
  $("health").replaceChildren(...Object.entries(facts).map(([name, value]) => {
    const fact = document.createElement("div");
    fact.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value ?? "–" }));
    return fact;
  }));
}

export function logEvent(text, name = "") {
  const line = document.createElement("li");
  const when = Object.assign(document.createElement("time"), { textContent: new Date().toISOString().slice(11, 19) });
  line.append(when, text);
  line.className = name;
  $("log").prepend(line);
  while ($("log").children.length > MAX_LOG) $("log").lastChild.remove();
}
