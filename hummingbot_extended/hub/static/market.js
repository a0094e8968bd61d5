// The order book and the trades of the chosen market.

const LEVELS = 9;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const size = (value) => Number(value).toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 4 });

function rowOf(cells, side, share) {
  const row = document.createElement("tr");
  for (const text of cells) row.append(Object.assign(document.createElement("td"), { textContent: text }));
  row.firstChild.className = side;
  if (share !== undefined) {
    const soft = `var(--${side}-soft)`;
    row.style.background = `linear-gradient(270deg, ${soft} ${share}%, transparent ${share}%)`;
  }
  return row;
}

function summed(levels) {
  let sum = 0;
  return levels.map(([price, amount]) => [Number(price), Number(amount), (sum += Number(amount))]);
}

export function showBook(table, book, decimals) {
  const body = table.tBodies[0];
  if (!book) { body.replaceChildren(); return; }
  const bids = summed(book.bids.slice(0, LEVELS)), asks = summed(book.asks.slice(0, LEVELS));
  const most = Math.max(bids.at(-1)?.[2] ?? 0, asks.at(-1)?.[2] ?? 0) || 1;
  const side = (levels, name) => levels.map(([price, amount, sum]) =>
    rowOf([price.toFixed(decimals), size(amount), size(sum)], name, (100 * sum / most).toFixed(1)));
  const middle = document.createElement("tr");
  middle.className = "middle";
  const text = bids.length && asks.length ? ((bids[0][0] + asks[0][0]) / 2).toFixed(decimals + 1) : "–";
  middle.append(Object.assign(document.createElement("td"), { textContent: text, colSpan: 3 }));
  body.replaceChildren(...side(asks, "down").reverse(), middle, ...side(bids, "up"));
}

export function showTrades(table, trades, decimals) {
  table.tBodies[0].replaceChildren(...trades.map((trade) => rowOf(
    [Number(trade.price).toFixed(decimals), size(trade.quantity), trade.timestamp.slice(11, 19)], trade.side === "buy" ? "up" : "down")));
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
  const middle = (bids[0][0] + asks[0][0]) / 2;
  const reach = Math.max(middle - bids.at(-1)[0], asks.at(-1)[0] - middle) || 1;
  const most = Math.max(bids.at(-1)[2], asks.at(-1)[2]) * 1.08;
  const x = (price) => width / 2 + (price - middle) / reach * width / 2, y = (sum) => height - sum / most * height;
  for (const [levels, name, edge] of [[bids, "up", 0], [asks, "down", width]]) {
    context.beginPath();
    context.moveTo(x(levels[0][0]), height);
    let before = height;
    for (const [price, , sum] of levels) {
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
