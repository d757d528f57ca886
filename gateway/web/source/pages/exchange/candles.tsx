/** Candles and volume, by lightweight-charts. The history is asked for once; the latest candles come
 * live and go on from there. */
import type { CandlestickData, HistogramData, IChartApi, ISeriesApi, UTCTimestamp } from "lightweight-charts";
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../../api/client";
import { useLive } from "../../api/live";
import { clock, date, decimal, short } from "../../parts/format";
import { Panel, ProblemNote, Tabs } from "../../parts/panel";
import { colour, theme } from "../../shell/theme";
import type { Candle, Instrument } from "./market";

const PATH = "/api/markets/exchange/queries/candles";
const INTERVALS = ["1s", "1min", "1h", "1d"] as const;
type Interval = (typeof INTERVALS)[number];
const HISTORY = 500;
/** How many of the latest are followed: what a page that hung may have missed. */
const LATEST = 5;

const interval = signal<Interval>("1min");

export function Candles({ instrument }: { instrument: Instrument }) {
  const name = instrument.instrument;
  const chosen = interval.value;
  const shown = useLive(PATH, { instrument: name, interval: chosen, limit: LATEST });
  const place = useRef<HTMLDivElement>(null);
  const drawing = useDrawing(place, instrument, chosen);
  useEffect(() => {
    if (drawing !== null && shown.value !== null) drawing.take(shown.value);
  }, [drawing, shown]);
  const last = shown.value?.at(-1);
  const label =
    last === undefined
      ? `Candles of ${instrument.symbol}: nothing has traded yet`
      : `Candles of ${instrument.symbol} by ${chosen}; the last closed at ${decimal(last.close, instrument.price_decimals)}`;
  return (
    <Panel title={<Legend last={last} decimals={instrument.price_decimals} />} flush class="exchange-candles" tools={
      <Tabs label="Length of a candle" names={INTERVALS} chosen={chosen} onChoose={(name) => (interval.value = name)} />
    }>
      <ProblemNote problem={shown.problem} />
      <div ref={place} class="exchange-fill" role="img" aria-label={label} />
    </Panel>
  );
}

function Legend({ last, decimals }: { last: Candle | undefined; decimals: number }) {
  return (
    <>
      Candles{" "}
      {last !== undefined && (
        <span class="exchange-legend small muted" aria-hidden="true">
          O {decimal(last.open, decimals)} H {decimal(last.high, decimals)} L {decimal(last.low, decimals)} C{" "}
          <b class={last.close >= last.open ? "buy" : "sell"}>{decimal(last.close, decimals)}</b> V {short(last.volume)}
        </span>
      )}
    </>
  );
}

/** The chart, once its library is there; made anew for another instrument, interval or theme. */
function useDrawing(place: { current: HTMLDivElement | null }, instrument: Instrument, chosen: Interval): Drawing | null {
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const shownTheme = theme.value;
  useEffect(() => {
    let wanted = true;
    let made: Drawing | null = null;
    void import("lightweight-charts").then((library) => {
      if (!wanted || place.current === null) return;
      made = new Drawing(library, place.current, instrument, chosen);
      setDrawing(made);
    });
    return () => {
      wanted = false;
      made?.close();
      setDrawing(null);
    };
  }, [instrument.instrument, instrument.price_decimals, chosen, shownTheme]);
  return drawing;
}

class Drawing {
  private readonly chart: IChartApi;
  private readonly prices: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  /** Where the newest candle that is drawn starts; -1: none is. */
  private newest_ms = -1;
  /** What the latest candles were when they were drawn. */
  private readonly drawn = new Map<number, string>();
  private asking = false;
  private closed = false;
  private latest: readonly Candle[] = [];

  constructor(
    library: typeof import("lightweight-charts"),
    place: HTMLElement,
    private readonly instrument: Instrument,
    private readonly chosen: Interval,
  ) {
    const { price_decimals: decimals, tick_size: tick } = instrument;
    this.chart = library.createChart(place, options(chosen));
    this.prices = this.chart.addSeries(library.CandlestickSeries, {
      upColor: colour("--buy"),
      downColor: colour("--sell"),
      wickUpColor: colour("--buy"),
      wickDownColor: colour("--sell"),
      borderVisible: false,
      priceFormat: { type: "custom", minMove: tick, formatter: (price: number) => decimal(Math.round(price), decimals) },
    });
    this.volumes = this.chart.addSeries(library.HistogramSeries, {
      priceScaleId: "",
      lastValueVisible: false,
      priceLineVisible: false,
      priceFormat: { type: "volume" },
    });
    this.prices.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.24 } });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  }

  /** The latest candles, earliest first. */
  take(latest: readonly Candle[]): void {
    this.latest = latest;
    const [first] = latest;
    if (first === undefined || this.closed) return;
    if (this.newest_ms < first.start_ms && (this.newest_ms >= 0 || latest.length === LATEST)) {
      void this.load();
    } else {
      for (const candle of latest) this.draw(candle);
      for (const start_ms of this.drawn.keys()) if (start_ms < first.start_ms) this.drawn.delete(start_ms);
    }
  }

  private draw(candle: Candle): void {
    const state = `${candle.volume} ${candle.trades} ${candle.close}`;
    if (this.drawn.get(candle.start_ms) === state) return;
    this.drawn.set(candle.start_ms, state);
    const isPast = candle.start_ms < this.newest_ms;
    this.prices.update(barOf(candle), isPast);
    this.volumes.update(volumeOf(candle), isPast);
    this.newest_ms = Math.max(this.newest_ms, candle.start_ms);
  }

  private async load(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const history = await ask(PATH, { instrument: this.instrument.instrument, interval: this.chosen, limit: HISTORY });
      if (this.closed) return;
      this.prices.setData(history.map(barOf));
      this.volumes.setData(history.map(volumeOf));
      this.newest_ms = history.at(-1)?.start_ms ?? -1;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 500));
    } finally {
      this.asking = false;
    }
    this.take(this.latest);
  }

  close(): void {
    this.closed = true;
    this.chart.remove();
  }
}

function timeOf(candle: Candle): UTCTimestamp {
  return (candle.start_ms / 1000) as UTCTimestamp;
}

function barOf(candle: Candle): CandlestickData {
  const { open, high, low, close } = candle;
  return { time: timeOf(candle), open, high, low, close };
}

function volumeOf(candle: Candle): HistogramData {
  const tone = candle.close >= candle.open ? "--buy-soft" : "--sell-soft";
  return { time: timeOf(candle), value: candle.volume, color: tones.of(tone) };
}

/** Colours of tokens, looked up once a theme. */
const tones = {
  theme: "",
  found: new Map<string, string>(),
  of(token: string): string {
    if (this.theme !== theme.peek()) {
      this.theme = theme.peek();
      this.found.clear();
    }
    const known = this.found.get(token) ?? colour(token);
    this.found.set(token, known);
    return known;
  },
};

function options(chosen: Interval) {
  const line = { color: colour("--line") };
  const at = (time: unknown): string => (chosen === "1d" ? date(Number(time) * 1000) : clock(Number(time) * 1000));
  return {
    autoSize: true,
    layout: {
      background: { color: colour("--surface") },
      textColor: colour("--text-muted"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
      attributionLogo: false,
    },
    grid: { vertLines: line, horzLines: line },
    rightPriceScale: { borderColor: colour("--line") },
    timeScale: {
      borderColor: colour("--line"),
      timeVisible: chosen !== "1d",
      secondsVisible: chosen === "1s",
      rightOffset: 4,
      tickMarkFormatter: at,
    },
    localization: { timeFormatter: at },
    crosshair: { mode: 0 },
  };
}
