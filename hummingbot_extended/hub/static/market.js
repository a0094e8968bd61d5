// The order book and the trades of the chosen market.
import { cell, clock, colour, decimalsOf, fixed, row, sideClass } from "/static/format.js";

const LEVELS = 9;
const MAX_SIZE_DECIMALS = 6;

const columnDecimals = (texts) => Math.min(MAX_SIZE_DECIMALS, Math.max(0, ...texts.map(decimalsOf)));

function summed(levels) {
  let sum = 0;
  return levels.map(([price, amount]) => ({ price: Number(price), amount: Number(amount), sum: (sum += Number(amount)) }));
}

// `own` holds the prices of the account's own orders: their levels are marked.
export function showBook(table, book, decimals, own = new Set()) {
  const body = table.tBodies[0];
  if (!book) { body.replaceChildren(); return; }
  const shown = [...book.bids.slice(0, LEVELS), ...book.asks.slice(0, LEVELS)];
  const digits = columnDecimals(shown.map(([, amount]) => amount));
  const bids = summed(book.bids.slice(0, LEVELS)), asks = summed(book.asks.slice(0, LEVELS));
  const most = Math.max(bids.at(-1)?.sum ?? 0, asks.at(-1)?.sum ?? 0) || 1;
  const lines = (levels, name) => levels.map((level) => {
    const line = row([cell(fixed(level.price, decimals), name), fixed(level.amount, digits), fixed(level.sum, digits)], own.has(level.price) ? "own" : "");
    const share = (100 * level.sum / most).toFixed(1);
    line.style.background = `linear-gradient(270deg, var(--${name}-soft) ${share}%, transparent ${share}%)`;
    if (own.has(level.price)) line.title = "your order stands here";
    return line;
  });
  const middle = cell(bids.length && asks.length ? fixed((bids[0].price + asks[0].price) / 2, decimals + 1) : "one side is empty");
  middle.colSpan = 3;
  body.replaceChildren(...lines(asks, "down").reverse(), row([middle], "middle"), ...lines(bids, "up"));
}

export function showTrades(table, trades, decimals) {
  const digits = columnDecimals(trades.map((trade) => trade.quantity));
  table.tBodies[0].replaceChildren(...trades.map((trade) => row(
    [cell(fixed(trade.price, decimals), sideClass(trade.side)), fixed(trade.quantity, digits), clock(trade.timestamp)])));
}

// The sums of both sides over price: where the market would go for how much.
export function drawCurve(canvas, book) {
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  if (!book?.bids.length || !book?.asks.length) return;
  const bids = summed(book.bids), asks = summed(book.asks);
  const middle = (bids[0].price + asks[0].price) / 2;
  const reach = Math.max(middle - bids.at(-1).price, asks.at(-1).price - middle) || 1;
  const most = Math.max(bids.at(-1).sum, asks.at(-1).sum) * 1.08;
  const x = (price) => width / 2 + (price - middle) / reach * width / 2, y = (sum) => height - sum / most * height;
  for (const [levels, name, edge] of [[bids, "up", 0], [asks, "down", width]]) {
    context.beginPath();
    context.moveTo(x(levels[0].price), height);
    let before = height;
    for (const { price, sum } of levels) {
      context.lineTo(x(price), before);
      context.lineTo(x(price), (before = y(sum)));
    }
    context.lineTo(edge, before);
    context.strokeStyle = colour(`--${name}`);
    context.stroke();
    context.lineTo(edge, height);
    context.fillStyle = colour(`--${name}-soft`);
    context.fill();
  }
}
