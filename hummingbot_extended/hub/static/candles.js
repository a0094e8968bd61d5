// The candle chart with its volume, drawn by Lightweight Charts.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const bar = (row) => ({
  time: row.time ?? Math.floor(Date.parse(row.timestamp) / 1000),
  open: Number(row.open), high: Number(row.high), low: Number(row.low), close: Number(row.close), volume: Number(row.volume),
});

export class CandleChart {
  constructor(element, caption) {
    this.caption = caption;
    this.bars = new Map();
    this.newest = 0;
    if (!window.LightweightCharts) {
      element.innerHTML = '<p class="missing">The charting library is not installed: pip install "hummingbot-extended[hub]".</p>';
      return;
    }
    this.chart = LightweightCharts.createChart(element, { autoSize: true, timeScale: { timeVisible: true, rightOffset: 4 } });
    this.candles = this.chart.addCandlestickSeries();
    this.volume = this.chart.addHistogramSeries({ priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.06, bottom: 0.22 } });
    this.chart.subscribeCrosshairMove((event) => this.tell(this.bars.get(event.time) ?? this.bars.get(this.newest)));
    this.restyle();
  }

  begin(decimals) {
    this.decimals = decimals;
    this.bars.clear();
    this.newest = 0;
    this.candles?.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.candles?.setData([]);
    this.volume?.setData([]);
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
    this.volume.setData([...this.bars.values()].map((each) => this.column(each)));
  }

  column(each) {
    return { time: each.time, value: each.volume, color: colour(each.close >= each.open ? "--up-soft" : "--down-soft") };
  }

  replace(rows) {
    const known = this.bars;
    this.bars = new Map(rows.map(bar).sort((a, b) => a.time - b.time).map((each) => [each.time, each]));
    for (const [time, each] of known) if (!this.bars.has(time) && time > this.newestOf(this.bars)) this.bars.set(time, each);
    this.newest = this.newestOf(this.bars);
    this.candles?.setData([...this.bars.values()]);
    this.volume?.setData([...this.bars.values()].map((each) => this.column(each)));
    const count = this.bars.size;
    this.chart?.timeScale().setVisibleLogicalRange({ from: Math.max(0, count - 140), to: count + 4 });
    this.tell(this.bars.get(this.newest));
  }

  newestOf(bars) {
    return Math.max(0, ...bars.keys());
  }

  update(row) {
    const each = bar(row);
    const isOld = each.time < this.newest;
    this.bars.set(each.time, each);
    this.newest = Math.max(this.newest, each.time);
    if (isOld) { // a revision of a closed bar
      const all = [...this.bars.values()].sort((a, b) => a.time - b.time);
      this.candles?.setData(all);
      this.volume?.setData(all.map((one) => this.column(one)));
    } else {
      this.candles?.update(each);
      this.volume?.update(this.column(each));
    }
    this.tell(this.bars.get(this.newest));
  }

  tell(each) {
    if (!each) return;
    const price = (value) => value.toFixed(this.decimals);
    this.caption.textContent =
      `O ${price(each.open)}  H ${price(each.high)}  L ${price(each.low)}  C ${price(each.close)}  V ${each.volume.toLocaleString("en", { maximumFractionDigits: 3 })}`;
  }
}
