/** A list that only grows at its front: the newest rows come live, those before are asked for.
 *
 *     live: the newest TAIL rows ──► those that are new go to the front ──► rows, newest first
 *     ask: from the front back   ──► once; and again where the live rows do not reach what is known
 *
 * Each row has a key, so that none is there twice; a gap is filled before it is shown.
 */
import { useMemo, useReducer } from "preact/hooks";
import type { Shown } from "../../api/live";

/** How many of the newest rows are followed. */
export const TAIL = 60;
/** How many rows a page keeps. */
export const MOST = 100_000;
/** The first that are asked for, and how many times more each time that more are wanted. */
const FIRST = 1_000;
const TIMES = 10;
/** How far the rows that were asked for may be ahead of the live ones. */
const SEARCHED = 5_000;

export interface Source<Row> {
  keyOf: (row: Row) => string | number;
  /** The newest `limit` rows, newest first. */
  ask: (limit: number) => Promise<readonly Row[]>;
  /** How many rows must be asked for, to reach back to one that is known. */
  missing: (newest: Row, known: Row) => number;
}

export class Growing<Row extends object> {
  /** Newest first; changed in place. */
  rows: Row[] = [];
  /** Grows with each change. */
  version = 0;
  /** Whether there may be older rows than those here. */
  hasOlder = false;
  private asking = false;
  private tail: readonly Row[] = [];

  constructor(
    private readonly source: Source<Row>,
    private readonly changed: () => void,
  ) {}

  /** The newest rows, as of now. */
  take(tail: readonly Row[]): void {
    this.tail = tail;
    if (tail.length < TAIL) {
      this.rows = tail.map((row) => ({ ...row }));
      this.version += 1;
    } else if (this.merge(tail)) {
      this.version += 1;
    } else {
      const [known] = this.rows;
      const [newest] = tail;
      const missing = known === undefined || newest === undefined ? FIRST : this.source.missing(newest, known) + TAIL;
      void this.fetch(Math.min(Math.max(missing, FIRST), MOST));
    }
  }

  older(): void {
    if (this.hasOlder && this.rows.length < MOST) void this.fetch(Math.min(this.rows.length * TIMES, MOST));
  }

  newerThan(row: Row): number {
    return Math.max(this.find(row, this.rows.length), 0);
  }

  /** Puts rows in place of those that they overlap; false where they do not reach what is known. */
  private merge(newer: readonly Row[]): boolean {
    const [first] = newer;
    const last = newer.at(-1);
    if (first === undefined || last === undefined) return false;
    const at = this.find(last, newer.length + SEARCHED);
    if (at < 0) return false;
    // What was asked for may be newer than what is live: that stays in front.
    const start = Math.max(this.find(first, at + 1), 0);
    this.rows.splice(start, at + 1 - start, ...newer.map((row) => ({ ...row })));
    if (this.rows.length > MOST) this.rows.length = MOST;
    return true;
  }

  private find(wanted: Row, within: number): number {
    const key = this.source.keyOf(wanted);
    const end = Math.min(this.rows.length, within);
    for (let index = 0; index < end; index += 1) {
      const row = this.rows[index];
      if (row !== undefined && this.source.keyOf(row) === key) return index;
    }
    return -1;
  }

  private async fetch(limit: number): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const found = await this.source.ask(limit);
      this.hasOlder = found.length === limit && limit < MOST;
      if (found.length >= this.rows.length || !this.merge(found)) this.rows = [...found];
      this.version += 1;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 500));
    } finally {
      this.asking = false;
    }
    this.take(this.tail);
    this.changed();
  }
}

/** `key` says what the list is of: with another one it begins anew. */
export function useGrowing<Row extends object>(key: string, shown: Shown<Row[]>, source: Source<Row>): Growing<Row> {
  const [, draw] = useReducer((count: number, _: void) => count + 1, 0);
  const growing = useMemo(() => new Growing<Row>(source, () => draw()), [key]);
  useMemo(() => {
    if (shown.value !== null) growing.take(shown.value);
  }, [growing, shown]);
  return growing;
}
