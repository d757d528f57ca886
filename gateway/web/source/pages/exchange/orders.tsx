/** The account's open orders in the instrument: shown as the read models have them, and changed by
 * commands whose effect is seen when it is durable. */
import { signal, useSignal } from "@preact/signals";
import { ask, send } from "../../api/client";
import type { Problem } from "../../api/client";
import { useLive } from "../../api/live";
import { clock, decimal, whole, words } from "../../parts/format";
import { Badge, Dialog, Empty, Field, problemOf, ProblemNote } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import { useAnswer } from "./asking";
import { plain, Reading, type Errors } from "./draft";
import type { Chosen, Instrument, OpenOrder } from "./market";
import { useHeight, useNarrow } from "./sizes";

const COMMANDS = "/api/markets/exchange/commands";
const ROW_PX = 30;
/** Columns that a narrow screen has no room for. */
const IN_WIDE = ["how", "at", "order"];

/** By order: what was asked for and is not answered yet. */
const underWay = signal<ReadonlySet<number>>(new Set());
const refusedLast = signal<Problem | null>(null);
const replaced = signal<OpenOrder | null>(null);

async function asked(order_id: number, ask: () => Promise<unknown>): Promise<void> {
  underWay.value = new Set([...underWay.value, order_id]);
  refusedLast.value = null;
  try {
    await ask();
  } catch (error) {
    refusedLast.value = problemOf(error);
  } finally {
    underWay.value = new Set([...underWay.value].filter((each) => each !== order_id));
  }
}

function cancel({ instrument, order_id, account_id }: OpenOrder): void {
  void asked(order_id, () => send(`${COMMANDS}/cancel_order`, { instrument, order_id, account_id }));
}

function useOrders(instrument: Instrument, account: number | null) {
  return useLive(
    "/api/markets/exchange/queries/open_orders",
    account === null ? null : { account_id: account, instrument: instrument.instrument },
  );
}

export function Orders({ instrument, account }: Chosen) {
  const { value: orders, problem } = useOrders(instrument, account);
  const [place, height] = useHeight(240);
  const narrow = useNarrow();
  const all = columns(instrument.price_decimals);
  return (
    <div ref={place} class="exchange-fill">
      <ProblemNote problem={refusedLast.value ?? problem} />
      {account === null ? (
        <Empty>Choose an account above to see its orders.</Empty>
      ) : (
        <Table
          label="Open orders"
          rows={orders ?? []}
          columns={narrow ? all.filter((column) => !IN_WIDE.includes(column.name)) : all}
          keyOf={(order) => order.order_id}
          height={height}
          rowHeight={ROW_PX}
          empty={orders === null ? "…" : "No open orders."}
        />
      )}
      <Dialog title={`Replace order ${replaced.value?.order_id ?? ""}`} open={replaced.value !== null} onClose={() => (replaced.value = null)}>
        {replaced.value !== null && <Replace instrument={instrument} order={{ ...replaced.value }} />}
      </Dialog>
    </div>
  );
}

function columns(decimals: number): Column<OpenOrder>[] {
  return [
    { name: "side", title: "Side", width: "34px", cell: (order) => <span class={order.side}>{order.side}</span> },
    {
      name: "price",
      title: "Price",
      width: "minmax(64px, 1fr)",
      end: true,
      cell: (order) => (order.price === 0 ? words(order.order_type) : decimal(order.price, decimals)),
    },
    { name: "open", title: "Open", width: "minmax(52px, 1fr)", end: true, cell: (order) => whole(order.quantity) },
    { name: "how", title: "Terms", width: "minmax(60px, 2fr)", cell: (order) => <Terms order={order} /> },
    { name: "at", title: "Since", width: "62px", cell: (order) => <span class="muted">{clock(order.accepted_at_ms)}</span> },
    { name: "order", title: "Order", width: "76px", end: true, cell: (order) => <span class="muted">{order.order_id}</span> },
    { name: "do", title: <span class="hidden">Actions</span>, width: "132px", end: true, cell: (order) => <Actions order={order} /> },
  ];
}

function Terms({ order }: { order: OpenOrder }) {
  const told = [
    ...(order.order_type === "limit" ? [] : [words(order.order_type)]),
    ...(order.time_in_force === "good_till_cancelled" ? [] : [words(order.time_in_force)]),
    ...(order.post_only ? ["post only"] : []),
    ...(order.is_quote ? ["quote"] : []),
    ...(order.terms === "" ? [] : [order.terms]),
  ].join(", ");
  return (
    <span class="muted" title={told}>
      {order.state === "parked" && <Badge tone="warning">waits</Badge>} {told}
    </span>
  );
}

function Actions({ order }: { order: OpenOrder }) {
  const isUnderWay = underWay.value.has(order.order_id);
  const told = `order ${order.order_id}`;
  return (
    <span class="exchange-actions">
      <button type="button" class="quiet" disabled={isUnderWay} aria-label={`Replace ${told}`} onClick={() => (replaced.value = { ...order })}>
        Replace
      </button>
      <button type="button" class="quiet" disabled={isUnderWay} aria-label={`Cancel ${told}`} onClick={() => cancel(order)}>
        Cancel
      </button>
    </span>
  );
}

/** Asks twice: there is no way back. */
export function CancelAll({ instrument, account }: { instrument: Instrument; account: number }) {
  const { value: orders } = useOrders(instrument, account);
  const sure = useSignal(false);
  const count = orders?.length ?? 0;
  if (count === 0) return null;
  function go(): void {
    if (!sure.value) {
      sure.value = true;
      return;
    }
    sure.value = false;
    const body = { instrument: instrument.instrument, account_id: account, side: null, session_id: 0 };
    void asked(-1, () => send(`${COMMANDS}/mass_cancel`, body));
  }
  return (
    <button type="button" class="quiet" data-tone={sure.value ? "danger" : undefined} disabled={underWay.value.has(-1)} onClick={go} onBlur={() => (sure.value = false)}>
      {sure.value ? `Cancel ${count} orders now` : "Cancel all"}
    </button>
  );
}

/** Another price and quantity; the rest of it stays. */
function Replace({ instrument, order }: { instrument: Instrument; order: OpenOrder }) {
  const decimals = instrument.price_decimals;
  const price = useSignal(plain(order.limit_price, decimals));
  const quantity = useSignal(String(order.quantity));
  const found = useSignal<Errors>({});
  const refused = useSignal<Problem | null>(null);
  const sending = useSignal(false);
  const bands = useAnswer(() => ask("/api/markets/exchange/queries/tick_bands", { instrument: order.instrument }), [order.instrument]);
  const hasPrice = order.limit_price !== 0 || order.order_type === "limit";

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const reading = new Reading(instrument, bands ?? []);
    const body = {
      instrument: order.instrument,
      order_id: order.order_id,
      account_id: order.account_id,
      price: hasPrice ? reading.price("price", price.value, order.display !== "none") : 0,
      quantity: reading.quantity("quantity", quantity.value, true),
      time_in_force: null,
      terms: null,
    };
    found.value = reading.errors;
    refused.value = null;
    if (sending.value || Object.keys(reading.errors).length > 0) return;
    sending.value = true;
    try {
      await send(`${COMMANDS}/replace_order`, body);
      replaced.value = null;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.field === "price" || problem.field === "quantity") found.value = { [problem.field]: problem.detail || problem.title };
      else refused.value = problem;
    } finally {
      sending.value = false;
    }
  }

  return (
    <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
      <Field label="Price" error={found.value.price}>
        {(given) => (
          <input {...given} inputMode="decimal" autocomplete="off" disabled={!hasPrice} value={price.value} onInput={(event) => (price.value = event.currentTarget.value)} />
        )}
      </Field>
      <Field label="Open quantity" error={found.value.quantity}>
        {(given) => (
          <input {...given} inputMode="numeric" autocomplete="off" value={quantity.value} onInput={(event) => (quantity.value = event.currentTarget.value)} />
        )}
      </Field>
      <ProblemNote problem={refused.value} />
      <p class="small muted">Less of it at the same price keeps its place in the queue; anything else goes to the back, and may trade first.</p>
      <button class="primary" disabled={sending.value}>
        {sending.value ? "Sending…" : "Replace"}
      </button>
    </form>
  );
}
