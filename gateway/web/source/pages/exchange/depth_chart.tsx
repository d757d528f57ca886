/** How much could be bought or sold down to each price: the sums of the book, by uPlot. */
import uPlot from "uplot";
import { axis, Chart } from "../../parts/chart";
import { decimal, short } from "../../parts/format";
import { colour } from "../../shell/theme";
import { useHeight } from "./sizes";

interface Step {
  price: number;
  total: number;
}

interface DepthGiven {
  bids: readonly Step[];
  offers: readonly Step[];
  decimals: number;
  symbol: string;
}

export function DepthChart({ bids, offers, decimals, symbol }: DepthGiven) {
  const last = bids.at(-1)?.total ?? 0;
  const label = `Depth of ${symbol}: ${last} to buy at ${bids.length} prices, ${offers.at(-1)?.total ?? 0} to sell at ${offers.length}`;
  const [place, height] = useHeight(200);
  return (
    <div ref={place} class="exchange-fill">
      <Chart label={label} data={dataOf(bids, offers)} height={height} options={() => options(decimals)} key={decimals} />
    </div>
  );
}

/** Prices rise from left to right; in a call the sides may overlap. */
function dataOf(bids: readonly Step[], offers: readonly Step[]): uPlot.AlignedData {
  const buy = new Map(bids.filter((step) => step.price !== 0).map((step) => [step.price, step.total]));
  const sell = new Map(offers.filter((step) => step.price !== 0).map((step) => [step.price, step.total]));
  const prices = [...new Set([...buy.keys(), ...sell.keys()])].sort((one, other) => one - other);
  return [prices, prices.map((price) => buy.get(price) ?? null), prices.map((price) => sell.get(price) ?? null)];
}

function options(decimals: number): Omit<uPlot.Options, "width" | "height"> {
  const { stepped } = uPlot.paths;
  const side = (stroke: string, fill: string, align: 1 | -1): uPlot.Series => ({
    stroke: colour(stroke),
    fill: colour(fill),
    width: 1.5,
    spanGaps: true,
    points: { show: false },
    ...(stepped === undefined ? {} : { paths: stepped({ align }) }),
  });
  return {
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most) * 1.05] } },
    axes: [
      axis({ values: (_, all) => all.map((price) => decimal(Math.round(price), decimals)), space: 70, size: 28 }),
      axis({ values: (_, all) => all.map((count) => short(count)), size: 44, space: 36 }),
    ],
    series: [{}, side("--buy", "--buy-soft", -1), side("--sell", "--sell-soft", 1)],
  };
}
