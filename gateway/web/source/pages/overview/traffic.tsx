/** Commands and events a second of all systems together, over the last minute. */
import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { axis, Chart } from "../../parts/chart";
import { Panel } from "../../parts/panel";
import { colour } from "../../shell/theme";
import { rate, type SystemTold } from "./told";

const SAMPLES = 60;

export function TrafficPanel({ systems, every_s }: { systems: readonly SystemTold[]; every_s: number }) {
  const data = useMemo<uPlot.AlignedData>(() => {
    const commands = summed(systems.map((each) => each.history.commands_per_s));
    const events = summed(systems.map((each) => each.history.events_per_s));
    const ago = Array.from({ length: SAMPLES }, (_, index) => (index - SAMPLES + 1) * every_s);
    return [ago, events, commands];
  }, [systems, every_s]);
  return (
    <Panel title="Records a second, all systems" flush class="traffic">
      <Chart label="Events and commands a second over the last minute" data={data} height={148} options={options} />
    </Panel>
  );
}

/** Of the latest samples; nothing where there were none yet. */
function summed(lines: readonly (readonly number[])[]): (number | null)[] {
  return Array.from({ length: SAMPLES }, (_, index) => {
    const values = lines.flatMap((line) => line[line.length - SAMPLES + index] ?? []);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

function options(): Omit<uPlot.Options, "width" | "height"> {
  return {
    legend: { live: false },
    cursor: { show: false },
    padding: [10, 14, 0, 0],
    scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, Math.max(high * 1.15, 1)] } },
    axes: [
      axis({ values: (_plot, ticks) => ticks.map((each) => (each === 0 ? "now" : `${each} s`)), incrs: [5, 10, 15, 30], space: 56 }),
      axis({ values: (_plot, ticks) => ticks.map(rate), size: 44 }),
    ],
    series: [
      {},
      { label: "events", stroke: colour("--series-1"), width: 1.75, fill: `${colour("--series-1")}22`, points: { show: false } },
      { label: "commands", stroke: colour("--series-2"), width: 1.75, points: { show: false } },
    ],
  };
}
