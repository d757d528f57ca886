/** The system's events as they happen, newest first. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Told } from "../../api/client";
import { ticket } from "../../api/key";
import { whole } from "../../parts/format";
import { Badge, Empty, Panel } from "../../parts/panel";
import { type Column, Table } from "../../parts/table";
import { Fields, textOf } from "./value";

interface Happened {
  partition: number;
  offset: number;
  event: Told;
}

const KEPT = 2_000;
const PAUSE_MS = 1_000;

/** The newest events; those that come in between two frames of the screen are shown at once. */
function useEvents(path: string, types: readonly string[], isPaused: boolean): Happened[] {
  const [shown, setShown] = useState<Happened[]>([]);
  const waiting = useRef<Happened[]>([]);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    let source: EventSource | null = null;
    let isOver = false;
    let last = "end";
    let timer = 0;
    function draw(): void {
      if (paused.current || waiting.current.length === 0) return;
      const news = waiting.current.splice(0).reverse();
      setShown((before) => [...news, ...before].slice(0, KEPT));
    }
    function take(message: MessageEvent<string>): void {
      last = message.lastEventId;
      if (waiting.current.length === 0) requestAnimationFrame(draw);
      waiting.current.push(JSON.parse(message.data) as Happened);
      if (waiting.current.length > KEPT) waiting.current.shift();
    }
    async function open(): Promise<void> {
      const key = await ticket();
      if (isOver) return;
      source = new EventSource(`${path}${key}${key === "" ? "?" : "&"}from=${encodeURIComponent(last)}`);
      for (const type of types) source.addEventListener(type, take);
      source.onerror = () => {
        source?.close(); // a ticket is good once, so that the browser could not come back by itself
        timer = window.setTimeout(() => void open(), PAUSE_MS);
      };
    }
    void open();
    const drawing = window.setInterval(draw, PAUSE_MS);
    return () => {
      isOver = true;
      source?.close();
      clearTimeout(timer);
      clearInterval(drawing);
    };
  }, [path]);
  return shown;
}

const COLUMNS: Column<Happened>[] = [
  { name: "place", title: "partition · sequence", width: "150px", cell: ({ partition, event }) => `${partition} · ${whole(event.sequence)}` },
  { name: "type", title: "event", width: "minmax(160px, 220px)", cell: ({ event }) => <Badge tone="accent">{event.type}</Badge> },
  { name: "fields", width: "minmax(240px, 4fr)", cell: ({ event }) => <span class="muted">{summaryOf(event)}</span> },
];

function summaryOf({ type: _, sequence: _s, cause: _c, idempotency_key: _k, ...fields }: Told): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${textOf(name, value)}`)
    .join(" · ");
}

export function EventsPanel({ path, types }: { path: string; types: readonly string[] }) {
  const [wanted, setWanted] = useState("");
  const [isPaused, setIsPaused] = useState(false);
  const [chosen, setChosen] = useState<Happened | null>(null);
  const events = useEvents(path, types, isPaused);
  const rows = useMemo(
    () => (wanted === "" ? events : events.filter(({ event }) => event.type === wanted)),
    [events, wanted],
  );
  return (
    <Panel
      title="Events"
      flush
      tools={
        <>
          <select aria-label="Which events" value={wanted} onChange={(event) => setWanted(event.currentTarget.value)}>
            <option value="">all types</option>
            {types.map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
          <button type="button" aria-pressed={isPaused} onClick={() => setIsPaused(!isPaused)}>
            {isPaused ? "Go on" : "Pause"}
          </button>
        </>
      }
    >
      {rows.length === 0 ? (
        <Empty>Nothing has happened since this page was opened.</Empty>
      ) : (
        <Table
          label="Events, newest first"
          rows={rows}
          columns={COLUMNS}
          keyOf={({ partition, offset }) => `${partition}.${offset}`}
          height={280}
          onChoose={(row) => setChosen(row === chosen ? null : row)}
          chosen={(row) => row === chosen}
        />
      )}
      {chosen !== null && (
        <div class="system-chosen">
          <Fields fields={{ ...chosen.event, partition: chosen.partition, offset: chosen.offset }} />
        </div>
      )}
    </Panel>
  );
}
