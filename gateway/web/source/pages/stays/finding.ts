/** The search, live: what the map shows and the filters leave, the first page by itself and more
 * by its cursor. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Arguments, type Problem, type Rows } from "../../api/client";
import { useLive } from "../../api/live";
import { problemOf } from "../../parts/panel";
import type { Place } from "./place";

const SEARCH = "/api/booking/stays/queries/search";
export const PAGE_LENGTH = 100;
const EVERYWHERE_MOST = 1_000;
const MICRO = 1_000_000;

export type Page = Rows<typeof SEARCH>;
export type Found = Page["listings"][number];
export type Facet = Page["facets"][number];

interface Point {
  latitude: number;
  longitude: number;
}

/** Where listings are that some search has shown. */
const points = new Map<string, Point>();

function remember(listings: readonly Found[]): void {
  for (const { listing, latitude_microdegrees, longitude_microdegrees } of listings) {
    points.set(listing, { latitude: latitude_microdegrees / MICRO, longitude: longitude_microdegrees / MICRO });
  }
}

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
  remember(rows);

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

export interface Described {
  found: Found | null;
  amenities: readonly string[];
  /** Nothing is known of it, and nothing will be: there is none, or it takes no bookings. */
  isMissing: boolean;
}

/** What a search at a listing's own place says of it. */
export function useDescribed(listing: string): Described {
  const [point, setPoint] = useState<Point | null>(null);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    let gone = false;
    async function find(): Promise<void> {
      if (!points.has(listing)) remember((await ask(SEARCH, { limit: EVERYWHERE_MOST })).listings);
      if (gone) return;
      setPoint(points.get(listing) ?? null);
      setMissing(!points.has(listing));
    }
    setMissing(false);
    setPoint(points.get(listing) ?? null);
    find().catch(() => !gone && setMissing(true));
    return () => {
      gone = true;
    };
  }, [listing]);
  const at = point === null ? "" : `${point.latitude.toFixed(6)},${point.longitude.toFixed(6)}`;
  const { value } = useLive(SEARCH, point === null ? null : { area: `${at},${at}` });
  const found = value?.listings.find((row) => row.listing === listing) ?? null;
  // Facets are of all that is found: where that is this one alone, they are its own.
  const amenities = value?.matches === 1 && found !== null ? value.facets.filter((facet) => facet.name === "amenity").map((facet) => facet.value) : [];
  return { found, amenities, isMissing: isMissing || (value !== null && found === null) };
}
