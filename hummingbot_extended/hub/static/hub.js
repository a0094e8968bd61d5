// The hub's page: one WebSocket for everything that moves, HTTP for candles and status, an event stream for the account.
import { account, followAccount, newestFills, ofMarket, showAccount } from "/static/account.js";
import { CandleChart } from "/static/candles.js";
import { $, clock, decimalsOf, fixed, NOTHING, short } from "/static/format.js";
import { logEvent, showNotice, showStatus } from "/static/health.js";
import { drawCurve, showBook, showTrades } from "/static/market.js";

const FRAMES = { "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14400, "1d": 86400 };
const PLACES = { extended_perpetual: "mainnet", extended_perpetual_testnet: "testnet", extended_perpetual_local: "practice venue" };
const STATUS_EVERY_MS = 3000, SILENT_MS = 5000, FLASH_MS = 400;
const MAX_TRADES = 60;
const RETRY_MIN_MS = 500, RETRY_MAX_MS = 15000;
const STREAMS = ["ohlcv", "price", "depth", "trades", "mark", "index", "funding", "stats", "quote", "news"];

const state = {
  market: "", frame: "1m", decimals: 2, ticks: new Map(), trades: [], book: null, mark: null,
  socket: null, retryMs: RETRY_MIN_MS, heard: 0, lost: null, feeds: new Map(), hasAccount: false,
};
export const chart = new CandleChart($("chart"), $("bar"));

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

// A link of the hub's ends in #code=…, which opens the page once: it is changed into the token and leaves the address.
async function redeemLink() {
  const place = new URLSearchParams(location.hash.slice(1));
  const code = place.get("code");
  if (!code) return;
  place.delete("code");
  history.replaceState(null, "", `${location.pathname}${location.search}${place.size ? `#${place}` : ""}`);
  const reply = await fetch("/page/token", { method: "POST", body: code });
  if (reply.ok) sessionStorage.setItem("hub-token", (await reply.json()).token);
}

async function loadMarkets() {
  const [{ markets }, status] = await Promise.all([get("/api/v1/markets"), get("/streamer/status")]);
  if (!markets.length) throw new Error("the exchange has not told the hub its markets yet");
  const kept = new Set(status.symbols ?? []);
  const names = markets.map((each) => each.name).sort((a, b) => kept.has(b) - kept.has(a) || a.localeCompare(b));
  $("market").replaceChildren(...names.map((name) => new Option(name, name)));
  state.ticks = new Map(markets.map((each) => [each.name, String(each.tick)]));
  const wanted = new URLSearchParams(location.hash.slice(1));
  state.market = names.includes(wanted.get("market")) ? wanted.get("market") : names[0];
  state.frame = wanted.get("frame") in FRAMES ? wanted.get("frame") : "1m";
}

async function loadCandles() {
  const asked = `${state.market}/${state.frame}`;
  const answer = await get(`/streamer/candles/${asked}?limit=500`);
  if (asked !== `${state.market}/${state.frame}`) return;
  if (answer.success) chart.replace(answer.candles);
  else setTimeout(() => loadCandles().catch(report), 1000);
}

async function loadStatus() {
  if (state.socket?.readyState !== WebSocket.OPEN) return;
  const [status, health] = await Promise.all([get("/streamer/status"), get("/streamer/health?strict=0")]);
  $("domain").textContent = PLACES[status.domain] ?? status.domain ?? "";
  state.feeds = new Map(ofFeeds(status.channels ?? []));
  showStatus(status, health, state.market);
  notice();
}

const ofFeeds = (channels) => channels.filter((each) => each.market === state.market).map((each) => [each.feed, each]);

function report(error) {
  if (state.socket?.readyState === WebSocket.OPEN) logEvent(String(error.message ?? error), "warn");
}

// --- what is wrong, if anything ---

function notice() {
  const since = (ms) => clock(new Date(ms).toISOString());
  const down = [...state.feeds.values()].filter((each) => each.state !== "live" && each.state !== "opening" && each.feed !== "stats");
  if (state.lost) showNotice(`The hub does not answer since ${since(state.lost)} UTC. What you see is from then; trying again.`);
  else if (down.length) {
    const which = down.length > 3 ? "" : ` (${down.map((each) => each.feed).join(", ")})`;
    showNotice(`No live data of ${state.market}${which} since ${since(Math.min(...down.map((each) => each.since_ms)))} UTC: the exchange does not answer. The hub goes on trying.`);
  } else showNotice("");
}

function showPulse() {
  const isOpen = state.socket?.readyState === WebSocket.OPEN;
  const isOld = !$("notice").hidden || Date.now() - state.heard > SILENT_MS;
  $("dot").className = !isOpen ? "dot" : isOld ? "dot stale" : "dot live";
  $("dot").title = !isOpen ? "the hub does not answer" : isOld ? "connected to the hub, but without live data" : "live";
}

// --- the socket ---

function connect() {
  const token = sessionStorage.getItem("hub-token");
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/stream`;
  const socket = (state.socket = token ? new WebSocket(url, [`hub-token.${token}`]) : new WebSocket(url));
  socket.onopen = () => {
    Object.assign(state, { retryMs: RETRY_MIN_MS, heard: Date.now(), lost: null, trades: [] });
    notice();
    showPulse();
    subscribe();
    loadCandles().catch(report);
    loadStatus().catch(report);
  };
  socket.onmessage = (event) => { state.heard = Date.now(); hear(JSON.parse(event.data)); };
  socket.onclose = (event) => {
    if (event.code === 4001) { $("door").hidden = false; return; }
    if (!state.lost) logEvent(`connection to the hub lost (${event.code})`, "warn");
    state.lost ??= Date.now();
    notice();
    showPulse();
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

// --- choices ---

function choose(market, frame) {
  for (const stream_type of STREAMS) say({ type: "unsubscribe", stream_type });
  Object.assign(state, { market, frame, trades: [], book: null, mark: null, feeds: new Map() });
  location.hash = new URLSearchParams({ market, frame });
  for (const id of ["last", "mark", "index", "funding", "volume", "range", "spread"]) $(id).textContent = NOTHING;
  $("change").textContent = "";
  begin();
  subscribe();
  loadCandles().catch(report);
  loadStatus().catch(report);
}

function begin() {
  state.decimals = decimalsOf(state.ticks.get(state.market) ?? "0.01");
  $("market").value = state.market;
  $("title").textContent = `${state.market} · ${state.frame}`;
  document.title = `${state.market} · Hub`;
  for (const button of $("frames").children) button.setAttribute("aria-pressed", String(button.textContent === state.frame));
  chart.begin(state.decimals, FRAMES[state.frame]);
  showTrades($("trades"), [], state.decimals);
  showBook($("book"), null, state.decimals);
  drawCurve($("curve"), null);
  if (state.hasAccount) accountChanged();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  chart.restyle();
  if (state.book) drawCurve($("curve"), state.book);
}

// --- what the hub says ---

const price = (text) => fixed(text, state.decimals);
const ownPrices = () => new Set(ofMarket(account.orders, state.market).map((each) => Number(each.price)));

const SHOW = {
  ohlcv: (row) => chart.update(row),
  price(row) {
    const before = $("last").textContent;
    $("last").textContent = price(row.price);
    flash(before, row.price);
    document.title = `${price(row.price)} ${state.market} · Hub`;
    if (row.change_percent === null) return;
    const percent = Number(row.change_percent);
    $("change").textContent = `${percent >= 0 ? "+" : "−"}${Math.abs(percent).toFixed(2)} %`;
    $("change").className = percent >= 0 ? "up" : "down";
  },
  mark(row) {
    state.mark = Number(row.price);
    $("mark").textContent = price(row.price);
    if (state.hasAccount) showAccount(state.market, state.mark, state.decimals);
  },
  index: (row) => { $("index").textContent = price(row.price); },
  funding: (row) => { $("funding").textContent = `${(Number(row.funding_rate) * 100).toFixed(4)} %`; },
  stats(row) {
    $("volume").textContent = `${short(row.quote_volume)} USD`;
    $("range").textContent = `${price(row.low)} – ${price(row.high)}`;
  },
  quote: (row) => { if (row.spread !== null) $("spread").textContent = price(row.spread); },
  depth(row) {
    state.book = row;
    showBook($("book"), row, state.decimals, ownPrices());
    drawCurve($("curve"), row);
  },
  trades: (row) => { state.trades.unshift(row); },
  news: (row) => logEvent(`${row.symbol}: ${row.text}`),
};

function flash(before, now) {
  const change = Number(now) - Number(before.replaceAll(",", ""));
  if (!change) return;
  $("last").className = change > 0 ? "up" : "down";
  clearTimeout(state.flashing);
  state.flashing = setTimeout(() => { $("last").className = ""; }, FLASH_MS);
}

function hear(message) {
  if (message.type === "data") {
    const show = SHOW[message.stream_type];
    for (const row of message.data) if (row.symbol === state.market || message.stream_type === "news") show(row);
    if (message.stream_type === "trades") {
      state.trades.length = Math.min(state.trades.length, MAX_TRADES);
      showTrades($("trades"), state.trades, state.decimals);
    }
  } else if (message.type === "status") {
    const source = message.provider ? `by ${message.provider}` : "no source answers";
    const from = message.switched_from ? `, before by ${message.switched_from}` : "";
    const reason = message.reason ? ` (${message.reason})` : "";
    logEvent(`${message.symbol} ${message.feed} ${message.state}, ${source}${from}${reason}`, message.state === "live" ? "" : "warn");
    loadStatus().catch(report);
  } else if (message.type === "error") {
    logEvent(`${message.error_code}: ${message.message}`, "warn");
  }
}

function accountChanged() {
  state.hasAccount = true;
  const orders = ofMarket(account.orders, state.market).filter((each) => each.price !== null);
  chart.showOwn(orders, ofMarket(account.positions, state.market)[0] ?? null, ofMarket(newestFills(), state.market));
  showAccount(state.market, state.mark, state.decimals);
}

// --- start ---

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
$("frames").append(...Object.keys(FRAMES).map((frame) => {
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
// A link sends no token, so where there is one the figures are fetched, then shown.
$("metrics").onclick = async (event) => {
  if (!headers().Authorization) return;
  event.preventDefault();
  const reply = await fetch("/metrics", { headers: headers() });
  location.assign(URL.createObjectURL(await reply.blob()));
};
setInterval(showPulse, 1000);
setInterval(() => loadStatus().catch(report), STATUS_EVERY_MS);
addEventListener("resize", () => state.book && drawCurve($("curve"), state.book));

async function start() {
  try {
    await redeemLink();
    await loadMarkets();
  } catch (error) {
    if ($("door").hidden) {
      showNotice(`The hub is not ready: ${error.message}. Trying again.`);
      setTimeout(start, 2000);
    }
    return;
  }
  showNotice("");
  begin();
  connect();
  followAccount(headers, accountChanged);
}

start();
