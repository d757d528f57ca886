/** The order that is being written: texts as typed, under the names that the exchange has for them,
 * so that a rejection finds its field. `read` makes a command of it, or says what is wrong where. */
import { signal } from "@preact/signals";
import type { Body } from "../../api/client";
import type { Instrument, TickBand } from "./market";

export type Order = Required<Body<"/api/markets/exchange/commands/place_order">>;
type Terms = Required<NonNullable<Order["terms"]>>;

/** A number is kept as typed; an empty text is left out. */
export interface Draft {
  side: Order["side"];
  order_type: Order["order_type"];
  price: string;
  quantity: string;
  time_in_force: Order["time_in_force"];
  post_only: boolean;
  self_trade_prevention: Order["self_trade_prevention"];
  stop_price: string;
  trail_amount: string;
  trail_ticks: string;
  display_quantity: string;
  display_range: string;
  reserve: boolean;
  hidden: boolean;
  peg: "" | NonNullable<Terms["peg"]>;
  peg_offset: string;
  minimum_quantity: string;
  all_or_none: boolean;
  reprice: boolean;
  expires_on: string;
  expires_at_ms: string;
  linked_order_id: string;
  parent_order_id: string;
}

export type Errors = Record<string, string>;

export const EMPTY: Draft = {
  side: "buy",
  order_type: "limit",
  price: "",
  quantity: "",
  time_in_force: "good_till_cancelled",
  post_only: false,
  self_trade_prevention: "none",
  stop_price: "",
  trail_amount: "",
  trail_ticks: "",
  display_quantity: "",
  display_range: "",
  reserve: false,
  hidden: false,
  peg: "",
  peg_offset: "",
  minimum_quantity: "",
  all_or_none: false,
  reprice: false,
  expires_on: "",
  expires_at_ms: "",
  linked_order_id: "",
  parent_order_id: "",
};

export const draft = signal<Draft>(EMPTY);
export const errors = signal<Errors>({});

export function write(change: Partial<Draft>): void {
  draft.value = { ...draft.value, ...change };
  const left = { ...errors.value };
  for (const name of Object.keys(change)) delete left[name];
  errors.value = left;
}

/** Back to an order without terms; the side stays. */
export function clear(): void {
  draft.value = { ...EMPTY, side: draft.value.side };
  errors.value = {};
}

/** "10.05" at two decimals is 1005; null where it is no such number. */
export function integerOf(text: string, decimals: number): number | null {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text.trim());
  if (found === null) return null;
  const [, sign, head = "", tail = ""] = found;
  const digits = tail.replace(/0+$/, "");
  if (head + tail === "" || digits.length > decimals) return null;
  const value = Number(head + digits.padEnd(decimals, "0"));
  if (!Number.isSafeInteger(value)) return null;
  return sign === "-" && value !== 0 ? -value : value;
}

/** As `decimal`, without marks between thousands: what `integerOf` reads. */
export function plain(amount: number, decimals: number): string {
  const digits = String(Math.abs(amount)).padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  return `${amount < 0 ? "-" : ""}${digits.slice(0, cut)}${decimals > 0 ? `.${digits.slice(cut)}` : ""}`;
}

export function tickAt(bands: readonly TickBand[], instrument: Instrument, price: number): number {
  let tick = instrument.tick_size;
  for (const band of bands) if (band.price_from <= price) tick = band.tick_size;
  return tick;
}

/** The next price on tick, up (1) or down (-1). */
export function stepped(bands: readonly TickBand[], instrument: Instrument, price: number, step: 1 | -1): number {
  const tick = tickAt(bands, instrument, step === 1 ? price : price - 1);
  return step === 1 ? Math.floor(price / tick) * tick + tick : Math.ceil(price / tick) * tick - tick;
}

/** Reads the numbers of a form, and collects what is wrong with them. */
export class Reading {
  readonly errors: Errors = {};

  constructor(
    private readonly instrument: Instrument,
    private readonly bands: readonly TickBand[],
  ) {}

  amount(name: string, text: string): number {
    if (text.trim() === "") return 0;
    const { price_decimals: decimals } = this.instrument;
    const value = integerOf(text, decimals);
    if (value === null) this.errors[name] = decimals > 0 ? `a number with at most ${decimals} decimals` : "a whole number";
    return value ?? 0;
  }

  price(name: string, text: string, wanted: boolean): number {
    if (wanted && text.trim() === "") this.errors[name] = "a limit order has a price";
    const value = this.amount(name, text);
    if (text.trim() === "" || this.errors[name] !== undefined) return value;
    const tick = tickAt(this.bands, this.instrument, value);
    if (value % tick !== 0) {
      const { price_decimals: decimals } = this.instrument;
      const below = Math.floor(value / tick) * tick;
      this.errors[name] = `the tick is ${plain(tick, decimals)}: ${plain(below, decimals)} or ${plain(below + tick, decimals)}`;
    }
    return value;
  }

  whole(name: string, text: string, otherwise = 0): number {
    if (text.trim() === "") return otherwise;
    const value = integerOf(text, 0);
    if (value === null || value < 0) this.errors[name] = "a whole number";
    return value ?? otherwise;
  }

  quantity(name: string, text: string, wanted: boolean): number {
    if (wanted && text.trim() === "") this.errors[name] = "how many?";
    const value = this.whole(name, text);
    if (this.errors[name] !== undefined) return value;
    const lot = this.instrument.lot_size;
    if (wanted && value === 0) this.errors[name] = `at least ${lot}`;
    else if (value % lot !== 0) this.errors[name] = `a multiple of the lot, ${lot}`;
    return value;
  }
}

/** The command, but for its order number and account; and what is wrong with it, by field. */
export function read(given: Draft, instrument: Instrument, bands: readonly TickBand[]): [Omit<Order, "order_id" | "account_id">, Errors] {
  const reading = new Reading(instrument, bands);
  const is_limit = given.order_type === "limit";
  const terms: Terms = {
    stop_price: reading.price("stop_price", given.stop_price, false),
    trail_amount: reading.amount("trail_amount", given.trail_amount),
    trail_ticks: reading.whole("trail_ticks", given.trail_ticks),
    display_quantity: reading.quantity("display_quantity", given.display_quantity, false),
    display_range: reading.quantity("display_range", given.display_range, false),
    reserve: given.reserve,
    hidden: given.hidden,
    peg: given.peg === "" ? null : given.peg,
    peg_offset: reading.amount("peg_offset", given.peg_offset),
    minimum_quantity: reading.quantity("minimum_quantity", given.minimum_quantity, false),
    all_or_none: given.all_or_none,
    reprice: given.reprice,
    expires_on: given.time_in_force === "good_till_date" ? Number(given.expires_on.replaceAll("-", "")) : 0,
    expires_at_ms: given.time_in_force === "good_till_time" && given.expires_at_ms !== "" ? Date.parse(given.expires_at_ms) : 0,
    linked_order_id: reading.whole("linked_order_id", given.linked_order_id, -1),
    parent_order_id: reading.whole("parent_order_id", given.parent_order_id, -1),
  };
  if (given.time_in_force === "good_till_date" && terms.expires_on === 0) reading.errors.expires_on = "till which day?";
  if (given.time_in_force === "good_till_time" && terms.expires_at_ms === 0) reading.errors.expires_at_ms = "till when?";
  const body = {
    instrument: instrument.instrument,
    side: given.side,
    order_type: given.order_type,
    price: is_limit ? reading.price("price", given.price, given.peg === "") : 0,
    quantity: reading.quantity("quantity", given.quantity, true),
    time_in_force: given.time_in_force,
    post_only: given.post_only,
    self_trade_prevention: given.self_trade_prevention,
    session_id: 0,
    terms: countOfTerms(given) === 0 && terms.expires_on === 0 && terms.expires_at_ms === 0 ? null : terms,
  };
  return [body, reading.errors];
}

const TERMS: readonly (keyof Draft)[] = [
  "stop_price", "trail_amount", "trail_ticks", "display_quantity", "display_range", "reserve", "hidden", "peg",
  "peg_offset", "minimum_quantity", "all_or_none", "reprice", "linked_order_id", "parent_order_id",
];

/** How many of the terms that most orders do without are asked for. */
export function countOfTerms(given: Draft): number {
  return TERMS.filter((name) => given[name] !== "" && given[name] !== false).length;
}
