/** The density of a history, and the hand that is drawn along it. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import uPlotClass from "uplot";
import { axis as drawnAxis, Chart } from "../../parts/chart";
import { short, whole } from "../../parts/format";
import { colour } from "../../shell/theme";
import { Conflated, moment as momentText, timeText, type Timeline } from "./history";
import type { Machine } from "./machine";

const HEIGHT = 132;
const MARKING_MS = 250;
const GROWING_MS = 2000;
const NARROWEST = 16;

interface Span {
  begin: number;
  end: number;
}

/** What is shown of it: null is all. */
export function TimelineChart({ machine }: { machine: Machine }) {
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  const [span, setSpan] = useState<Span | null>(null);
  const axis = machine.axis.value;
  const partition = machine.partition.value;
  const last = machine.moment.value?.last ?? -1;
  const requests = useMemo(() => new Conflated(), [machine]);

  useEffect(() => setSpan(null), [axis, partition]);
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const load = () =>
      requests.run(async () => {
        const ends = span === null ? [undefined, undefined] : [span.begin, span.end];
        const [from, until] = ends.map((end) => (end === undefined || axis === "command" ? end : timeText(end)));
        const given = { by: axis, partition, buckets: 240, from, until };
        try {
          const found = await machine.past.timeline(given);
          if (ended) return;
          setTimeline(found);
          if (found.marked < 1) timer = window.setTimeout(load, MARKING_MS);
        } catch {
          if (!ended) timer = window.setTimeout(load, GROWING_MS);
        }
      });
    load();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [machine, axis, partition, span, Math.floor(useCalm(last, GROWING_MS))]);

  if (timeline === null || timeline.axis !== axis) return <div style={{ minHeight: `${HEIGHT}px` }} aria-busy="true" />;
  const shown = { begin: timeline.begin, end: timeline.begin + timeline.width * timeline.commands.length };
  return (
    <div class="tm-timeline">
      <Density timeline={timeline} shown={shown} />
      <Hand machine={machine} timeline={timeline} shown={shown} zoom={setSpan} zoomed={span !== null} />
    </div>
  );
}

/** A number that changes at most once in a while. */
function useCalm(value: number, pause_ms: number): number {
  const [calm, setCalm] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  useEffect(() => {
    const timer = setInterval(() => setCalm(latest.current), pause_ms);
    return () => clearInterval(timer);
  }, [pause_ms]);
  return calm < 0 ? value : calm;
}

function Density({ timeline, shown }: { timeline: Timeline; shown: Span }) {
  const range = useRef(shown);
  range.current = shown;
  const isTime = timeline.axis === "time";
  // Square roots: a burst does not flatten all the rest. The counts themselves are told on hover.
  const data = useMemo<uPlot.AlignedData>(() => {
    const places = timeline.commands.map((_, at) => timeline.begin + (at + 0.5) * timeline.width);
    const bad = timeline.refused.map((count, at) => count + (timeline.dead_letters[at] ?? 0));
    const [events, commands, refused] = [timeline.events, timeline.commands, bad].map((counts) => counts.map(Math.sqrt));
    return [isTime ? places.map((place) => place / 1000) : places, events, commands, refused] as uPlot.AlignedData;
  }, [timeline]);
  const scale = isTime ? 1000 : 1;
  const options = () => ({
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 0, 0, 0] as [number, number, number, number],
    scales: {
      x: { time: isTime, range: () => [range.current.begin / scale, range.current.end / scale] as [number, number] },
      y: { range: (_: uPlot, __: number, high: number) => [0, Math.max(high, 1) * 1.08] as [number, number] },
    },
    axes: [drawnAxis({ size: 30, grid: { show: false }, values: isTime ? undefined! : wholes }), { show: false }],
    series: [
      {},
      bars("--series-1", 0.34),
      {
        stroke: colour("--series-3"),
        width: isTime ? 1.5 : 0,
        points: { show: false },
        paths: uPlotClass.paths.stepped!({ align: 1 }),
      },
      bars("--series-5", 0.9),
    ],
  });
  const events = timeline.events.reduce((sum, count) => sum + count, 0);
  const label = `${whole(events)} events in ${timeline.events.length} parts of the history, by ${timeline.axis}`;
  return <Chart key={timeline.axis} label={label} data={data} height={HEIGHT} options={options} />;
}

const wholes = (_: uPlot, values: number[]) => values.map((value) => (Number.isInteger(value) ? short(value) : ""));

function bars(token: string, opacity: number): uPlot.Series {
  const ink = colour(token);
  return {
    stroke: ink,
    width: 0,
    fill: `${ink}${Math.round(opacity * 255).toString(16).padStart(2, "0")}`,
    points: { show: false },
    paths: uPlotClass.paths.bars!({ size: [1, Infinity] }),
  };
}

interface HandGiven {
  machine: Machine;
  timeline: Timeline;
  shown: Span;
  zoom: (span: Span | null) => void;
  zoomed: boolean;
}

/** The playhead, the pin, and adopted rules, over the drawing; takes pointer, wheel and keys. */
function Hand({ machine, timeline, shown, zoom, zoomed }: HandGiven) {
  const place = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const here = machine.moment.value;
  const pin = machine.pin.value;
  const isTime = timeline.axis === "time";
  const width = shown.end - shown.begin;
  const share = (value: number) => `${((value - shown.begin) / width) * 100}%`;
  const isIn = (value: number) => value >= shown.begin && value <= shown.end;
  const value = here === null ? null : isTime ? here.at_ms : here.command_offset;

  function valueAt(event: { clientX: number }): number {
    const box = place.current?.getBoundingClientRect();
    if (box === undefined) return shown.begin;
    const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    return Math.floor(shown.begin + part * width);
  }

  function drag(event: PointerEvent): void {
    if (here === null) return;
    const wanted = valueAt(event);
    const own = machine.own.value;
    machine.stop();
    if (isTime) {
      const ends = [own?.first_ms ?? wanted, here.command_offset === here.last ? Math.max(wanted, here.at_ms) : wanted];
      machine.go(timeText(Math.max(wanted, ends[0] ?? wanted)));
    } else if (wanted >= here.last) machine.follow();
    else machine.go(String(Math.max(wanted, here.first)));
  }

  function press(event: KeyboardEvent): void {
    const factor = { ArrowUp: 0.5, ArrowDown: 2 }[event.key];
    if (factor === undefined) return;
    event.preventDefault();
    scale(value !== null && isIn(value) ? value : (shown.begin + shown.end) / 2, factor);
  }

  function wheel(event: WheelEvent): void {
    event.preventDefault();
    if (event.deltaX !== 0 && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = Math.round((event.deltaX / 800) * width);
      if (zoomed) zoom({ begin: Math.max(0, shown.begin + by), end: shown.end + by });
      return;
    }
    scale(valueAt(event), event.deltaY > 0 ? 1.35 : 1 / 1.35);
  }

  /** Show more or less of it, around a middle that stays where it is. */
  function scale(middle: number, factor: number): void {
    const next = { begin: Math.round(middle - (middle - shown.begin) * factor), end: Math.round(middle + (shown.end - middle) * factor) };
    const ends = machine.own.value;
    const first = isTime ? (ends?.first_ms ?? 0) : (here?.first ?? 0);
    const last = isTime ? (ends?.last_ms ?? shown.end) : (here?.last ?? shown.end);
    if (next.end - next.begin < NARROWEST) return;
    if (next.begin <= first && next.end >= last) zoom(null);
    else zoom({ begin: Math.max(next.begin, first), end: next.end });
  }

  useEffect(() => {
    const element = place.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  });

  const told = here === null ? "" : `command ${whole(here.command_offset)}, ${momentText(here.at_ms)} UTC`;
  const shownHover = hover === null ? null : Math.min(hover, timeline.commands.length - 1);
  return (
    <div
      ref={place}
      class="tm-hand"
      role="slider"
      tabIndex={0}
      aria-label="Moment of the history"
      title="Drag along; wheel, or arrow up and down, to look closer"
      aria-valuemin={here?.first ?? 0}
      aria-valuemax={here?.last ?? 0}
      aria-valuenow={here?.command_offset ?? 0}
      aria-valuetext={told}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={(event) => {
        setHover(Math.floor((valueAt(event) - shown.begin) / timeline.width));
        if (event.buttons & 1) drag(event);
      }}
      onPointerLeave={() => setHover(null)}
      onDblClick={() => zoom(null)}
      onKeyDown={press}
    >
      {timeline.adoptions
        .map((each) => ({ ...each, at: isTime ? each.at_ms : each.command_offset }))
        .filter((each) => isIn(each.at))
        .map((each) => (
          <span key={`${each.partition}:${each.command_offset}`} class="tm-adopted" style={{ left: share(each.at) }}>
            <span>rules {each.version}</span>
          </span>
        ))}
      {pin !== null && !isTime && isIn(pin.offset) && <span class="tm-pin" style={{ left: share(pin.offset + 0.5) }} />}
      {pin !== null && isTime && isIn(pin.at_ms) && <span class="tm-pin" style={{ left: share(pin.at_ms) }} />}
      {value !== null && isIn(value) && (
        <span class="tm-playhead" style={{ left: share(isTime ? value : value + 0.5) }}>
          <span class="tm-grip" />
        </span>
      )}
      {shownHover !== null && (
        <span
          class="tm-hover"
          data-side={shownHover > timeline.commands.length / 2 ? "left" : "right"}
          style={{ left: share(timeline.begin + (shownHover + 0.5) * timeline.width) }}
        >
          <strong>{bucketText(timeline, shownHover)}</strong>
          <span>{whole(timeline.commands[shownHover] ?? 0)} commands</span>
          <span>{whole(timeline.events[shownHover] ?? 0)} events</span>
          {(timeline.refused[shownHover] ?? 0) > 0 && <span class="tm-bad">{whole(timeline.refused[shownHover] ?? 0)} rejected</span>}
          {(timeline.dead_letters[shownHover] ?? 0) > 0 && (
            <span class="tm-bad">{whole(timeline.dead_letters[shownHover] ?? 0)} dead letters</span>
          )}
        </span>
      )}
      {timeline.marked < 1 && <span class="tm-marking small muted">looking through events: {Math.floor(timeline.marked * 100)}%</span>}
      {zoomed && (
        <button type="button" class="tm-whole small" onPointerDown={(event) => event.stopPropagation()} onClick={() => zoom(null)}>
          Show all
        </button>
      )}
    </div>
  );
}

function bucketText(timeline: Timeline, bucket: number): string {
  const begin = timeline.begin + bucket * timeline.width;
  if (timeline.axis === "time") return momentText(begin).slice(0, timeline.width < 1000 ? 23 : 19);
  return timeline.width === 1 ? `Command ${whole(begin)}` : `Commands ${whole(begin)} – ${whole(begin + timeline.width - 1)}`;
}
