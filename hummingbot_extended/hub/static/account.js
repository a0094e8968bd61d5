// The account of the hub's owner: an event stream read by fetch, because an EventSource cannot send the token.
import { $, cell, clock, decimalsOf, facts, fixed, NOTHING, row, sideClass, signed } from "/static/format.js";

const RETRY_MIN_MS = 1000, RETRY_MAX_MS = 15000;
const SHOWN_FILLS = 60;

export const account = { problem: null, orders: [], positions: [], balance: null, fills: new Map() };

// Keep `account` up to date and call `changed` each time; return when this hub shows no account.
export async function followAccount(headers, changed) {
  let waitMs = RETRY_MIN_MS;
  for (;;) {
    try {
      const reply = await fetch("/sse/account", { headers: headers(), cache: "no-store" });
      if (reply.status === 204 || (reply.status >= 400 && reply.status < 500)) return; // none, or not for us
      if (reply.ok) waitMs = RETRY_MIN_MS;
      for await (const news of events(reply.body)) {
        const { fills, ...state } = news;
        Object.assign(account, state);
        for (const fill of fills) account.fills.set(fill.id, fill);
        changed();
      }
    } catch { /* the hub is gone; the notice says so */ }
    account.problem = "the hub does not answer";
    changed();
    await new Promise((done) => setTimeout(done, waitMs));
    waitMs = Math.min(waitMs * 2, RETRY_MAX_MS);
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

export const ofMarket = (rows, market) => rows.filter((each) => each.symbol === market);
export const newestFills = () => [...account.fills.values()].sort((a, b) => b.timestamp.localeCompare(a.timestamp) || Number(b.id) - Number(a.id));

// `decimals` are those of the chosen market's prices; other markets' are written as they came.
export function showAccount(market, mark, decimals) {
  for (const panel of document.querySelectorAll(".account, .fills")) panel.hidden = false;
  $("main").classList.add("with-account");
  $("account-state").textContent = account.problem ?? "live";
  $("account-state").className = account.problem ? "warn" : "up";
  const price = (each) => (each.price === null ? "market" : fixed(each.price, each.symbol === market ? decimals : decimalsOf(each.price)));
  showFigures(market, mark, decimals);
  const orders = [...account.orders].sort((a, b) => (b.symbol === market) - (a.symbol === market) || Number(b.price) - Number(a.price));
  $("orders").tBodies[0].replaceChildren(...(orders.length ? orders.map((each) => row([
    each.symbol, cell(each.side + (each.reduce_only ? ", reduce only" : ""), sideClass(each.side)), price(each), fixed(each.quantity, decimalsOf(each.quantity)),
    fixed(each.filled, decimalsOf(each.filled)),
    each.symbol === market && mark && each.price !== null ? `${signed(100 * (each.price / mark - 1), 3)} %` : NOTHING,
  ])) : [nothing("no open order", 6)]));
  const fills = newestFills();
  $("fills").tBodies[0].replaceChildren(...(fills.length ? fills.slice(0, SHOWN_FILLS).map((each) => row([
    clock(each.timestamp), each.symbol, cell(each.side, sideClass(each.side)), price(each), fixed(each.quantity, decimalsOf(each.quantity)),
    Number(each.fee) ? fixed(each.fee, 4) : "0", each.type === "TRADE" ? each.liquidity : cell(each.type.toLowerCase(), "warn"),
  ])) : [nothing("no fill yet", 7)]));
  const sum = (rows, value) => rows.reduce((total, each) => total + value(each), 0);
  $("fill-sums").textContent = `${fills.length} · volume ${fixed(sum(fills, (each) => each.price * each.quantity), 0)} · fees ${fixed(sum(fills, (each) => Number(each.fee)), 2)}`;
}

function nothing(text, columns) {
  const element = cell(text, "quiet");
  element.colSpan = columns;
  return row([element]);
}

function showFigures(market, mark, decimals) {
  const position = account.positions.find((each) => each.symbol === market);
  const size = Number(position?.size ?? 0);
  const open = position && mark ? size * (mark - position.entry_price) : null;
  const coloured = (value, digits) => {
    const element = document.createElement("span");
    element.textContent = value === null ? NOTHING : signed(value, digits);
    element.className = value === null || !Number(value) ? "" : value > 0 ? "up" : "down";
    return element;
  };
  const usd = (value) => (account.balance ? fixed(value, 2) : NOTHING);
  facts($("account"), {
    Position: size ? `${size > 0 ? "long" : "short"} ${fixed(Math.abs(size), decimalsOf(position.size))}` : "flat",
    Entry: position ? fixed(position.entry_price, decimals) : NOTHING,
    "Open PnL": coloured(open, 4),
    Equity: usd(account.balance?.equity),
    Available: usd(account.balance?.available),
    "Other positions": account.positions.filter((each) => each !== position).map((each) => each.symbol).join(", ") || "none",
  });
}
