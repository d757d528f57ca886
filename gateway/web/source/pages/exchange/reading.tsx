/** Reading a list that grows at its top: whoever scrolls down has it stand still. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { whole } from "../../parts/format";
import type { Growing } from "./growing";

/** So close to the end, older rows are asked for. */
const NEAR_PX = 2_000;

export interface Reading<Row> {
  rows: readonly Row[];
  /** How many have come since it stands still. */
  newer: number;
  onScroll: (event: Event) => void;
  toTop: () => void;
}

interface Held<Row extends object> {
  of: Growing<Row>;
  rows: readonly Row[];
}

export function useReading<Row extends object>(growing: Growing<Row>): Reading<Row> {
  const held = useRef<Held<Row> | null>(null);
  const scroller = useRef<HTMLElement | null>(null);
  const scrolled = useSignal(false);
  void scrolled.value;
  if (held.current?.of !== growing) held.current = null;
  const kept = held.current;
  const newer = kept === null || kept.rows[0] === undefined ? 0 : growing.newerThan(kept.rows[0]);
  // Older rows came.
  if (kept !== null && growing.rows.length - newer > kept.rows.length) kept.rows = growing.rows.slice(newer);

  function onScroll(event: Event): void {
    if (!(event.target instanceof HTMLElement)) return;
    const element = event.target;
    scroller.current = element;
    const isAway = element.scrollTop > 4;
    if (isAway !== (held.current !== null)) {
      held.current = isAway ? { of: growing, rows: [...growing.rows] } : null;
      scrolled.value = isAway;
    }
    if (element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX) growing.older();
  }
  return {
    rows: kept?.rows ?? growing.rows,
    newer,
    onScroll,
    toTop: () => scroller.current?.scrollTo({ top: 0 }),
  };
}

export function Newer<Row>({ reading }: { reading: Reading<Row> }) {
  if (reading.newer === 0) return null;
  return (
    <button type="button" class="quiet small" onClick={reading.toTop}>
      ↑ {whole(reading.newer)} newer
    </button>
  );
}
