/** The book: a ladder of price levels, and beneath it what stands at all of them, or the auction. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { useLive } from "../../api/live";
import { decimal, short, whole } from "../../parts/format";
import { Badge, Panel, ProblemNote } from "../../parts/panel";
import { AuctionView } from "./auction";
import { DepthChart } from "./depth_chart";
import { draft, plain, write } from "./draft";
import { CALLS, tab, type Chosen, type Level, type OpenOrder } from "./market";

/** Levels of a side that are followed: for the depth chart; the ladder shows those that have room. */
const DEPTH = 60;
const ROW_PX = 20;
const SPREAD_PX = 30;

interface Step {
  price: number;
  quantity: number;
  orders: number;
  /** With all that is better. */
  total: number;
  own: number;
}

/** One side of the book, the best first, market orders (price 0) before all. */
export function steps(levels: readonly Level[], side: "bid" | "offer", own: ReadonlyMap<number, number>): Step[] {
  const found: Step[] = [];
  let total = 0;
  for (const level of levels) {
    const price = side === "bid" ? level.bid_price : level.offer_price;
    if (price === null) continue;
    const quantity = (side === "bid" ? level.bid_quantity : level.offer_quantity) ?? 0;
    const orders = (side === "bid" ? level.bid_orders : level.offer_orders) ?? 0;
    total += quantity;
    found.push({ price, quantity, orders, total, own: own.get(price) ?? 0 });
  }
  return found;
}

export function Book({ instrument, account }: Chosen) {
  const name = instrument.instrument;
  const { value: levels, applied, problem } = useLive("/api/markets/exchange/queries/book_by_price", { instrument: name, depth: DEPTH });
  const { value: orders } = useLive(
    "/api/markets/exchange/queries/open_orders",
    account === null ? null : { account_id: account, instrument: name },
  );
  const { value: phase } = useLive("/api/markets/exchange/queries/phase", { instrument: name });
  const bids = steps(levels ?? [], "bid", ownAt(orders, "buy"));
  const offers = steps(levels ?? [], "offer", ownAt(orders, "sell"));
  const inCall = phase !== null && phase !== undefined && CALLS.includes(phase.phase);
  return (
    <>
      <Panel title="Book" flush class="exchange-book" tools={<span class="small muted">{spreadOf(bids, offers, instrument.price_decimals)}</span>}>
        <ProblemNote problem={problem} />
        <Ladder bids={bids} offers={offers} decimals={instrument.price_decimals} applied={applied} loaded={levels !== null} />
      </Panel>
      <Panel title={inCall ? "Auction" : "Depth"} flush class="exchange-depth" tools={inCall ? <Badge tone="information">call is on</Badge> : undefined}>
        {inCall ? (
          <AuctionView instrument={instrument} />
        ) : (
          <DepthChart bids={bids} offers={offers} decimals={instrument.price_decimals} symbol={instrument.symbol} />
        )}
      </Panel>
    </>
  );
}

function ownAt(orders: readonly OpenOrder[] | null, side: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const order of orders ?? []) {
    if (order.side === side && order.state === "on_book") found.set(order.price, (found.get(order.price) ?? 0) + order.quantity);
  }
  return found;
}

function spreadOf(bids: readonly Step[], offers: readonly Step[], decimals: number): string {
  const bid = bids.find((step) => step.price !== 0);
  const offer = offers.find((step) => step.price !== 0);
  if (bid === undefined || offer === undefined || bid.price >= offer.price) return "";
  return `spread ${decimal(offer.price - bid.price, decimals)}`;
}

interface LadderGiven {
  bids: readonly Step[];
  offers: readonly Step[];
  decimals: number;
  applied: Record<string, number>;
  loaded: boolean;
}

/** Offers above, the best at the bottom; bids below, the best on top. */
function Ladder({ bids, offers, decimals, applied, loaded }: LadderGiven) {
  const place = useRef<HTMLDivElement>(null);
  const rows = useSignal(12);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const sized = new ResizeObserver(() => {
      rows.value = Math.max(5, Math.floor((element.clientHeight - SPREAD_PX) / 2 / ROW_PX));
    });
    sized.observe(element);
    return () => sized.disconnect();
  }, []);
  const count = rows.value;
  const shownOffers = offers.slice(0, count);
  const shownBids = bids.slice(0, count);
  const top = Math.max(1, shownOffers.at(-1)?.total ?? 0, shownBids.at(-1)?.total ?? 0);
  const bid = bids.find((step) => step.price !== 0);
  const offer = offers.find((step) => step.price !== 0);
  return (
    <div class="ladder-place">
      <div class="ladder-head small muted" aria-hidden="true">
        <span>Price</span>
        <span>Quantity</span>
        <span>Total</span>
        <span>Orders</span>
      </div>
      <div
        ref={place}
        class="ladder"
        role="group"
        aria-label="Price levels: arrow keys walk, Enter takes the price"
        data-applied={JSON.stringify(applied)}
        onKeyDown={walk}
      >
        <div class="ladder-side" data-side="sell">
          {blank(count - shownOffers.length)}
          {shownOffers.toReversed().map((step, index, all) => (
            <Rung key={all.length - index} step={step} side="sell" top={top} decimals={decimals} first={index === all.length - 1} />
          ))}
        </div>
        <div class="ladder-middle" style={{ height: `${SPREAD_PX}px` }}>
          {bid === undefined || offer === undefined ? (
            <span class="muted small">{loaded ? "one side is empty" : ""}</span>
          ) : bid.price >= offer.price ? (
            <span class="muted small">the sides cross</span>
          ) : (
            <>
              <span class="muted small">mid</span> <strong>{mid(bid.price, offer.price, decimals)}</strong>
            </>
          )}
        </div>
        <div class="ladder-side" data-side="buy">
          {shownBids.map((step, index) => (
            <Rung key={index} step={step} side="buy" top={top} decimals={decimals} first={index === 0} />
          ))}
          {blank(count - shownBids.length)}
        </div>
      </div>
    </div>
  );
}

/** Half a price unit may be in it. */
function mid(bid: number, offer: number, decimals: number): string {
  const sum = bid + offer;
  return sum % 2 === 0 ? decimal(sum / 2, decimals) : decimal(sum * 5, decimals + 1);
}

function blank(count: number) {
  return Array.from({ length: Math.max(0, count) }, (_, index) => <div key={`blank-${index}`} class="rung" aria-hidden="true" />);
}

interface RungGiven {
  step: Step;
  side: "buy" | "sell";
  top: number;
  decimals: number;
  /** Of its side: where the Tab key comes to. */
  first: boolean;
}

function Rung({ step, side, top, decimals, first }: RungGiven) {
  // The level may change under the pointer: what counts is where it went down.
  const aimed = useRef<number | null>(null);
  const { price, quantity, orders, total, own } = step;
  const shown = price === 0 ? "market" : decimal(price, decimals);
  const told = `${side === "buy" ? "Bid" : "Offer"} ${shown}, ${quantity} in ${orders} orders${own > 0 ? `, ${own} your own` : ""}`;
  return (
    <button
      type="button"
      class="rung"
      data-price={price}
      data-own={own > 0 || undefined}
      tabIndex={first ? 0 : -1}
      aria-label={told}
      onPointerDown={() => (aimed.current = price)}
      onClick={() => {
        take(aimed.current ?? price, decimals);
        aimed.current = null;
      }}
    >
      <span class="rung-bar" style={{ transform: `scaleX(${(total / top).toFixed(4)})` }} />
      <span class={side}>{shown}</span>
      <span>{whole(quantity)}</span>
      <span class="muted">{short(total)}</span>
      <span class="muted">
        {own > 0 && <i class="rung-own" title={`${own} your own`} />}
        {orders}
      </span>
    </button>
  );
}

/** The level's price becomes that of the order being written. */
function take(price: number, decimals: number): void {
  if (price === 0) return;
  write({ price: plain(price, decimals), order_type: "limit" });
  tab.value = tab.value === "book" && narrow() ? "trade" : tab.value;
  requestAnimationFrame(() => {
    const next = document.querySelector<HTMLElement>(draft.value.quantity === "" ? "[data-key=quantity]" : "[data-key=send]");
    next?.focus();
  });
}

function narrow(): boolean {
  return document.querySelector(".exchange[data-narrow]") !== null;
}

function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !(event.currentTarget instanceof HTMLElement)) return;
  const rungs = [...event.currentTarget.querySelectorAll<HTMLElement>("button.rung")];
  const at = rungs.findIndex((rung) => rung === document.activeElement);
  event.preventDefault();
  rungs[at + step]?.focus();
}
