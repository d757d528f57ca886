/** The search, live: what the map shows and the filters leave, the first page by itself and more
 * by its cursor. */
import { useRef, useState } from "preact/hooks";
import { ask, type Arguments, type Problem, type Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { problemOf } from "../../parts/panel";
import type { Place } from "./place";

const SEARCH = "/api/booking/stays/queries/search";
export const PAGE_LENGTH = 100;

export type Page = Rows<typeof SEARCH>;
export type Found = Page["listings"][number];
export type Facet = Page["facets"][number];

function argumentsOf(place: Place): Arguments<typeof SEARCH> {
  const { arrival, departure, guests, price_least, price_most, amenities, room_type, mode } = place;
  const stay = arrival !== "" && departure !== "" ? { arrival, departure } : {};
  const currency = place.currency;
  const prices = currency === "" ? {} : { price_least, price_most };
  const order = place.order === "price" && currency === "" ? "rank" : place.order === "distance" && place.area === "" ? "rank" : place.order;
  return { area: place.area, ...stay, guests, currency, ...prices, amenities, room_type, mode, order, limit: PAGE_LENGTH };
}

export interface Search {
  page: Page | null;
  rows: readonly Found[];
  /** What is shown is of the search before: this one is on its way. */
  isStale: boolean;
  problem: Problem | null;
  hasMore: boolean;
  more: () => Promise<void>;
}

export function useSearch(place: Place): Search {
  const given = argumentsOf(place);
  const key = JSON.stringify(given);
  const { value, problem } = useLive(SEARCH, given);
  const last = useRef<Page | null>(null);
  if (value !== null) last.current = value;
  const page = last.current;
  const [behind, setBehind] = useState<{ key: string; rows: Found[]; next: string | null }>({ key: "", rows: [], next: null });
  const [failure, setFailure] = useState<Problem | null>(null);

  const isMine = behind.key === key;
  const head = page?.listings ?? [];
  const names = new Set(head.map((row) => row.listing));
  const rows = isMine ? [...head, ...behind.rows.filter((row) => !names.has(row.listing))] : head;
  const next = isMine ? behind.next : (page?.next ?? null);

  async function more(): Promise<void> {
    if (next === null) return;
    setFailure(null);
    try {
      const found = await ask(SEARCH, { ...given, after: next });
      setBehind({ key, rows: [...(isMine ? behind.rows : []), ...found.listings], next: found.next });
    } catch (error) {
      setFailure(problemOf(error));
    }
  }
  return { page, rows, isStale: value === null, problem: problem ?? failure, hasMore: next !== null, more };
}
