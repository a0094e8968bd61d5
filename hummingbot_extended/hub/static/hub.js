// The hub's page: one WebSocket for everything that moves, HTTP for candles and status.
import { drawCurve, showBook, showTrades } from "/static/market.js";
import { CandleChart } from "/static/candles.js";
import { logEvent, showStatus } from "/static/health.js";

const FRAMES = ["1m", "5m", "15m", "30m", "1h", "2h", "4h", "1d"];
const STATUS_EVERY_MS = 3000;
const MAX_TRADES = 60;
const RETRY_MIN_MS = 500, RETRY_MAX_MS = 15000;

const $ = (id) => document.getElementById(id);
const state = { market: "", frame: "1m", decimals: 2, socket: null, retryMs: RETRY_MIN_MS, trades: [], book: null, heard: 0 };
const chart = new CandleChart($("chart"), $("bar"));

// --- HTTP ---

function headers() {
  const token = sessionStorage.getItem("hub-token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function get(path) {
  const reply = await fetch(path, { headers: headers() });
  $("door").hidden = reply.status !== 401;
  if (!reply.ok && reply.status !== 503) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

async function loadMarkets() {
  const [{ markets }, status] = await Promise.all([get("/api/v1/markets"), get("/streamer/status")]);
  const kept = new Set(status.symbols ?? []);
  const names = markets.map((each) => each.name).sort((a, b) => kept.has(b) - kept.has(a) || a.localeCompare(b));
  $("market").replaceChildren(...names.map((name) => new Option(name, name)));
  state.ticks = new Map(markets.map((each) => [each.name, String(each.tick)]));
  const wanted = new URLSearchParams(location.hash.slice(1));
  state.market = names.includes(wanted.get("market")) ? wanted.get("market") : names[0];
  state.frame = FRAMES.includes(wanted.get("frame")) ? wanted.get("frame") : "1m";
}

async function loadCandles() {
  const asked = `${state.market}/${state.frame}`;
  const answer = await get(`/streamer/candles/${state.market}/${state.frame}?limit=500`);
  if (asked !== `${state.market}/${state.frame}`) return;
  if (answer.success) chart.replace(answer.candles);
  else setTimeout(() => loadCandles().catch(report), 1000);
}

async function loadStatus() {
  try {
    const [status, health] = await Promise.all([get("/streamer/status"), get("/streamer/health?strict=0")]);
    showStatus(status, health, state.market);
  } finally {
    setTimeout(() => loadStatus().catch(report), STATUS_EVERY_MS);
  }
}

function report(error) {
  logEvent(String(error.message ?? error), "warn");
}

// --- the socket ---

function connect() {
  const token = sessionStorage.getItem("hub-token");
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/stream`;
  const socket = (state.socket = token ? new WebSocket(url, [`hub-token.${token}`]) : new WebSocket(url));
  socket.onopen = () => { state.retryMs = RETRY_MIN_MS; $("dot").className = "dot live"; subscribe(); loadCandles().catch(report); };
  socket.onmessage = (event) => { state.heard = Date.now(); hear(JSON.parse(event.data)); };
  socket.onclose = (event) => {
    $("dot").className = "dot";
    if (event.code === 4001) { $("door").hidden = false; return; }
    logEvent(`connection lost (${event.code}), trying again`, "warn");
    setTimeout(connect, state.retryMs * (0.5 + Math.random()));
    state.retryMs = Math.min(state.retryMs * 2, RETRY_MAX_MS);
  };
}

const say = (message) => state.socket?.readyState === WebSocket.OPEN && state.socket.send(JSON.stringify(message));

function subscribe() {
  const ask = (stream_type, params, interval_ms = 1000, symbols = [state.market]) =>
    say({ type: "subscribe", stream_type, symbols, interval_ms, params: { numbers: "string", ...params } });
  ask("ohlcv", { mode: "changes", timeframe: state.frame }, 250);
  ask("price", { mode: "changes", snapshot: true }, 250);
  ask("depth", { mode: "changes", levels: 50 }, 250);
  ask("trades", { mode: "changes", snapshot: true }, 250);
  for (const each of ["mark", "index", "funding", "stats", "quote"]) ask(each, { mode: "changes", snapshot: true }, 500);
  ask("news", {}, 1000, ["*"]);
}

const STREAMS = ["ohlcv", "price", "depth", "trades", "mark", "index", "funding", "stats", "quote", "news"];

function choose(market, frame) {
  for (const stream_type of STREAMS) say({ type: "unsubscribe", stream_type });
  Object.assign(state, { market, frame, trades: [], book: null });
  location.hash = new URLSearchParams({ market, frame });
  for (const id of ["last", "mark", "index", "funding", "volume", "range", "spread"]) $(id).textContent = "–";
  $("change").textContent = "";
  begin();
  subscribe();
  loadCandles().catch(report);
}

function begin() {
  const tick = state.ticks.get(state.market) ?? "0.01";
  state.decimals = Number(tick) >= 1 ? 0 : (Number(tick).toFixed(10).replace(/0+$/, "").split(".")[1] ?? "").length;
  $("market").value = state.market;
  $("title").textContent = `${state.market} · ${state.frame}`;
  document.title = `${state.market} · Hub`;
  for (const button of $("frames").children) button.setAttribute("aria-pressed", String(button.textContent === state.frame));
  chart.begin(state.decimals);
  showTrades($("trades"), [], state.decimals);
  showBook($("book"), null, state.decimals);
  drawCurve($("curve"), null);
}

// --- what the hub says ---

const price = (text) => Number(text).toLocaleString("en", { minimumFractionDigits: state.decimals, maximumFractionDigits: state.decimals });
const short = (text) => Number(text).toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });

const SHOW = {
  ohlcv: (row) => chart.update(row),
  price(row) {
    $("last").textContent = price(row.price);
    if (row.change_percent === null) return;
    const percent = Number(row.change_percent);
    $("change").textContent = `${percent >= 0 ? "+" : ""}${percent.toFixed(2)} %`;
    $("change").className = percent >= 0 ? "up" : "down";
    document.title = `${price(row.price)} ${state.market} · Hub`;
  },
  mark: (row) => { $("mark").textContent = price(row.price); },
  index: (row) => { $("index").textContent = price(row.price); },
  funding: (row) => { $("funding").textContent = `${(Number(row.funding_rate) * 100).toFixed(4)} %`; },
  stats(row) {
    $("volume").textContent = short(row.quote_volume);
    $("range").textContent = `${price(row.high)} · ${price(row.low)}`;
  },
  quote: (row) => { if (row.spread !== null) $("spread").textContent = price(row.spread); },
  depth(row) {
    state.book = row;
    showBook($("book"), row, state.decimals);
    drawCurve($("curve"), row);
  },
  trades: (row) => { state.trades.unshift(row); },
  news: (row) => logEvent(`${row.symbol}: ${row.text}`),
};

function hear(message) {
  if (message.type === "data") {
    const show = SHOW[message.stream_type];
    for (const row of message.data) if (row.symbol === state.market || message.stream_type === "news") show(row);
    if (message.stream_type === "trades") {
      state.trades.length = Math.min(state.trades.length, MAX_TRADES);
      showTrades($("trades"), state.trades, state.decimals);
    }
  } else if (message.type === "status") {
    const from = message.switched_from ? ` (was ${message.switched_from})` : "";
    const reason = message.reason ? `: ${message.reason}` : "";
    logEvent(`${message.symbol} ${message.feed} ${message.state} by ${message.provider || "nobody"}${from}${reason}`,
      message.state === "live" ? "" : "warn");
  } else if (message.type === "error") {
    logEvent(`${message.error_code}: ${message.message}`, "warn");
  }
}

// --- choices ---

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  chart.restyle();
  if (state.book) drawCurve($("curve"), state.book);
}

const preferred = matchMedia("(prefers-color-scheme: dark)");
const asked = new URLSearchParams(location.search).get("theme") ?? localStorage.getItem("hub-theme");
setTheme(asked ?? (preferred.matches ? "dark" : "light"));
preferred.addEventListener("change", () => { if (!localStorage.getItem("hub-theme")) setTheme(preferred.matches ? "dark" : "light"); });
$("theme").onclick = () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("hub-theme", theme);
  setTheme(theme);
};
$("market").onchange = () => choose($("market").value, state.frame);
$("frames").append(...FRAMES.map((frame) => {
  const button = document.createElement("button");
  button.textContent = frame;
  button.onclick = () => choose(state.market, frame);
  return button;
}));
$("door").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem("hub-token", $("token").value);
  location.reload();
};
setInterval(() => {
  if (state.socket?.readyState === WebSocket.OPEN) $("dot").className = Date.now() - state.heard > 5000 ? "dot stale" : "dot live";
}, 1000);
addEventListener("resize", () => state.book && drawCurve($("curve"), state.book));

async function start() {
  try {
    await loadMarkets();
  } catch (error) {
    report(error);
    if ($("door").hidden) setTimeout(start, 2000);
    return;
  }
  begin();
  connect();
  loadStatus().catch(report);
}

start();
