// Where the data comes from and how well the hub is.
import { $, cell, clock, facts, NOTHING, row } from "/static/format.js";

const MAX_LOG = 40;

function span(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function scoreOf(source, active) {
  const element = document.createElement("span");
  element.className = source.name === active ? "score active" : source.state === "idle" ? "score idle" : "score";
  element.style.setProperty("--score", `${source.score}%`);
  element.textContent = source.state === "idle" ? source.name : `${source.name} ${source.score.toFixed(0)}`;
  element.title = `${source.state}, ${source.errors} errors`;
  return element;
}

function channelRow(channel) {
  const active = channel.sources.find((each) => each.name === channel.active);
  return row([
    `${channel.market} ${channel.feed}${channel.timeframe ? ` ${channel.timeframe}` : ""}`,
    cell(channel.state, channel.state === "live" ? "up" : channel.state === "stale" ? "warn" : "down"),
    cell(channel.sources.map((each) => scoreOf(each, channel.active))),
    span(active?.age_s),
    active?.latency_p95_ms == null ? NOTHING : `${active.latency_p95_ms.toFixed(0)} ms`,
    String(channel.sources.reduce((sum, each) => sum + each.gaps, 0)),
  ]);
}

export function showStatus(status, health, market) {
  const mine = (channel) => channel.market === market;
  const channels = [...(status.channels ?? [])].sort((a, b) => mine(b) - mine(a) || `${a.market}${a.feed}`.localeCompare(`${b.market}${b.feed}`));
  $("sources").tBodies[0].replaceChildren(...channels.map(channelRow));
  const switches = channels.reduce((sum, each) => sum + each.switches, 0);
  $("switches").textContent = `${channels.length} feeds · ${switches} switches`;
  $("verdict").textContent = health.status === "healthy" ? "healthy" : `unhealthy · ${health.buffer_status}`;
  $("verdict").className = health.status === "healthy" ? "up" : "warn";
  const metrics = status.metrics ?? {};
  facts($("health"), {
    "Up for": span(metrics.uptime_seconds), "Candles kept": metrics.total_candles_buffered?.toLocaleString("en"), Memory: `${metrics.memory_usage_mb} MB`,
    Store: `${metrics.db_size_mb} MB`, Warnings: metrics.errors, "Role · bus": `${status.role} · ${status.bus?.state ?? NOTHING}`,
  });
}

export function logEvent(text, name = "") {
  const when = Object.assign(document.createElement("time"), { textContent: clock(new Date().toISOString()) });
  const newest = $("log").firstChild;
  if (newest?.lastChild.textContent === text) { newest.firstChild.replaceWith(when); return; }
  const line = document.createElement("li");
  line.append(when, text);
  line.className = name;
  $("log").prepend(line);
  while ($("log").children.length > MAX_LOG) $("log").lastChild.remove();
}

// One sentence above everything while what is shown may be old; "" when all is well.
export function showNotice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
  document.body.classList.toggle("old", Boolean(text));
}
