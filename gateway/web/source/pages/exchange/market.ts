/** The words of the page: rows as the exchange's queries give them, and what all panels share. */
import { signal } from "@preact/signals";
import type { QueryPath, Rows } from "../../api/client";

type Row<Name extends string> = `/api/markets/exchange/queries/${Name}` extends infer Path extends QueryPath
  ? Rows<Path> extends (infer Each)[]
    ? Each
    : never
  : never;

export type Instrument = Row<"instruments">;
export type Level = Row<"book_by_price">;
export type Trade = Row<"trades">;
export type Candle = Row<"candles">;
export type OpenOrder = Row<"open_orders">;
export type Execution = Row<"executions">;
export type TickBand = Row<"tick_bands">;
export type Call = Row<"indications">;
export type Auction = Row<"auctions">;
export type Phase = NonNullable<Rows<"/api/markets/exchange/queries/phase">>;

/** What a panel shows: an instrument, and an account where one is chosen. */
export interface Chosen {
  instrument: Instrument;
  account: number | null;
}

export const CALLS: readonly string[] = ["opening_auction", "volatility_auction", "closing_auction"];

/** On a narrow screen one of these is shown at a time. */
export const TABS = ["trade", "book", "chart", "trades", "orders"] as const;
export type TabName = (typeof TABS)[number];
export const tab = signal<TabName>("book");

export const LISTS = ["orders", "executions", "auctions"] as const;
export type ListName = (typeof LISTS)[number];
export const list = signal<ListName>("orders");

/** An order number that is hardly in use: the exchange says so where it is. */
export function newOrderId(): number {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return 100_000_000 + (drawn % 900_000_000);
}
