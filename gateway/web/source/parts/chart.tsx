/** Lines over time by uPlot: sized with the page, coloured by the theme. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, theme } from "../shell/theme";

interface ChartGiven {
  /** What it shows, for those who cannot see it. */
  label: string;
  data: uPlot.AlignedData;
  height: number;
  /** Made anew where the theme changes: use `colour("--series-1")` and the like. */
  options: () => Omit<uPlot.Options, "width" | "height">;
  onReady?: (plot: uPlot) => void;
}

export function Chart({ label, data, height, options, onReady }: ChartGiven) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = theme.value;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const width = element.clientWidth || 600;
    const made = new uPlot({ ...options(), width, height }, data, element);
    plot.current = made;
    onReady?.(made);
    const sized = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    sized.observe(element);
    return () => {
      sized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shown, height]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={place} class="chart" role="img" aria-label={label} style={{ minHeight: `${height}px` }} />;
}

/** An axis in the theme's colours. */
export function axis(more: uPlot.Axis = {}): uPlot.Axis {
  return {
    stroke: colour("--text-muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
    ...more,
  };
}

/** A small line with no axes, beside a figure. */
export function Sparkline({ label, values, tone = "--series-1", width = 120, height = 28 }: {
  label: string;
  values: readonly number[];
  tone?: string;
  width?: number;
  height?: number;
}) {
  const top = Math.max(1, ...values);
  const step = width / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`);
  return (
    <svg class="sparkline" role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <polyline points={points.join(" ")} fill="none" stroke={`var(${tone})`} stroke-width="1.5" />
    </svg>
  );
}
