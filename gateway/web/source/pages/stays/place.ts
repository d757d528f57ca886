/** Where one is among the stays, as whom, and what one looks for: all of it stands in the address,
 * so that it can be sent. */
import { useLocation } from "preact-iso";
import { keep, kept } from "../../api/kept";
import { isDate } from "./days";

export type View = "search" | "listing" | "booking" | "trips" | "wishes" | "hosting";
export type Order = "rank" | "price" | "distance";
export type Mode = "" | "instant" | "request";

export interface Place {
  /** Who looks, books and hosts; empty: nobody yet. */
  as: string;
  view: View;
  listing: string;
  booking: string;
  /** SOUTH,WEST,NORTH,EAST in degrees; empty: where there are listings. */
  area: string;
  /** Days as 2026-12-24, or empty. */
  arrival: string;
  departure: string;
  guests: number;
  currency: string;
  /** In minor units of the currency; 0: any. */
  price_least: number;
  price_most: number;
  /** Joined by commas. */
  amenities: string;
  room_type: string;
  mode: Mode;
  order: Order;
}

const VIEWS: readonly View[] = ["search", "listing", "booking", "trips", "wishes", "hosting"];
const ORDERS: readonly Order[] = ["rank", "price", "distance"];
const MODES: readonly Mode[] = ["", "instant", "request"];
const KEPT = "stays-person";
const NOTHING: Place = {
  as: "",
  view: "search",
  listing: "",
  booking: "",
  area: "",
  arrival: "",
  departure: "",
  guests: 0,
  currency: "",
  price_least: 0,
  price_most: 0,
  amenities: "",
  room_type: "",
  mode: "",
  order: "rank",
};

export function keptPerson(): string {
  return kept(KEPT);
}

export function keepPerson(name: string): void {
  keep(KEPT, name);
}

export function addressOf(place: Partial<Place>): string {
  const parameters = new URLSearchParams();
  for (const [name, nothing] of Object.entries(NOTHING)) {
    const value = place[name as keyof Place];
    if (value !== undefined && value !== nothing) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "/stays" : `/stays?${text}`;
}

function oneOf<Name extends string>(names: readonly Name[], given: string | undefined, otherwise: Name): Name {
  return names.find((name) => name === given) ?? otherwise;
}

function count(given: string | undefined): number {
  return /^\d{1,12}$/.test(given ?? "") ? Number(given) : 0;
}

export type Go = (change: Partial<Place>, replace?: boolean) => void;

/** The place, and the way to another that differs from it by so much. */
export function usePlace(): [Place, Go] {
  const { query, route } = useLocation();
  const hasStay = isDate(query.arrival) && (!isDate(query.departure) || query.arrival < query.departure);
  const place: Place = {
    as: query.as ?? keptPerson(),
    view: oneOf(VIEWS, query.view, "search"),
    listing: query.listing ?? "",
    booking: query.booking ?? "",
    area: query.area ?? "",
    arrival: hasStay ? (query.arrival ?? "") : "",
    departure: hasStay && isDate(query.departure) ? query.departure : "",
    guests: count(query.guests),
    currency: query.currency ?? "",
    price_least: count(query.price_least),
    price_most: count(query.price_most),
    amenities: query.amenities ?? "",
    room_type: query.room_type ?? "",
    mode: oneOf(MODES, query.mode, ""),
    order: oneOf(ORDERS, query.order, "rank"),
  };
  return [place, (change, replace = false) => route(addressOf({ ...place, ...change }), replace)];
}
