/** The order ticket: what is typed is checked before it is sent, kept when it is rejected, and told
 * once it is durable. A rejection is shown at its field. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ask, send, type Answer } from "../../api/client";
import { decimal, whole } from "../../parts/format";
import { Field, Note, Panel, problemOf, type Tone } from "../../parts/panel";
import { useAnswer } from "./asking";
import { clear, countOfTerms, draft, errors, integerOf, plain, read, stepped, write, type Draft, type Errors, type Order } from "./draft";
import { newOrderId, type Chosen, type TickBand } from "./market";
import { NumberInput, Switch } from "./inputs";
import { TermsFields } from "./terms_fields";

const PATH = "/api/markets/exchange/commands/place_order";
const TYPES = { limit: "Limit", market: "Market", market_to_limit: "To limit" } as const;
const TIMES = {
  good_till_cancelled: "Good till cancelled",
  day: "Day",
  immediate_or_cancel: "Immediate or cancel",
  fill_or_kill: "Fill or kill",
  good_till_date: "Good till date",
  good_till_time: "Good till time",
  at_the_opening: "At the opening",
  at_the_close: "At the close",
  good_for_auction: "Good for auction",
} as const;

interface Outcome {
  tone: Tone;
  text: string;
}

/** A command that was sent and never answered: sent again as it was, it is decided once. */
interface Unanswered {
  asked: string;
  body: Order;
  key: string;
}

export function OrderForm({ instrument, account }: Chosen) {
  const bands = useAnswer(() => ask("/api/markets/exchange/queries/tick_bands", { instrument: instrument.instrument }), [
    instrument.instrument,
    instrument.listed_at_ms,
  ]);
  const sending = useSignal(false);
  const outcome = useSignal<Outcome | null>(null);
  const unanswered = useRef<Unanswered | null>(null);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (sending.value) return;
    const [order, found] = read(draft.value, instrument, bands ?? []);
    if (account === null) found.account_id = "whose order is it? Choose an account above";
    errors.value = found;
    outcome.value = null;
    if (account === null || Object.keys(found).length > 0) {
      focusFirstError(event.currentTarget as HTMLFormElement);
      return;
    }
    const asked = JSON.stringify([order, account]);
    const again = unanswered.current?.asked === asked ? unanswered.current : null;
    const sent = again ?? { asked, body: { ...order, order_id: newOrderId(), account_id: account }, key: crypto.randomUUID() };
    unanswered.current = sent;
    sending.value = true;
    try {
      const answer = await send(PATH, sent.body, sent.key);
      unanswered.current = null;
      outcome.value = told(answer, sent.body, instrument.price_decimals);
    } catch (error) {
      outcome.value = refused(error, unanswered);
    } finally {
      sending.value = false;
    }
  }

  const { side } = draft.value;
  return (
    <Panel title="Order" class="exchange-entry" tools={<Reset />}>
      <form class="exchange-form" data-side={side} onSubmit={(event) => void submit(event)} noValidate>
        <Switch
          label="Side"
          name="side"
          chosen={side}
          titles={{ buy: "Buy", sell: "Sell" }}
          onChoose={(chosen) => write({ side: chosen })}
        />
        <Switch label="Type" name="order_type" chosen={draft.value.order_type} titles={TYPES} onChoose={(order_type) => write({ order_type })} />
        {errors.value.order_type !== undefined && <p class="small field-error">{errors.value.order_type}</p>}
        <Prices instrument={instrument} account={account} bands={bands ?? []} />
        <Times />
        <details class="exchange-terms" open={hasErrorBelow(errors.value) || undefined}>
          <summary>
            Terms {countOfTerms(draft.value) > 0 && <span class="badge">{countOfTerms(draft.value)}</span>}
          </summary>
          <TermsFields />
        </details>
        <button class={`exchange-send ${side}`} disabled={sending.value} data-key="send">
          {sending.value ? "Sending…" : toSend(draft.value, instrument)}
        </button>
        <div class="exchange-outcome" aria-live="polite">
          {outcome.value !== null && <Note tone={outcome.value.tone}>{outcome.value.text}</Note>}
          {errors.value.account_id !== undefined && <Note tone="danger">{errors.value.account_id}</Note>}
        </div>
      </form>
    </Panel>
  );
}

function Reset() {
  return (
    <button type="button" class="quiet small" onClick={clear} data-key="clear">
      Clear
    </button>
  );
}

function Prices({ instrument, bands }: Chosen & { bands: readonly TickBand[] }) {
  const { price_decimals: decimals, lot_size: lot } = instrument;
  const { price, quantity, order_type } = draft.value;

  function stepPrice(step: 1 | -1): void {
    const before = integerOf(price, decimals);
    if (before !== null) write({ price: plain(stepped(bands, instrument, before, step), decimals) });
  }
  function stepQuantity(step: 1 | -1): void {
    const before = integerOf(quantity, 0) ?? 0;
    write({ quantity: String(Math.max(lot, (Math.floor(before / lot) + step) * lot)) });
  }
  const is_market = order_type !== "limit";
  return (
    <>
      <NumberInput
        label="Price"
        name="price"
        value={is_market ? "" : price}
        disabled={is_market}
        placeholder={is_market ? "at the market" : ""}
        error={errors.value.price}
        onWrite={(text) => write({ price: text })}
        onStep={stepPrice}
      />
      <NumberInput
        label={lot > 1 ? `Quantity, in lots of ${lot}` : "Quantity"}
        name="quantity"
        value={quantity}
        error={errors.value.quantity}
        onWrite={(text) => write({ quantity: text })}
        onStep={stepQuantity}
      />
    </>
  );
}

function Times() {
  const { time_in_force, expires_on, expires_at_ms } = draft.value;
  return (
    <>
      <Field label="Time in force" error={errors.value.time_in_force}>
        {(given) => (
          <select
            {...given}
            value={time_in_force}
            onChange={(event) => write({ time_in_force: event.currentTarget.value as Draft["time_in_force"] })}
          >
            {Object.entries(TIMES).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      {time_in_force === "good_till_date" && (
        <Field label="Last day" error={errors.value.expires_on}>
          {(given) => (
            <input {...given} type="date" value={expires_on} onInput={(event) => write({ expires_on: event.currentTarget.value })} />
          )}
        </Field>
      )}
      {time_in_force === "good_till_time" && (
        <Field label="Till" error={errors.value.expires_at_ms}>
          {(given) => (
            <input
              {...given}
              type="datetime-local"
              step={1}
              value={expires_at_ms}
              onInput={(event) => write({ expires_at_ms: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}

const ABOVE = new Set(["price", "quantity", "order_type", "time_in_force", "expires_on", "expires_at_ms", "account_id"]);

function hasErrorBelow(found: Errors): boolean {
  return Object.keys(found).some((name) => !ABOVE.has(name));
}

/** "Buy 100 at 9.95" */
function toSend(given: Draft, { price_decimals: decimals, symbol }: Chosen["instrument"]): string {
  const price = given.order_type === "limit" ? integerOf(given.price, decimals) : null;
  const quantity = integerOf(given.quantity, 0);
  const verb = given.side === "buy" ? "Buy" : "Sell";
  const count = quantity === null ? "" : ` ${whole(quantity)}`;
  return `${verb}${count} ${symbol}${price === null ? "" : ` at ${decimal(price, decimals)}`}`;
}

/** What became of the order within its own command. */
function told(answer: Answer, order: Order, decimals: number): Outcome {
  let traded = 0;
  let paid = 0;
  let cancelled = "";
  let parked = false;
  for (const event of answer.events) {
    const quantity = Number(event.quantity ?? 0);
    if (event.type === "order_traded.v1" && event.taker_order_id === order.order_id) {
      traded += quantity;
      paid += quantity * Number(event.price);
    } else if (event.type === "order_cancelled.v1" && event.order_id === order.order_id) {
      cancelled = `${whole(quantity)} cancelled (${String(event.reason ?? "requested").replaceAll("_", " ")})`;
    } else if (event.type === "order_accepted.v1") {
      parked = event.parked === true;
    }
  }
  const parts = [`Order ${order.order_id} accepted`];
  if (traded > 0) parts.push(`${whole(traded)} traded at ${decimal(Math.round(paid / traded), decimals)}`);
  if (cancelled !== "") parts.push(cancelled);
  else if (parked) parts.push("it waits");
  else if (traded < order.quantity) parts.push(`${whole(order.quantity - traded)} on the book`);
  return { tone: order.side, text: parts.join(" · ") };
}

/** Where the problem has a field, it is shown there. */
function refused(error: unknown, unanswered: { current: Unanswered | null }): Outcome {
  const problem = problemOf(error);
  const text = problem.detail || problem.title;
  const unknown = problem.status === 0 || problem.status >= 500;
  if (unknown) return { tone: "warning", text: `${text}. Whether the order came in is not known: send it again, it counts once.` };
  unanswered.current = null;
  const field = (problem.field ?? problem.path ?? "").replace(/^\$\./, "").split(".").pop() ?? "";
  if (field in draft.value || field === "account_id") {
    errors.value = { [field]: text };
    if (field !== "side" && field !== "self_trade_prevention") return { tone: "danger", text: "Rejected: see the field above" };
  }
  return { tone: "danger", text };
}

function focusFirstError(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
}
