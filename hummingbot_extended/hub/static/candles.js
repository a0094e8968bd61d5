// The candle chart with its volume, the account's orders as price lines and its fills as markers, by Lightweight Charts.
import { colour, fixed } from "/static/format.js";

const BAR_PX = 8, ROOM_BARS = 9; // what a bar takes at first, and the room right of the newest for labels
const MISSING = 'The charting library is not installed: pip install "hummingbot-extended[hub]".';

const bar = (row) => ({
  time: row.time ?? Math.floor(Date.parse(row.timestamp) / 1000),
  open: Number(row.open), high: Number(row.high), low: Number(row.low), close: Number(row.close), volume: Number(row.volume),
});
const trimmed = (value) => Number(value).toLocaleString("en", { maximumFractionDigits: 6 });

export class CandleChart {
  constructor(element, caption) {
    this.caption = caption;
    this.bars = new Map();
    this.newest = 0;
    this.decimals = 2;
    this.lines = [];
    this.own = { orders: [], position: null, fills: new Map() };
    if (!window.LightweightCharts) {
      element.append(Object.assign(document.createElement("p"), { className: "missing", textContent: MISSING }));
      return;
    }
    this.chart = LightweightCharts.createChart(element, {
      autoSize: true,
      timeScale: { timeVisible: true, rightOffset: ROOM_BARS, barSpacing: BAR_PX },
      localization: { priceFormatter: (value) => fixed(value, this.decimals) },
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal },
    });
    this.candles = this.chart.addCandlestickSeries();
    this.volume = this.chart.addHistogramSeries({ priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
    this.chart.subscribeCrosshairMove((event) => this.tell(this.bars.get(event.time) ?? this.bars.get(this.newest)));
    this.restyle();
  }

  // --- the market ---

  begin(decimals, seconds) {
    Object.assign(this, { decimals, seconds, newest: 0 });
    this.bars.clear();
    this.candles?.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.draw();
    this.caption.textContent = "";
  }

  restyle() {
    if (!this.chart) return;
    const [up, down, line] = [colour("--up"), colour("--down"), colour("--grid")];
    this.chart.applyOptions({
      layout: { background: { color: colour("--panel") }, textColor: colour("--quiet"), fontFamily: "system-ui, sans-serif" },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: colour("--line") },
      timeScale: { borderColor: colour("--line") },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
    this.draw();
    this.drawOwn();
  }

  column(each) {
    return { time: each.time, value: each.volume, color: colour(each.close >= each.open ? "--up-soft" : "--down-soft") };
  }

  draw() {
    const all = [...this.bars.values()].sort((a, b) => a.time - b.time);
    this.candles?.setData(all);
    this.volume?.setData(all.map((each) => this.column(each)));
  }

  replace(rows) {
    const live = [...this.bars.values()];
    this.bars = new Map(rows.map(bar).map((each) => [each.time, each]));
    const told = Math.max(0, ...this.bars.keys());
    for (const each of live) if (each.time > told) this.bars.set(each.time, each);
    this.newest = Math.max(0, ...this.bars.keys());
    this.draw();
    this.drawFills();
    this.chart?.timeScale().resetTimeScale();
    this.tell(this.bars.get(this.newest));
  }

  update(row) {
    const each = bar(row);
    const isOld = each.time < this.newest;
    this.bars.set(each.time, each);
    this.newest = Math.max(this.newest, each.time);
    if (isOld) { // a revision of a closed bar
      this.draw();
    } else {
      this.candles?.update(each);
      this.volume?.update(this.column(each));
    }
    this.tell(this.bars.get(this.newest));
  }

  tell(each) {
    if (!each) return;
    const price = (value) => fixed(value, this.decimals);
    const own = this.own.fills.get(each.time);
    const mine = own ? ["bought", "sold"].filter((what) => own[what]).map((what) => ` · you ${what} ${trimmed(own[what])}`).join("") : "";
    this.caption.textContent =
      `O ${price(each.open)}  H ${price(each.high)}  L ${price(each.low)}  C ${price(each.close)}  V ${each.volume.toLocaleString("en", { maximumFractionDigits: 2 })}${mine}`;
  }

  // --- the account on it ---

  showOwn(orders, position, fills) {
    const sums = new Map();
    for (const fill of fills) {
      const time = Math.floor(Date.parse(fill.timestamp) / 1000 / this.seconds) * this.seconds;
      const sum = sums.get(time) ?? sums.set(time, { bought: 0, sold: 0 }).get(time);
      sum[fill.side === "buy" ? "bought" : "sold"] += Number(fill.quantity);
    }
    this.own = { orders, position, fills: sums };
    this.drawOwn();
  }

  drawOwn() {
    if (!this.candles) return;
    const { orders, position } = this.own;
    const wanted = orders.map((order) => ({
      price: Number(order.price), color: colour(order.side === "buy" ? "--up" : "--down"), lineStyle: LightweightCharts.LineStyle.Dashed,
      title: `${order.side} ${trimmed(order.quantity - order.filled)}`,
    }));
    if (position) {
      wanted.push({
        price: Number(position.entry_price), color: colour("--accent"), lineStyle: LightweightCharts.LineStyle.Solid,
        title: `${position.size > 0 ? "long" : "short"} ${trimmed(Math.abs(position.size))}`,
      });
    }
    this.lines.forEach((line) => this.candles.removePriceLine(line));
    this.lines = wanted.map((each) => this.candles.createPriceLine({ lineWidth: 1, axisLabelVisible: true, ...each }));
    this.drawFills();
  }

  // One marker a bar and side, and a label at the newest only: a market maker fills more often than there is room for.
  drawFills() {
    if (!this.candles) return;
    const times = [...this.own.fills.keys()].filter((time) => this.bars.has(time)).sort((a, b) => a - b);
    const newest = (side) => times.findLast((time) => this.own.fills.get(time)[side]);
    const sides = [
      { side: "bought", position: "belowBar", shape: "arrowUp", color: colour("--up"), labelled: newest("bought") },
      { side: "sold", position: "aboveBar", shape: "arrowDown", color: colour("--down"), labelled: newest("sold") },
    ];
    this.candles.setMarkers(times.flatMap((time) => sides.filter(({ side }) => this.own.fills.get(time)[side]).map(({ side, labelled, ...look }) => (
      { time, ...look, size: 0.8, text: time === labelled ? `${side} ${trimmed(this.own.fills.get(time)[side])}` : "" }))));
  }
}
